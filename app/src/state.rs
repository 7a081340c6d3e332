//! What the pages are given by the server.

use std::sync::Arc;

use api::auth::AuthApi;
use api::balance::BalanceApi;
use api::finance::FinanceApi;
use api::guest::GuestApi;

use crate::assets::Assets;
use crate::hosts::Hosts;

/// State of the router. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub guest: Arc<dyn GuestApi>,
    pub auth: Arc<dyn AuthApi>,
    pub balance: Arc<dyn BalanceApi>,
    pub finance: Arc<dyn FinanceApi>,
    pub site: Arc<Site>,
}

/// What is the same for all visitors.
pub struct Site {
    /// The names under which people reach us.
    pub hosts: Hosts,
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

    /// Whether a form may lead straight to this payment page.
    pub fn is_payment_url(&self, url: &str) -> bool {
        self.payment_origins.iter().any(|origin| {
            url.strip_prefix(origin.as_str()).is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'/' | b'?')))
        })
    }
}
