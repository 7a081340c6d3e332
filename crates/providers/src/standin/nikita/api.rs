//! The XML API: message, dr, def, info.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use chrono_tz::Asia::Bishkek;
use domain::Tyiyn;
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

use super::super::AnswerFault;
use super::App;
use super::state::Message;
use crate::nikita::TEXT_CHARS_MAX;
use crate::nikita::xml::{self, Element, escape};
use crate::sms::{self, SmsMessageId};

const PHONES_MAX: usize = 50;
/// One attempt and three repetitions.
const PUSH_ATTEMPTS: u32 = 4;

/// One of the four methods.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Message,
    Dr,
    Def,
    Info,
}

impl Method {
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            "message" => Self::Message,
            "dr" => Self::Dr,
            "def" => Self::Def,
            "info" => Self::Info,
            _ => return None,
        })
    }
    fn root(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Dr => "dr",
            Self::Def => "def",
            Self::Info => "info",
        }
    }
    fn namespace(self) -> &'static str {
        match self {
            Self::Message => "http://Giper.mobi/schema/Message",
            Self::Dr => "http://Giper.mobi/schema/DeliveryReport",
            Self::Def => "http://Giper.mobi/schema/PhoneDEF",
            Self::Info => "http://Giper.mobi/schema/Info",
        }
    }
}

pub(super) async fn call(State(app): State<App>, Path(method): Path<String>, body: Bytes) -> Response {
    let Some(method) = Method::of(&method) else { return StatusCode::NOT_FOUND.into_response() };
    let (fault, forced, act_first, hang) = {
        let mut inbox = app.inbox();
        let faults = inbox.faults.clone();
        let forced = match method {
            Method::Message => faults.message_status,
            Method::Dr => faults.dr_status,
            Method::Def => faults.def_status,
            Method::Info => faults.info_status,
        };
        let struck = (faults.answer != AnswerFault::None || forced.is_some()) && inbox.fault_strikes();
        let fault = if struck { faults.answer } else { AnswerFault::None };
        (fault, forced.filter(|_| struck), faults.act_before_faulty_answer, Duration::from_millis(faults.hang_ms))
    };
    if fault == AnswerFault::None && forced.is_none() {
        let inner = act(&app, method, &body);
        return document(&app, method, &inner);
    }
    if act_first {
        let _ = act(&app, method, &body);
    }
    if let Some(status) = forced.filter(|_| fault == AnswerFault::None) {
        return document(&app, method, &status_only(status));
    }
    if let Some(response) = fault.answer(hang, &app.shutdown).await {
        return response;
    }
    match fault {
        AnswerFault::EmptyObject => xml_response("<response></response>".to_owned()),
        AnswerFault::Doctype => {
            xml_response("<!DOCTYPE response [<!ENTITY x SYSTEM \"file:///etc/hostname\">]><response><status>0</status><id>&x;</id></response>".to_owned())
        }
        _ => xml_response("<response><status>0</stat".to_owned()),
    }
}

fn status_only(status: u32) -> String {
    format!("<status>{status}</status>")
}

fn document(app: &App, method: Method, inner: &str) -> Response {
    let namespace =
        if app.inbox().faults.without_namespace { String::new() } else { format!(" xmlns=\"{}\"", method.namespace()) };
    xml_response(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<response{namespace}>{inner}</response>"))
}

fn xml_response(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/xml; charset=utf-8")], body).into_response()
}

/// Carries the call out; gives what stands inside `<response>`.
fn act(app: &App, method: Method, body: &[u8]) -> String {
    let Ok(root) = xml::parse(body) else { return status_only(1) };
    if root.name != method.root() {
        return status_only(1);
    }
    let password: bool =
        root.value("pwd").is_some_and(|p| p.as_bytes().ct_eq(app.config.password.expose_secret().as_bytes()).into());
    if root.value("login") != Some(app.config.login.as_str()) || !password {
        return status_only(2);
    }
    match method {
        Method::Message => message(app, &root),
        Method::Dr => delivery(app, &root),
        Method::Def => number(&root),
        Method::Info => {
            let inbox = app.inbox();
            format!(
                "<status>0</status><state>0</state><account>{}</account><smsprice>{}</smsprice>",
                som(inbox.balance),
                som(app.config.price_per_part)
            )
        }
    }
}

fn message(app: &App, root: &Element) -> String {
    match take_over(app, root) {
        Ok(inner) => inner,
        Err(status) => status_only(status),
    }
}

fn take_over(app: &App, root: &Element) -> Result<String, u32> {
    let id = root.value("id").filter(|id| SmsMessageId::parse(id).is_ok()).ok_or(1u32)?;
    let sender = root.value("sender").ok_or(1u32)?;
    let text = root
        .child("text")
        .map(|t| t.text.clone())
        .filter(|t| !t.trim().is_empty() && t.encode_utf16().count() <= TEXT_CHARS_MAX)
        .ok_or(1u32)?;
    let phones: Vec<String> =
        root.child("phones").ok_or(1u32)?.all("phone").map(|p| p.text.trim().trim_start_matches('+').to_owned()).collect();
    if phones.is_empty() || phones.len() > PHONES_MAX {
        return Err(1);
    }
    if !app.config.senders.iter().any(|s| s == sender) {
        return Err(5);
    }
    if !phones.iter().all(|p| is_kyrgyz(p)) {
        return Err(7);
    }
    if root.value("time").is_some_and(|t| t.len() != 14 || !t.bytes().all(|b| b.is_ascii_digit())) {
        return Err(8);
    }
    let parts = sms::parts(&text).parts;
    let mut inbox = app.inbox();
    let earlier = inbox.of_id(id).next().map(|m| m.text == text);
    let accepted = |status: u32| {
        format!(
            "<id>{}</id><status>{status}</status><phones>{}</phones><smscnt>{parts}</smscnt><message/>",
            escape(id),
            phones.len()
        )
    };
    match earlier {
        Some(true) if inbox.faults.duplicate_answers_zero => return Ok(accepted(0)),
        Some(_) => return Err(10),
        None => {}
    }
    if root.value("test") == Some("1") || inbox.faults.test_account {
        return Ok(accepted(11));
    }
    let billed = i64::try_from(parts * phones.len()).unwrap_or(i64::MAX);
    let cost = Tyiyn::new(app.config.price_per_part.get().saturating_mul(billed));
    let left = inbox.balance.checked_sub(cost).filter(|left| *left >= Tyiyn::ZERO).ok_or(4u32)?;
    inbox.balance = left;
    for phone in &phones {
        inbox.add(Message {
            id: id.to_owned(),
            sender: sender.to_owned(),
            phone: phone.clone(),
            text: text.clone(),
            parts,
            at: app.now(),
        });
    }
    let report = inbox.faults.report;
    if !inbox.faults.push_off {
        push_later(app, id, &phones, report);
    }
    Ok(accepted(0))
}

fn is_kyrgyz(digits: &str) -> bool {
    digits.len() == 12 && digits.starts_with("996") && digits.bytes().all(|b| b.is_ascii_digit())
}

fn delivery(app: &App, root: &Element) -> String {
    let Some(id) = root.value("id") else { return status_only(1) };
    let wanted = root.value("phone").map(|p| p.trim_start_matches('+').to_owned());
    let inbox = app.inbox();
    let phones: String = inbox
        .of_id(id)
        .filter(|m| wanted.as_ref().is_none_or(|w| *w == m.phone))
        .map(|m| report_of(&m.phone, inbox.faults.report, m.at))
        .collect();
    if phones.is_empty() { status_only(4) } else { format!("<status>0</status>{phones}") }
}

fn report_of(phone: &str, report: u32, at: DateTime<Utc>) -> String {
    let time = at.with_timezone(&Bishkek).format("%Y%m%d%H%M%S");
    format!(
        "<phone><number>{phone}</number><report>{report}</report><sendTime>{time}</sendTime><rcvTime>{time}</rcvTime></phone>"
    )
}

fn number(root: &Element) -> String {
    match root.value("phone").map(|p| p.trim_start_matches('+')) {
        None => status_only(1),
        Some(digits) if !is_kyrgyz(digits) => status_only(3),
        Some(_) => {
            "<status>0</status><region>Бишкек,Бишкек</region><operator>MegaCom</operator><timezone>6</timezone>".to_owned()
        }
    }
}

/// `20123.12`
fn som(amount: Tyiyn) -> String {
    let tyiyn = amount.get();
    format!("{}{}.{:02}", if tyiyn < 0 { "-" } else { "" }, tyiyn.unsigned_abs() / 100, tyiyn.unsigned_abs() % 100)
}

/// Tells the delivery to whom the cabinet names, up to four times.
fn push_later(app: &App, id: &str, phones: &[String], report: u32) {
    let Some(url) = app.config.push_url.clone() else { return };
    let phones: String = phones.iter().map(|p| report_of(p, report, app.now())).collect();
    let body =
        format!("<report xmlns=\"http://Giper.mobi/schema/DeliveryReport\"><dr><id>{}</id>{phones}</dr></report>", escape(id));
    let app = app.clone();
    app.context.tasks.clone().spawn(async move {
        for attempt in 0..PUSH_ATTEMPTS {
            let sent = app
                .http
                .post(url.clone())
                .header(header::CONTENT_TYPE, "application/xml; charset=utf-8")
                .body(body.clone())
                .send();
            let answered = tokio::select! {
                answer = sent => answer.is_ok_and(|a| a.status() == StatusCode::OK),
                () = app.shutdown.cancelled() => return,
            };
            if answered || attempt + 1 == PUSH_ATTEMPTS {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(app.config.push_retry_every) => {}
                () = app.shutdown.cancelled() => return,
            }
        }
    });
}
