//! The merchant API of Namba One: links, payments, refunds, the merchant's account.
//!
//! Knows nothing of orders in our tables. It makes each call once; what is ambiguous is told apart from what failed.

pub mod signature;
pub mod webhook;
pub(crate) mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use domain::Tyiyn;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;
use uuid::Uuid;

use crate::error::{ProviderError, RefusalCode};
use crate::http;
pub use crate::http::Timeouts;
use crate::payment::{
    CreateLink, CreateRefund, MerchantInfo, PaymentLink, PaymentOrder, PaymentOutcome, PaymentProvider, RefundOrder,
};

const WHAT: &str = "Namba One";
/// The longest id that an integrator is known to have used.
const EXTERNAL_ID_CHARS_MAX: usize = 256;
/// The type that three of four integrations use for payments by link.
const REFUND_PARENT_TYPE: &str = "PAYMENT_QR";

/// Which create-link call the merchant account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ApiVersion {
    V1,
    #[default]
    V2,
}

/// What Namba One gives at onboarding, all of it.
#[derive(Debug, Clone)]
pub struct NambaConfig {
    /// What stands before `/public/merchant/payment/…`.
    pub base_url: Url,
    pub merchant_guid: String,
    pub secret: SecretString,
    pub api_version: ApiVersion,
    /// The `parentType` of refunds; `None` takes it from the order.
    pub refund_parent_type: Option<String>,
    pub timeouts: Timeouts,
}

/// The client. Cheap to clone; one HTTP client behind it.
#[derive(Clone)]
pub struct NambaClient {
    http: reqwest::Client,
    config: Arc<NambaConfig>,
    /// The path of the base URL without the slash at its end.
    base_path: String,
    /// Fresh random for each request.
    salts: Arc<dyn Fn() -> Uuid + Send + Sync>,
}

impl NambaClient {
    /// `salts` gives a fresh random UUID (v4) at each call.
    pub fn new(config: NambaConfig, salts: impl Fn() -> Uuid + Send + Sync + 'static) -> Result<Self, ProviderError> {
        if !is_path_segment(&config.merchant_guid) {
            return Err(ProviderError::misconfigured("the merchant id of Namba One is missing or has control characters"));
        }
        if secrecy::ExposeSecret::expose_secret(&config.secret).is_empty() {
            return Err(ProviderError::misconfigured("the secret of Namba One is empty; requests cannot be signed"));
        }
        let http = http::client(&config.base_url, config.timeouts, WHAT)?;
        let base_path = config.base_url.path().trim_end_matches('/').to_owned();
        Ok(Self { http, config: Arc::new(config), base_path, salts: Arc::new(salts) })
    }

    /// See [`PaymentProvider::create_link`].
    pub async fn create_link(&self, link: CreateLink) -> Result<PaymentLink, ProviderError> {
        check_id(&link.external_id, "external id")?;
        check_amount(link.amount)?;
        let body = wire::CreateLinkBody {
            external_id: &link.external_id,
            amount: link.amount.get().to_string(),
            amount_can_be_changed: false,
            webhook_url: link.webhook_url.as_deref(),
            webhook_headers: &link.webhook_headers,
            comment: &link.comment,
            web_options: link
                .redirect_link
                .as_deref()
                .map(|redirect_link| wire::WebOptions { redirect_link, auto_redirect: link.auto_redirect }),
        };
        let data = self.post(self.config.api_version, &["one-time"], &body).await?;
        wire::payment_link(&data.ok_or_else(|| wire::unreadable("OK without `data`"))?)
    }

    /// See [`PaymentProvider::payment_by_external_id`].
    pub async fn payment_by_external_id(&self, external_id: &str) -> Result<Option<PaymentOrder>, ProviderError> {
        check_id(external_id, "external id")?;
        let data = match self.get(&["one-time", external_id]).await {
            // "No such payment" and "no data" are told apart by no two integrations: both wait.
            Err(ProviderError::Refused { code: RefusalCode::OrderNotFound, .. }) => return Ok(None),
            other => other?,
        };
        let Some(data) = data else { return Ok(None) };
        let order = wire::payment_order(&data, wire::Money::Strict)?;
        check_same(&order.external_id, external_id)?;
        // Money is credited by the one and refunded by the other: a paid order has both.
        if order.status.outcome() == PaymentOutcome::Paid && (order.payment_amount.is_none() || order.guid.is_empty()) {
            return Err(wire::unreadable("a paid order without `paymentAmount` or `guid`"));
        }
        Ok(Some(order))
    }

    /// See [`PaymentProvider::create_refund`].
    pub async fn create_refund(&self, external_refund_id: &str, refund: CreateRefund) -> Result<RefundOrder, ProviderError> {
        check_id(external_refund_id, "refund id")?;
        check_id(&refund.payment_order_guid, "payment guid")?;
        check_amount(refund.amount)?;
        let parent_type =
            self.config.refund_parent_type.as_deref().or(refund.order_kind.as_deref()).unwrap_or(REFUND_PARENT_TYPE);
        let body = wire::CreateRefundBody {
            parent_type,
            payment_order_guid: &refund.payment_order_guid,
            amount: refund.amount.get().to_string(),
            comment: &refund.comment,
            webhook_url: refund.webhook_url.as_deref(),
            webhook_headers: &refund.webhook_headers,
        };
        let data = self.post(ApiVersion::V1, &["refund", external_refund_id], &body).await?;
        let made = wire::refund_order(&data.ok_or_else(|| wire::unreadable("OK without `data`"))?, wire::Money::Strict)?;
        check_same(&made.external_refund_id, external_refund_id)?;
        Ok(made)
    }

    /// See [`PaymentProvider::refund_status`].
    pub async fn refund_status(&self, external_refund_id: &str) -> Result<Option<RefundOrder>, ProviderError> {
        check_id(external_refund_id, "refund id")?;
        let data = match self.get(&["refund", external_refund_id]).await {
            Err(ProviderError::Refused { code: RefusalCode::RefundNotFound, .. }) => return Ok(None),
            other => other?,
        };
        // Here "OK without data" proves nothing: whether the refund exists stays open.
        let found = wire::refund_order(&data.ok_or_else(|| wire::unreadable("OK without `data`"))?, wire::Money::Strict)?;
        check_same(&found.external_refund_id, external_refund_id)?;
        Ok(Some(found))
    }

    /// See [`PaymentProvider::merchant_info`].
    pub async fn merchant_info(&self) -> Result<MerchantInfo, ProviderError> {
        let data = self.get(&[]).await?;
        wire::merchant_info(&data.ok_or_else(|| wire::unreadable("OK without `data`"))?)
    }

    async fn get(&self, segments: &[&str]) -> Result<Option<Map<String, Value>>, ProviderError> {
        self.call(Method::GET, ApiVersion::V1, segments, Vec::new()).await
    }

    async fn post(
        &self,
        version: ApiVersion,
        segments: &[&str],
        body: &impl Serialize,
    ) -> Result<Option<Map<String, Value>>, ProviderError> {
        // Serialised once: the bytes that are signed are the bytes that are sent.
        let body = serde_json::to_vec(body)
            .map_err(|e| ProviderError::refused(RefusalCode::InvalidRequest, format!("no JSON: {e}")))?;
        self.call(Method::POST, version, segments, body).await
    }

    async fn call(
        &self,
        method: Method,
        version: ApiVersion,
        segments: &[&str],
        body: Vec<u8>,
    ) -> Result<Option<Map<String, Value>>, ProviderError> {
        let path = self.path(version, segments);
        let mut url = self.config.base_url.clone();
        url.set_path(&path);
        if url.path() != path {
            return Err(ProviderError::misconfigured(
                "the path changes on its way into the URL and would be signed wrongly; check base URL and ids",
            ));
        }
        let salt = (self.salts)().to_string();
        let signature = signature::sign(&self.config.secret, &path, &body, &salt);
        let request = self
            .http
            .request(method, url)
            .header(CONTENT_TYPE, "application/json")
            .header(signature::SALT_HEADER, salt)
            .header(signature::SIGNATURE_HEADER, signature)
            .body(body);
        wire::open(&http::send(request, WHAT).await?)
    }

    /// The path as it is sent and signed: each id percent-encoded first.
    fn path(&self, version: ApiVersion, segments: &[&str]) -> String {
        let version = match version {
            ApiVersion::V1 => "v1",
            ApiVersion::V2 => "v2",
        };
        let mut path = format!("{}/public/merchant/payment/{version}/{}", self.base_path, encode(&self.config.merchant_guid));
        for segment in segments {
            path.push('/');
            path.push_str(&encode(segment));
        }
        path
    }
}

#[async_trait]
impl PaymentProvider for NambaClient {
    async fn create_link(&self, link: CreateLink) -> Result<PaymentLink, ProviderError> {
        self.create_link(link).await
    }
    async fn payment_by_external_id(&self, external_id: &str) -> Result<Option<PaymentOrder>, ProviderError> {
        self.payment_by_external_id(external_id).await
    }
    async fn create_refund(&self, external_refund_id: &str, refund: CreateRefund) -> Result<RefundOrder, ProviderError> {
        self.create_refund(external_refund_id, refund).await
    }
    async fn refund_status(&self, external_refund_id: &str) -> Result<Option<RefundOrder>, ProviderError> {
        self.refund_status(external_refund_id).await
    }
    async fn merchant_info(&self) -> Result<MerchantInfo, ProviderError> {
        self.merchant_info().await
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn encode(segment: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// `.` and `..` vanish from a URL, and would be signed but not sent.
fn is_path_segment(text: &str) -> bool {
    !text.is_empty()
        && text != "."
        && text != ".."
        && text.chars().count() <= EXTERNAL_ID_CHARS_MAX
        && !text.chars().any(char::is_control)
}

fn check_id(id: &str, what: &str) -> Result<(), ProviderError> {
    if is_path_segment(id) {
        return Ok(());
    }
    Err(ProviderError::refused(
        RefusalCode::InvalidRequest,
        format!("the {what} must have 1 to {EXTERNAL_ID_CHARS_MAX} characters and no control characters; nothing was sent"),
    ))
}

fn check_amount(amount: Tyiyn) -> Result<(), ProviderError> {
    if amount > Tyiyn::ZERO {
        return Ok(());
    }
    Err(ProviderError::refused(RefusalCode::InvalidRequest, "the amount must be positive; nothing was sent"))
}

/// An answer about something else than was asked for must not move money.
fn check_same(answered: &str, asked: &str) -> Result<(), ProviderError> {
    if answered.is_empty() || answered == asked {
        return Ok(());
    }
    Err(wire::unreadable("it is about another id than was asked for"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_are_encoded_before_signing() {
        assert_eq!(encode("../x"), "..%2Fx");
        assert_eq!(encode("заказ 7?#"), "%D0%B7%D0%B0%D0%BA%D0%B0%D0%B7%207%3F%23");
        assert_eq!(encode("A-1_b.c~d"), "A-1_b.c~d");
        assert!(!is_path_segment("..") && !is_path_segment(".") && !is_path_segment("") && !is_path_segment("a\nb"));
    }

    proptest! {
        #[test]
        fn an_encoded_id_is_one_segment_that_a_url_leaves_alone(id in "\\PC{1,40}") {
            prop_assume!(is_path_segment(&id));
            let path = format!("/a/{}", encode(&id));
            let mut url = Url::parse("https://namba.example").unwrap();
            url.set_path(&path);
            prop_assert_eq!(url.path(), path);
            prop_assert_eq!(url.path_segments().unwrap().count(), 2);
        }
    }
}
