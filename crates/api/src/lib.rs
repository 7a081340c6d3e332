//! What the UI may ask of the platform: request and answer types, and one plain async trait a feature.
//!
//! Knows the rules (`domain`) and nothing else: no SQL, no HTTP, no charge points. It also holds the catalogue of texts in three
//! languages (`i18n`), because pages, receipts and text messages must say the same.

pub mod auth;
pub mod balance;
pub mod error;
pub mod finance;
pub mod guest;
pub mod i18n;

pub use error::ApiError;
