//! Money, energy, dates and plurals as people of each language write them.
