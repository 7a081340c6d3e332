//! The XML API of Nikita SMS: messages, delivery reports, numbers, the account.
//!
//! Knows nothing of who is written to and why. Credentials travel in the body, so only `https` will do.

pub mod push;
pub(crate) mod xml;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Asia::Bishkek;
use domain::{Phone, Tyiyn};
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::error::{ProviderError, RefusalCode};
pub use crate::http::Timeouts;
use crate::http::{self, Answer};
use crate::sms::{self, DeliveryReport, DeliveryState, SendSms, SmsAccount, SmsMessageId, SmsProvider, SmsReceipt};
pub use xml::XmlError;
use xml::{Element, escape};

const WHAT: &str = "Nikita SMS";
/// The gateway's own limit of a text.
pub const TEXT_CHARS_MAX: usize = 800;
/// Four parts carry 268 Cyrillic characters, more than any text of ours; what is longer is a mistake that costs money.
pub const PARTS_MAX_DEFAULT: usize = 4;
/// The longest region or operator that is taken over.
const NAME_CHARS_MAX: usize = 100;

/// What Nikita gives at onboarding.
#[derive(Debug, Clone)]
pub struct NikitaConfig {
    /// What stands before `/api/message`; `https://smspro.nikita.kg`.
    pub base_url: Url,
    pub login: String,
    pub password: SecretString,
    /// 1 to 11 of `A–Z a–z 0–9 . -`, or up to 14 digits; approved by Nikita.
    pub sender: String,
    /// Texts of more parts are refused before they cost.
    pub parts_max: usize,
    pub mode: SendMode,
    pub timeouts: Timeouts,
}

/// Whether messages really leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SendMode {
    #[default]
    Real,
    /// `<test>1</test>`: checked, not sent, not billed.
    Test,
}

/// What a number is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberInfo {
    pub region: Option<String>,
    pub operator: Option<String>,
}

/// The client. Cheap to clone; one HTTP client behind it.
#[derive(Clone)]
pub struct NikitaClient {
    http: reqwest::Client,
    config: Arc<NikitaConfig>,
}

impl NikitaClient {
    pub fn new(config: NikitaConfig) -> Result<Self, ProviderError> {
        if config.login.is_empty() || config.password.expose_secret().is_empty() {
            return Err(ProviderError::misconfigured("login or password of Nikita SMS is empty"));
        }
        if !is_sender(&config.sender) {
            return Err(ProviderError::misconfigured(
                "the sender must be 1 to 11 of A-Z a-z 0-9 . - or up to 14 digits, as it was approved by Nikita SMS",
            ));
        }
        let http = http::client(&config.base_url, config.timeouts, WHAT)?;
        Ok(Self { http, config: Arc::new(config) })
    }

    /// See [`SmsProvider::send`].
    pub async fn send(&self, message: SendSms) -> Result<SmsReceipt, ProviderError> {
        let sender = message.sender.as_deref().unwrap_or(&self.config.sender);
        if !is_sender(sender) {
            return Err(invalid("the sender must be 1 to 11 of A-Z a-z 0-9 . - or up to 14 digits"));
        }
        let text = message.text.as_str();
        if text.trim().is_empty() {
            return Err(invalid("the text is empty"));
        }
        if text.encode_utf16().count() > TEXT_CHARS_MAX {
            return Err(invalid(&format!("the text is longer than {TEXT_CHARS_MAX} characters")));
        }
        let parts = sms::parts(text).parts;
        if parts > self.config.parts_max {
            return Err(invalid(&format!("the text would cost {parts} parts, and {} are allowed", self.config.parts_max)));
        }
        let test = match self.config.mode {
            SendMode::Real => "",
            SendMode::Test => "<test>1</test>",
        };
        let inner = format!(
            "<id>{}</id><sender>{}</sender><text>{}</text><phones><phone>{}</phone></phones>{test}",
            message.id.as_str(),
            escape(sender),
            escape(text),
            digits(&message.phone),
        );
        let root = self.call("message", "message", "", &inner).await?;
        match status(&root)? {
            0 => Ok(SmsReceipt::Accepted { parts: root.value("smscnt").and_then(|n| n.parse().ok()) }),
            10 => Ok(SmsReceipt::AlreadyAccepted),
            11 => Ok(SmsReceipt::TestMode),
            4 => Err(ProviderError::refused(
                RefusalCode::NoFunds,
                "the SMS account is empty; top it up at Nikita SMS, nobody gets a code until then",
            )),
            5 => Err(ProviderError::misconfigured(format!(
                "the sender {} is not approved; ask Nikita SMS to approve it",
                escape(sender)
            ))),
            6 => Err(ProviderError::refused(
                RefusalCode::StopWords,
                "the text has words that Nikita SMS forbids; change the template",
            )),
            7 => Err(ProviderError::refused(
                RefusalCode::BadPhone,
                "Nikita SMS does not take this number; a test account takes only the number of its own profile",
            )),
            8 => Err(ProviderError::refused(
                RefusalCode::BadTime,
                "the sending time is not accepted; check the clock of the server",
            )),
            9 => Err(ProviderError::unknown(
                "Nikita SMS was too slow (status 9); the message is sent again under the same id in 5 to 10 seconds",
            )),
            other => Err(common_status(other)),
        }
    }

    /// See [`SmsProvider::delivery`].
    pub async fn delivery(&self, id: &SmsMessageId) -> Result<Vec<DeliveryReport>, ProviderError> {
        let root = self.call("dr", "dr", "", &format!("<id>{}</id>", id.as_str())).await?;
        match status(&root)? {
            0 => Ok(root.all("phone").filter_map(|p| read_report(p, wire_time_of)).collect()),
            4 => Ok(Vec::new()),
            5 => Err(ProviderError::not_sent(
                "Nikita SMS is asked too often for one message (status 5); it is asked again later",
            )),
            other => Err(common_status(other)),
        }
    }

    /// Region and operator of a number; free of charge.
    pub async fn number_info(&self, phone: &Phone) -> Result<NumberInfo, ProviderError> {
        let inner = format!("<phone>{}</phone>", digits(phone));
        let root = self.call("def", "def", " xmlns=\"http://Giper.mobi/schema/PhoneDEF\"", &inner).await?;
        match status(&root)? {
            0 => {
                let name =
                    |field| root.value(field).map(|t| t.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect());
                Ok(NumberInfo { region: name("region"), operator: name("operator") })
            }
            3 => Err(ProviderError::refused(RefusalCode::BadPhone, "Nikita SMS does not take this number")),
            4 => {
                Err(ProviderError::refused(RefusalCode::UnknownNumber, "Nikita SMS does not know the operator of this number"))
            }
            other => Err(common_status(other)),
        }
    }

    /// See [`SmsProvider::account`].
    pub async fn account(&self) -> Result<SmsAccount, ProviderError> {
        let root = self.call("info", "info", " xmlns=\"http://Giper.mobi/schema/Info\"", "").await?;
        match status(&root)? {
            0 => Ok(SmsAccount {
                active: root.value("state").is_none_or(|s| s == "0"),
                balance: root.value("account").and_then(som_to_tyiyn),
                price_per_part: root.value("smsprice").and_then(som_to_tyiyn),
            }),
            other => Err(common_status(other)),
        }
    }

    async fn call(&self, method: &str, root: &str, attributes: &str, inner: &str) -> Result<Element, ProviderError> {
        let mut url = self.config.base_url.clone();
        url.set_path(&format!("{}/api/{method}", self.config.base_url.path().trim_end_matches('/')));
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><{root}{attributes}><login>{}</login><pwd>{}</pwd>{inner}</{root}>",
            escape(&self.config.login),
            escape(self.config.password.expose_secret()),
        );
        let request = self.http.post(url).header(CONTENT_TYPE, "application/xml; charset=utf-8").body(body);
        open(&http::send(request, WHAT).await?)
    }
}

#[async_trait]
impl SmsProvider for NikitaClient {
    async fn send(&self, message: SendSms) -> Result<SmsReceipt, ProviderError> {
        self.send(message).await
    }
    async fn delivery(&self, id: &SmsMessageId) -> Result<Vec<DeliveryReport>, ProviderError> {
        self.delivery(id).await
    }
    async fn account(&self) -> Result<SmsAccount, ProviderError> {
        self.account().await
    }
}

/// The document when it has a status; else the HTTP status decides.
fn open(answer: &Answer) -> Result<Element, ProviderError> {
    let found = xml::parse(&answer.body);
    let why = match found {
        Ok(root) if root.value("status").is_some() => return Ok(root),
        Ok(_) => "no status in it".to_owned(),
        Err(error) => error.to_string(),
    };
    let status = answer.status;
    Err(match status {
        300..=399 => ProviderError::misconfigured(format!("Nikita SMS redirects (HTTP {status}); check its base URL")),
        401 | 403 => ProviderError::misconfigured(format!(
            "Nikita SMS denies access (HTTP {status}); is our address allowed in its cabinet?"
        )),
        404 | 405 => {
            ProviderError::misconfigured(format!("no Nikita SMS API at this address (HTTP {status}); check its base URL"))
        }
        429 => ProviderError::not_sent("Nikita SMS wants fewer calls (HTTP 429); it is tried again later"),
        _ => ProviderError::unknown(format!(
            "the answer of Nikita SMS cannot be read (HTTP {status}: {why}); the message is sent again under the same id, tell Nikita SMS if it lasts"
        )),
    })
}

fn status(root: &Element) -> Result<u32, ProviderError> {
    root.value("status").and_then(|s| s.parse().ok()).ok_or_else(|| {
        ProviderError::unknown(
            "Nikita SMS answered with a status that is no number; the message is sent again under the same id",
        )
    })
}

/// What the statuses mean that all calls share.
fn common_status(status: u32) -> ProviderError {
    match status {
        1 => ProviderError::refused(
            RefusalCode::Validation,
            "Nikita SMS finds the request malformed (status 1); compare it with its documentation",
        ),
        2 => ProviderError::misconfigured("login or password of Nikita SMS is wrong (status 2)"),
        3 => ProviderError::misconfigured("our address is not allowed (status 3); add it in the cabinet of Nikita SMS"),
        other => ProviderError::unknown(format!(
            "Nikita SMS answered with the undocumented status {other}; ask its support, and repeat only under the same id"
        )),
    }
}

fn invalid(what: &str) -> ProviderError {
    ProviderError::refused(RefusalCode::InvalidRequest, format!("{what}; nothing was sent"))
}

/// `996…` without the plus.
fn digits(phone: &Phone) -> &str {
    phone.as_e164().trim_start_matches('+')
}

fn is_sender(sender: &str) -> bool {
    let plain =
        (1..=11).contains(&sender.len()) && sender.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    let number = (1..=14).contains(&sender.len()) && sender.bytes().all(|b| b.is_ascii_digit());
    plain || number
}

/// One `<phone>` of a delivery report.
fn read_report(phone: &Element, time: fn(&str) -> Option<DateTime<Utc>>) -> Option<DeliveryReport> {
    let number = phone.value("number")?;
    let phone_digits: String = number.chars().filter(char::is_ascii_digit).take(15).collect();
    let state = DeliveryState::from_code(phone.value("report")?.parse().ok()?);
    (!phone_digits.is_empty()).then(|| DeliveryReport {
        phone_digits,
        state,
        sent_at: phone.value("sendTime").and_then(time),
        received_at: phone.value("rcvTime").and_then(time),
    })
}

/// `YYYYMMDDhhmmss` in Bishkek.
fn wire_time_of(text: &str) -> Option<DateTime<Utc>> {
    let local = NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M%S").ok()?;
    local.and_local_timezone(Bishkek).earliest().map(|t| t.with_timezone(&Utc))
}

/// `20123.12` som, without a float. What is finer than a tyiyn is cut off: this is only shown and compared with a warning level.
pub(crate) fn som_to_tyiyn(text: &str) -> Option<Tyiyn> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    if whole.is_empty() || whole.len() > 12 || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let cents: String = fraction.chars().chain("00".chars()).take(2).collect();
    let tyiyn = whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(cents.parse().ok()?)?;
    Some(Tyiyn::new(sign * tyiyn))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn som_become_tyiyn_without_a_float() {
        assert_eq!(som_to_tyiyn("20123.12"), Some(Tyiyn::new(2_012_312)));
        assert_eq!(som_to_tyiyn("0.50"), Some(Tyiyn::new(50)));
        assert_eq!(som_to_tyiyn("0.5"), Some(Tyiyn::new(50)));
        assert_eq!(som_to_tyiyn("7"), Some(Tyiyn::new(700)));
        assert_eq!(som_to_tyiyn("-1,259"), Some(Tyiyn::new(-125)));
        for bad in ["", ".5", "1e3", "NaN", "1.2.3", "--1", "9999999999999"] {
            assert_eq!(som_to_tyiyn(bad), None, "{bad}");
        }
    }

    #[test]
    fn senders_are_checked_before_they_cost() {
        for good in ["RedPetrol", "my-comp.any", "99612345678901"] {
            assert!(is_sender(good), "{good}");
        }
        for bad in ["", "twelve-chars", "Нефть", "a b", "999999999999999"] {
            assert!(!is_sender(bad), "{bad}");
        }
    }

    #[test]
    fn an_answer_without_a_status_is_unknown_unless_http_says_more() {
        let open = |status, body: &str| open(&Answer { status, body: body.as_bytes().to_vec() });
        for body in ["", "<html>", "<response/>", "{}", "<!DOCTYPE x><response><status>0</status></response>"] {
            assert!(open(200, body).unwrap_err().may_have_happened(), "{body}");
            assert!(open(500, body).unwrap_err().may_have_happened(), "{body}");
        }
        assert!(open(500, "<response><status>0</status></response>").is_ok());
        assert!(matches!(open(404, "nothing"), Err(ProviderError::Misconfigured { .. })));
    }

    proptest! {
        #[test]
        fn no_amount_makes_it_panic(text in "\\PC{0,20}") {
            let _ = som_to_tyiyn(&text);
            let _ = wire_time_of(&text);
        }
    }
}
