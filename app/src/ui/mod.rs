//! The design system: the page's frame, cards, icons, small parts that every page uses. Colours and sizes live in
//! `style/tailwind.css`.

pub mod amounts;
pub mod icons;
pub mod parts;
pub mod shell;
