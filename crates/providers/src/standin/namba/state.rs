//! What the stand-in remembers, and the rules by which it changes. No HTTP here.

use std::collections::{BTreeMap, HashSet, VecDeque};

use chrono::{DateTime, SecondsFormat, Utc};
use domain::Tyiyn;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::AnswerFault;
use super::webhooks::Notice;

/// Links that are remembered; the oldest is forgotten with its refunds.
const LINKS_MAX: usize = 5_000;
/// Refunds that are remembered.
const REFUNDS_MAX: usize = 5_000;
/// Attempts of webhooks that the overview shows.
const ATTEMPTS_MAX: usize = 500;
/// Salts that are remembered to refuse their second use.
const SALTS_MAX: usize = 10_000;
/// Copies of a webhook.
const DUPLICATES_MAX: u32 = 50;

/// Every fault that can be switched on; all off is the provider on a good day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NambaFaults {
    /// What is answered instead of the truth, by call.
    pub create_link: AnswerFault,
    pub payment: AnswerFault,
    pub refund: AnswerFault,
    pub refund_status: AnswerFault,
    pub merchant: AnswerFault,
    /// The call is carried out all the same, and only its answer is lost.
    pub act_before_faulty_answer: bool,
    /// So many faulty answers, then none; `null`: until switched off.
    pub faulty_answers_left: Option<u32>,
    /// How long `hang` takes.
    pub hang_ms: u64,
    /// Any signature is right.
    pub signature_not_checked: bool,
    /// A salt may be used again.
    pub replayed_salt_accepted: bool,
    /// v1 calls answer in the shape of v2 and the other way round.
    pub shapes_swapped: bool,
    /// Answers and webhooks have fields that nobody documents.
    pub extra_fields: bool,
    /// How an unpaid link is answered.
    pub unpaid: UnpaidAnswer,
    /// The status that a payment gets when the payer pays.
    pub pay_status: String,
    /// Added to the amount to give what was really paid.
    pub paid_difference_tyiyn: i64,
    /// The link is paid, and the webhook sent, before the call that makes it returns.
    pub webhook_before_answer: bool,
    pub webhooks_off: bool,
    /// So many copies more.
    pub webhook_duplicates: u32,
    pub webhook_delay_ms: u64,
    /// A notice of PROCESSING before the final one.
    pub webhook_interim: bool,
    /// The notice of PROCESSING after the final one.
    pub webhook_reordered: bool,
    /// Without the headers that were asked for.
    pub webhook_without_headers: bool,
    /// One more, about an order of somebody else: `../x`.
    pub webhook_foreign: bool,
    /// One more, of a type that nobody documents.
    pub webhook_unknown_type: bool,
    /// One more, that is no JSON.
    pub webhook_malformed: bool,
    /// What becomes of refunds.
    pub refund_outcome: RefundFault,
    /// The merchant's account is as good as empty.
    pub low_float: bool,
}

impl Default for NambaFaults {
    fn default() -> Self {
        Self {
            create_link: AnswerFault::None,
            payment: AnswerFault::None,
            refund: AnswerFault::None,
            refund_status: AnswerFault::None,
            merchant: AnswerFault::None,
            act_before_faulty_answer: false,
            faulty_answers_left: None,
            hang_ms: 60_000,
            signature_not_checked: false,
            replayed_salt_accepted: false,
            shapes_swapped: false,
            extra_fields: false,
            unpaid: UnpaidAnswer::Created,
            pay_status: "COMPLETED".to_owned(),
            paid_difference_tyiyn: 0,
            webhook_before_answer: false,
            webhooks_off: false,
            webhook_duplicates: 0,
            webhook_delay_ms: 0,
            webhook_interim: false,
            webhook_reordered: false,
            webhook_without_headers: false,
            webhook_foreign: false,
            webhook_unknown_type: false,
            webhook_malformed: false,
            refund_outcome: RefundFault::Completed,
            low_float: false,
        }
    }
}

/// How an unpaid link is answered; the sources disagree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnpaidAnswer {
    /// An order in CREATED.
    #[default]
    Created,
    /// OK without data.
    EmptyData,
    /// `PAYMENT_ORDER_NOT_FOUND_EXCEPTION`
    NotFound,
}

/// What becomes of a refund.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundFault {
    #[default]
    Completed,
    /// PROCESSING for ever.
    Processing,
    Stuck,
    /// FAILED with 01.
    RequisitesNotFound,
    /// FAILED with 02.
    ProviderUnavailable,
    /// FAILED with 03.
    UnrecognisedResponse,
    Canceled,
    Expired,
    SomethingNew,
}

impl RefundFault {
    fn status(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Completed => ("COMPLETED", None),
            Self::Processing => ("PROCESSING", None),
            Self::Stuck => ("STUCK", None),
            Self::RequisitesNotFound => ("FAILED", Some("01")),
            Self::ProviderUnavailable => ("FAILED", Some("02")),
            Self::UnrecognisedResponse => ("FAILED", Some("03")),
            Self::Canceled => ("CANCELED", None),
            Self::Expired => ("EXPIRED", None),
            Self::SomethingNew => ("SOMETHING_NEW", None),
        }
    }
}

/// A link and its one order.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub guid: String,
    pub merchant_guid: String,
    pub token: String,
    pub external_id: String,
    pub amount: Tyiyn,
    pub comment: String,
    pub webhook_url: Option<String>,
    pub webhook_headers: BTreeMap<String, String>,
    pub redirect_link: Option<String>,
    pub auto_redirect: bool,
    pub created_at: DateTime<Utc>,
    pub order_guid: String,
    pub status: String,
    pub payment_amount: Option<Tyiyn>,
    pub refund_amount: Tyiyn,
    pub settled_at: Option<DateTime<Utc>>,
}

impl Link {
    pub fn is_unpaid(&self) -> bool {
        self.status == "CREATED"
    }
    pub fn is_paid(&self) -> bool {
        matches!(self.status.as_str(), "COMPLETED" | "REFUNDED")
    }
}

#[derive(Debug, Clone)]
pub(super) struct Refund {
    pub guid: String,
    pub merchant_guid: String,
    pub external_id: String,
    pub order_guid: String,
    pub amount: Tyiyn,
    pub comment: String,
    pub status: String,
    pub error_code: Option<String>,
    pub webhook_url: Option<String>,
    pub webhook_headers: BTreeMap<String, String>,
    pub created_at: DateTime<Utc>,
}

impl Refund {
    pub fn is_final(&self) -> bool {
        matches!(self.status.as_str(), "COMPLETED" | "CANCELED" | "FAILED" | "EXPIRED")
    }
    /// Whether its money is spoken for.
    fn counts(&self) -> bool {
        !matches!(self.status.as_str(), "CANCELED" | "FAILED" | "EXPIRED")
    }
}

/// An attempt of a webhook.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Attempt {
    pub at: DateTime<Utc>,
    pub about: String,
    pub label: String,
    pub url: String,
    /// The receiver's HTTP status; `None`: it was not reached.
    pub http_status: Option<u16>,
}

pub(super) struct Ledger {
    pub faults: NambaFaults,
    pub balance: Tyiyn,
    pub links: VecDeque<Link>,
    pub refunds: VecDeque<Refund>,
    pub attempts: VecDeque<Attempt>,
    salts: VecDeque<String>,
    salts_seen: HashSet<String>,
}

impl Ledger {
    pub fn new(balance: Tyiyn) -> Self {
        Self {
            faults: NambaFaults::default(),
            balance,
            links: VecDeque::new(),
            refunds: VecDeque::new(),
            attempts: VecDeque::new(),
            salts: VecDeque::new(),
            salts_seen: HashSet::new(),
        }
    }

    pub fn link(&mut self, external_id: &str) -> Option<&mut Link> {
        self.links.iter_mut().rev().find(|l| l.external_id == external_id)
    }
    pub fn link_by_token(&mut self, token: &str) -> Option<&mut Link> {
        self.links.iter_mut().rev().find(|l| l.token == token)
    }
    pub fn link_by_order(&mut self, order_guid: &str) -> Option<&mut Link> {
        self.links.iter_mut().rev().find(|l| l.order_guid == order_guid)
    }
    pub fn refund(&mut self, external_id: &str) -> Option<&mut Refund> {
        self.refunds.iter_mut().rev().find(|r| r.external_id == external_id)
    }
    /// What refunds of the order have taken or will take.
    pub fn refunded_or_pending(&self, order_guid: &str) -> Tyiyn {
        sum(self.refunds.iter().filter(|r| r.order_guid == order_guid && r.counts()).map(|r| r.amount))
    }
    /// What pending refunds hold.
    pub fn held(&self) -> Tyiyn {
        sum(self.refunds.iter().filter(|r| r.counts() && r.status != "COMPLETED").map(|r| r.amount))
    }
    pub fn available(&self) -> Tyiyn {
        if self.faults.low_float { Tyiyn::new(1) } else { self.balance.checked_sub(self.held()).unwrap_or(Tyiyn::ZERO) }
    }

    pub fn add_link(&mut self, link: Link) {
        if self.links.len() >= LINKS_MAX
            && let Some(old) = self.links.pop_front()
        {
            self.refunds.retain(|r| r.order_guid != old.order_guid);
        }
        self.links.push_back(link);
    }
    pub fn add_refund(&mut self, refund: Refund) {
        if self.refunds.len() >= REFUNDS_MAX {
            self.refunds.pop_front();
        }
        self.refunds.push_back(refund);
    }
    pub fn add_attempt(&mut self, attempt: Attempt) {
        if self.attempts.len() >= ATTEMPTS_MAX {
            self.attempts.pop_front();
        }
        self.attempts.push_back(attempt);
    }
    /// Whether the salt is new; remembers it.
    pub fn is_fresh_salt(&mut self, salt: &str) -> bool {
        if !self.salts_seen.insert(salt.to_owned()) {
            return false;
        }
        self.salts.push_back(salt.to_owned());
        if self.salts.len() > SALTS_MAX
            && let Some(old) = self.salts.pop_front()
        {
            self.salts_seen.remove(&old);
        }
        true
    }
    /// The fault of this call, counted down.
    pub fn take_fault(&mut self, of: impl Fn(&NambaFaults) -> AnswerFault) -> AnswerFault {
        let fault = of(&self.faults);
        if fault == AnswerFault::None {
            return fault;
        }
        match &mut self.faults.faulty_answers_left {
            None => fault,
            Some(0) => AnswerFault::None,
            Some(left) => {
                *left -= 1;
                fault
            }
        }
    }
}

fn sum(amounts: impl Iterator<Item = Tyiyn>) -> Tyiyn {
    Tyiyn::new(amounts.fold(0i64, |total, a| total.saturating_add(a.get())))
}

/// Unpaid links whose time is over become EXPIRED.
pub(super) fn expire_links(ledger: &mut Ledger, lifetime: Option<std::time::Duration>, now: DateTime<Utc>) {
    let Some(lifetime) = lifetime.and_then(|l| chrono::Duration::from_std(l).ok()) else { return };
    for link in ledger.links.iter_mut().filter(|l| l.is_unpaid() && l.created_at + lifetime <= now) {
        link.status = "EXPIRED".to_owned();
    }
}

/// The payer pays: the order gets the status of the switches. Pays once; `None` when there is nothing to pay any more.
///
/// `late` also pays what has expired or failed: money that was under way arrives after all.
pub(super) fn order_is_paid(
    ledger: &mut Ledger,
    external_id: &str,
    amount: Option<Tyiyn>,
    late: Late,
    now: DateTime<Utc>,
) -> Option<Vec<Notice>> {
    let status = ledger.faults.pay_status.clone();
    let link = ledger.link(external_id)?;
    let payable = link.is_unpaid() || (matches!(late, Late::Allowed) && !link.is_paid());
    if !payable {
        return None;
    }
    Some(order_gets_status(ledger, external_id, &status, amount, now))
}

/// Whether an expired or failed order can still be paid.
#[derive(Debug, Clone, Copy)]
pub(super) enum Late {
    Allowed,
    Refused,
}

/// Puts the order into a status and says what is to be told.
pub(super) fn order_gets_status(
    ledger: &mut Ledger,
    external_id: &str,
    status: &str,
    amount: Option<Tyiyn>,
    now: DateTime<Utc>,
) -> Vec<Notice> {
    let difference = Tyiyn::new(ledger.faults.paid_difference_tyiyn);
    let Some(link) = ledger.link(external_id) else { return Vec::new() };
    link.status = status.to_owned();
    let mut received = Tyiyn::ZERO;
    if link.is_paid() && link.payment_amount.is_none() {
        let paid = amount.or_else(|| link.amount.checked_add(difference)).unwrap_or(link.amount);
        link.payment_amount = Some(paid);
        link.settled_at = Some(now);
        received = paid;
    }
    let link = link.clone();
    ledger.balance = ledger.balance.checked_add(received).unwrap_or(ledger.balance);
    order_notices(&ledger.faults, &link, now)
}

/// The webhooks that follow a change of the order, in their sequence, with all that the switches add.
pub(super) fn order_notices(faults: &NambaFaults, link: &Link, now: DateTime<Utc>) -> Vec<Notice> {
    let Some(url) = link.webhook_url.clone().filter(|_| !faults.webhooks_off) else { return Vec::new() };
    let headers = if faults.webhook_without_headers { BTreeMap::new() } else { link.webhook_headers.clone() };
    let notice = |label: &str, body: String| Notice {
        url: url.clone(),
        headers: headers.clone(),
        about: link.external_id.clone(),
        label: label.to_owned(),
        body,
    };
    let of_order = |label: &str, link: &Link| notice(label, order_webhook(faults, link, now).to_string());
    let mut interim = link.clone();
    interim.status = "PROCESSING".to_owned();
    interim.payment_amount = None;

    let mut notices = Vec::new();
    if faults.webhook_foreign {
        let mut foreign = link.clone();
        foreign.external_id = "../x".to_owned();
        notices.push(of_order("foreign", &foreign));
    }
    if faults.webhook_unknown_type {
        notices.push(notice(
            "unknown type",
            json!({"type": "PAYOUT_ORDER", "version": "1", "createdAt": wire_time(now), "data": {"guid": link.guid}})
                .to_string(),
        ));
    }
    if faults.webhook_malformed {
        notices.push(notice("malformed", "{\"type\":\"PAYMENT_ORDER\",".to_owned()));
    }
    if faults.webhook_interim && !faults.webhook_reordered {
        notices.push(of_order("interim", &interim));
    }
    notices.push(of_order(&link.status, link));
    for _ in 0..faults.webhook_duplicates.min(DUPLICATES_MAX) {
        notices.push(of_order("duplicate", link));
    }
    if faults.webhook_reordered {
        notices.push(of_order("interim after final", &interim));
    }
    notices
}

/// Gives a refund its outcome, unless it has one, and says what is to be told.
pub(super) fn refund_settles(ledger: &mut Ledger, external_id: &str, outcome: RefundFault, now: DateTime<Utc>) -> Vec<Notice> {
    match ledger.refund(external_id) {
        Some(refund) if !refund.is_final() => {}
        _ => return Vec::new(),
    }
    let (status, error_code) = outcome.status();
    refund_gets_status(ledger, external_id, status, error_code.map(str::to_owned), now)
}

/// Puts the refund into a status. Money moves when it becomes COMPLETED, once.
pub(super) fn refund_gets_status(
    ledger: &mut Ledger,
    external_id: &str,
    status: &str,
    error_code: Option<String>,
    now: DateTime<Utc>,
) -> Vec<Notice> {
    let Some(refund) = ledger.refund(external_id) else { return Vec::new() };
    let completes = status == "COMPLETED" && refund.status != "COMPLETED";
    refund.status = status.to_owned();
    refund.error_code = error_code;
    let refund = refund.clone();
    if completes {
        ledger.balance = ledger.balance.checked_sub(refund.amount).unwrap_or(ledger.balance);
        if let Some(link) = ledger.link_by_order(&refund.order_guid) {
            link.refund_amount = link.refund_amount.checked_add(refund.amount).unwrap_or(link.refund_amount);
            link.status = "REFUNDED".to_owned();
        }
    }
    refund_notices(&ledger.faults, &refund, now)
}

/// The webhooks that follow a change of the refund.
pub(super) fn refund_notices(faults: &NambaFaults, refund: &Refund, now: DateTime<Utc>) -> Vec<Notice> {
    let Some(url) = refund.webhook_url.clone().filter(|_| !faults.webhooks_off) else { return Vec::new() };
    let headers = if faults.webhook_without_headers { BTreeMap::new() } else { refund.webhook_headers.clone() };
    let mut data = refund_json(faults, refund);
    data["merchantAccountGuid"] = json!(refund.merchant_guid);
    data["webhookUrl"] = json!(url);
    data["version"] = json!("1");
    let body = json!({"type": "REFUND_ORDER", "version": "1", "createdAt": wire_time(now), "data": data}).to_string();
    let copies = 1 + faults.webhook_duplicates.min(DUPLICATES_MAX);
    (0..copies)
        .map(|_| Notice {
            url: url.clone(),
            headers: headers.clone(),
            about: refund.external_id.clone(),
            label: format!("refund {}", refund.status),
            body: body.clone(),
        })
        .collect()
}

pub(super) fn order_webhook(faults: &NambaFaults, link: &Link, now: DateTime<Utc>) -> Value {
    let mut notice =
        json!({"type": "PAYMENT_ORDER", "version": "1", "createdAt": wire_time(now), "data": order_json(faults, link)});
    add_extra(faults, &mut notice);
    notice
}

/// A payment order as the wire has it.
pub(super) fn order_json(faults: &NambaFaults, link: &Link) -> Value {
    let mut order = json!({
        "guid": link.order_guid,
        "externalId": link.external_id,
        "channel": "BALANCE",
        "paymentLinkGuid": link.guid,
        "merchantAccountGuid": link.merchant_guid,
        "currency": "KGS",
        "amount": link.amount.get().to_string(),
        "paymentAmount": link.payment_amount.map(|a| a.get().to_string()),
        "refundAmount": link.refund_amount.get().to_string(),
        "remark": link.comment,
        "customerGuid": null,
        "maskedPhoneNumber": "**********622",
        "status": link.status,
        "createdAt": wire_time(link.created_at),
        "settledAt": link.settled_at.map(wire_time),
        "type": "PAYMENT_QR",
    });
    add_extra(faults, &mut order);
    order
}

/// A refund as the wire has it.
pub(super) fn refund_json(faults: &NambaFaults, refund: &Refund) -> Value {
    let mut out = json!({
        "guid": refund.guid,
        "currency": "KGS",
        "amount": refund.amount.get().to_string(),
        "status": refund.status,
        "externalGuid": refund.external_id,
        "parentPaymentGuid": refund.order_guid,
    });
    if let Some(code) = &refund.error_code {
        out["errorCode"] = json!(code);
    }
    add_extra(faults, &mut out);
    out
}

/// What no documentation has.
pub(super) fn add_extra(faults: &NambaFaults, value: &mut Value) {
    if faults.extra_fields {
        value["somethingNew"] = json!({"nested": [1, "two", null], "amount": "999"});
        value["riskScore"] = json!(0.5);
    }
}

pub(super) fn wire_time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_bounded() {
        let mut ledger = Ledger::new(Tyiyn::ZERO);
        assert!(ledger.is_fresh_salt("first") && !ledger.is_fresh_salt("first"));
        for n in 0..SALTS_MAX {
            assert!(ledger.is_fresh_salt(&n.to_string()));
            ledger.add_attempt(Attempt {
                at: DateTime::UNIX_EPOCH,
                about: String::new(),
                label: String::new(),
                url: String::new(),
                http_status: None,
            });
        }
        assert!(ledger.is_fresh_salt("first"), "forgotten");
        assert_eq!((ledger.salts.len(), ledger.salts_seen.len(), ledger.attempts.len()), (SALTS_MAX, SALTS_MAX, ATTEMPTS_MAX));
    }
}
