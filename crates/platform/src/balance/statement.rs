//! A driver's view of the balance: what there is, what is held, and how it came to be.

use api::balance::{BalanceView, CsvFile, HoldReason, HoldView, MovementView, StatementQuery, StatementView};
use api::i18n::{Locale, statement as texts};
use chrono::{DateTime, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Asia::Bishkek;
use domain::balance::{MovementKind, Period};
use domain::{OrderId, RefundId, RefundRequestId, SessionId, Tyiyn};
use serde_json::Value;
use uuid::Uuid;

use super::csv::{Cell, Csv};
use super::{Balance, BalanceError, store};
use crate::db;
use crate::ledger::{self, AccountCode, Kinds, LineQuery, OpenHold, StatementLine};

/// Movements on a page.
const PAGE_LINES: u16 = 50;
/// The ledger's kinds that have words of their own.
const KNOWN_KINDS: &[&str] = &["payment", "capture", "refund", "correction"];

/// The instants of the period's days in Bishkek.
pub(super) fn instants(period: Period) -> (DateTime<Utc>, DateTime<Utc>) {
    // Bishkek keeps no summer time, so each of its days has one midnight.
    let midnight = |day: chrono::NaiveDate| {
        let local = day.and_time(NaiveTime::MIN);
        Bishkek.from_local_datetime(&local).earliest().map_or_else(|| local.and_utc(), |time| time.with_timezone(&Utc))
    };
    (midnight(period.from()), midnight(period.to()))
}

fn kinds(kind: Option<MovementKind>) -> Kinds {
    match kind {
        None => Kinds::All,
        Some(MovementKind::TopUp) => Kinds::Only(&["payment"]),
        Some(MovementKind::Charge) => Kinds::Only(&["capture"]),
        Some(MovementKind::Refund) => Kinds::Only(&["refund"]),
        Some(MovementKind::Correction) => Kinds::Only(&["correction"]),
        Some(MovementKind::Other) => Kinds::But(KNOWN_KINDS),
    }
}

fn kind_of(ledgers: &str) -> MovementKind {
    match ledgers {
        "payment" => MovementKind::TopUp,
        "capture" => MovementKind::Charge,
        "refund" => MovementKind::Refund,
        "correction" => MovementKind::Correction,
        _ => MovementKind::Other,
    }
}

fn movement(line: StatementLine) -> MovementView {
    let id = |name: &str| line.source.get(name).and_then(Value::as_str).and_then(|text| Uuid::try_parse(text).ok());
    let kind = kind_of(&line.kind);
    MovementView {
        posting: line.posting,
        kind,
        at: line.effective_at,
        amount: line.amount,
        balance: line.balance,
        order: id("order").map(OrderId::from_uuid),
        refund: id("refund").map(RefundId::from_uuid),
        session: id("session").map(SessionId::from_uuid),
        note: (kind == MovementKind::Correction).then_some(line.explanation),
    }
}

fn hold_view(hold: OpenHold) -> HoldView {
    let id = |text: &str| Uuid::try_parse(text).ok();
    let reason = match hold.business_key.split_once(':') {
        Some(("session", text)) => id(text).map(|id| HoldReason::Session(SessionId::from_uuid(id))),
        Some(("refund_request", text)) => id(text).map(|id| HoldReason::RefundRequest(RefundRequestId::from_uuid(id))),
        _ => None,
    };
    HoldView { id: hold.id, amount: hold.amount, since: hold.held_at, reason: reason.unwrap_or(HoldReason::Other) }
}

impl Balance {
    pub(super) async fn view(&self, person: Uuid) -> Result<BalanceView, BalanceError> {
        let limits = self.limits;
        db::snapshot(&self.db, move |mut tx| async move {
            let account = AccountCode::Driver(person);
            let balance = ledger::balance(&mut *tx, &account).await?;
            let holds = ledger::open_holds(&mut tx, &account).await?;
            let refundable = store::refundable_tyiyn(&mut tx, person).await?.clamp(0, balance.available().get().max(0));
            let unpaid = store::unpaid_of(&mut tx, person).await?;
            Ok(BalanceView {
                available: balance.available(),
                held: balance.held,
                total: balance.posted,
                holds: holds.into_iter().map(hold_view).collect(),
                refundable: Tyiyn::new(refundable),
                refund_without_approval: limits.refund_without_approval,
                top_up_limits: limits.top_up,
                unpaid,
                now: tx.now(),
            })
        })
        .await
    }

    pub(super) async fn statement_page(&self, person: Uuid, query: StatementQuery) -> Result<StatementView, BalanceError> {
        let (from, to) = instants(query.period);
        let lines = LineQuery { from, to, kinds: kinds(query.kind), after: query.after, limit: PAGE_LINES };
        db::snapshot(&self.db, move |mut tx| async move {
            let account = AccountCode::Driver(person);
            let page = ledger::lines(&mut tx, &account, lines).await?;
            let held = ledger::balance(&mut *tx, &account).await?.held;
            Ok(StatementView {
                period: query.period,
                opening: page.opening,
                closing: page.closing,
                movements: page.lines.into_iter().map(movement).collect(),
                next: page.next,
                held,
                now: tx.now(),
            })
        })
        .await
    }

    pub(super) async fn statement_file(&self, person: Uuid, period: Period, locale: Locale) -> Result<CsvFile, BalanceError> {
        let (from, to) = instants(period);
        let statement = db::snapshot(&self.db, move |mut tx| async move {
            Ok::<_, BalanceError>(ledger::statement(&mut tx, &AccountCode::Driver(person), from, to).await?)
        })
        .await?;
        let text = Cell::Text;
        let number = |amount: Tyiyn| Cell::Number(decimal(locale, amount));
        let empty = || Cell::Text(String::new());
        let mut csv = Csv::new();
        csv.row([
            text(texts::date(locale)),
            text(texts::movement(locale)),
            text(texts::amount(locale)),
            text(texts::balance_after(locale)),
            text(texts::document(locale)),
            text(texts::note(locale)),
        ]);
        csv.row([
            text(period.from().to_string()),
            text(texts::opening(locale)),
            empty(),
            number(statement.opening),
            empty(),
            empty(),
        ]);
        for line in statement.lines {
            let line = movement(line);
            let document = line
                .session
                .map(|id| id.to_string())
                .or_else(|| line.refund.map(|id| id.to_string()))
                .or_else(|| line.order.map(|id| id.to_string()));
            csv.row([
                text(line.at.with_timezone(&Bishkek).format("%Y-%m-%d %H:%M:%S").to_string()),
                text(texts::kind(locale, line.kind)),
                number(line.amount),
                number(line.balance),
                text(document.unwrap_or_default()),
                text(line.note.unwrap_or_default()),
            ]);
        }
        let last = period.to().pred_opt().unwrap_or(period.from());
        csv.row([text(last.to_string()), text(texts::closing(locale)), empty(), number(statement.closing), empty(), empty()]);
        let file_name = format!("red-petroleum-ev-{}-{last}.csv", period.from());
        Ok(CsvFile { file_name, bytes: csv.into_bytes() })
    }
}

/// A number as spreadsheets of the language read it.
fn decimal(locale: Locale, amount: Tyiyn) -> String {
    let sign = if amount.is_negative() { "-" } else { "" };
    let point = if locale == Locale::En { '.' } else { ',' };
    let tyiyn = amount.get().unsigned_abs();
    format!("{sign}{}{point}{:02}", tyiyn / 100, tyiyn % 100)
}
