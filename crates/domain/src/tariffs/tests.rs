//! Tests of the price engine.
