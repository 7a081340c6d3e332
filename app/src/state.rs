//! What the pages are given by the server.

use std::sync::Arc;

use api::guest::GuestApi;

use crate::assets::Assets;

/// State of the router. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub guest: Arc<dyn GuestApi>,
    pub site: Arc<Site>,
}

/// What is the same for all visitors.
pub struct Site {
    /// Scheme, host and port where people reach us, without a slash at the end: `https://ev.example`.
    pub origin: String,
    /// Origins of the payment pages. A form may lead there (CSP `form-action`); to any other payment URL the guest goes by a link.
    pub payment_origins: Vec<String>,
    /// Shown where no station's own is known, `+996…`.
    pub helpline: String,
    pub assets: Assets,
    /// 128 random bits from the system's generator: for nonces and forms' keys.
    pub random: Box<dyn Fn() -> u128 + Send + Sync>,
}

impl Site {
    /// A fresh 128-bit word of 32 hexadecimal digits.
    pub fn random_word(&self) -> String {
        format!("{:032x}", (self.random)())
    }

    /// Cookies are marked `Secure` exactly when the site is served so.
    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// Whether a form may lead straight to this payment page.
    pub fn is_payment_url(&self, url: &str) -> bool {
        self.payment_origins.iter().any(|origin| {
            url.strip_prefix(origin.as_str()).is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'/' | b'?')))
        })
    }
}
