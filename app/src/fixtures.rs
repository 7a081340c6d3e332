//! Made-up stations and charges, one for everything that the pages can show, behind a [`GuestApi`] that keeps nothing. For this
//! crate's tests and for `examples/gallery.rs`, where a person looks at all pages.

pub mod auth;
pub mod balance;
pub mod finance;

use api::ApiError;
use api::guest::{
    CheckoutErrors, CheckoutForm, CheckoutOutcome, CodeLookup, ConnectorView, GuestApi, GuestView, LiveView, Neighbour,
    OwnCharge, ReceiptPdf, RefundState, RefundView, SummaryView, WebhookOutcome,
};
use api::i18n::Locale;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::charging::session::StopReason;
use domain::guest::{AmountLimits, GuestPhase, StartFailure};
use domain::receipts::{RECEIPT_FORMAT, ReceiptDocument, TaxLine};
use domain::stations::{ConnectorStatus, PlugType};
use domain::tariffs::{FrozenTariff, MeterPoint, PriceContext, TariffDocument, Usage};
use domain::{ConnectorCode, GuestToken, Phone, Tyiyn, Watt, Wh};
use futures::stream::{BoxStream, StreamExt};

/// 22 November 2026, 17:20 in Bishkek: forty minutes before the peak price.
pub const NOW_S: i64 = 1_795_346_400;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(NOW_S + seconds, 0).unwrap_or_default()
}

/// A name that tries to become markup.
pub const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;";

/// The codes of the gallery and what they lead to.
pub const CODES: [(&str, &str); 13] = [
    ("FREE", "free"),
    ("CABT", "free, cable plugged in"),
    ("BUSY", "busy"),
    ("FNSH", "being freed"),
    ("RSVD", "reserved"),
    ("FAUT", "faulted"),
    ("GREY", "out of service"),
    ("DARK", "offline"),
    ("FEES", "with every fee"),
    ("HACK", "hostile names"),
    ("MVED", "moved to FREE"),
    ("GNE2", "retired"),
    ("ZZZZ", "unknown"),
];

/// A connector by its code; `None` for a code that has no connector.
pub fn connector(code: &str) -> Option<ConnectorView> {
    let status = match code {
        "FREE" | "FEES" | "HACK" => ConnectorStatus::Available,
        "CABT" => ConnectorStatus::Preparing,
        "BUSY" => ConnectorStatus::Charging,
        "FNSH" => ConnectorStatus::Finishing,
        "RSVD" => ConnectorStatus::Reserved,
        "FAUT" => ConnectorStatus::Faulted,
        "GREY" => ConnectorStatus::Unavailable,
        "DARK" => ConnectorStatus::Offline,
        _ => return None,
    };
    let mut view = free(code)?;
    view.status = status;
    view.busy = status == ConnectorStatus::Charging;
    view.last_seen_at = (status == ConnectorStatus::Offline).then(|| at(-780));
    match code {
        "FEES" => {
            view.price.price_per_minute = Tyiyn::new(50);
            view.price.price_per_session = Tyiyn::new(3_000);
            view.price.idle_price_per_minute = Tyiyn::new(200);
            view.price.idle_grace_minutes = 10;
        }
        "HACK" => {
            view.station_name = HOSTILE.to_owned();
            view.station_address = HOSTILE.to_owned();
            view.connector_label = HOSTILE.to_owned();
            view.seller_name = HOSTILE.to_owned();
            view.helpline = HOSTILE.to_owned();
        }
        "DARK" => view.neighbours.clear(),
        _ => {}
    }
    Some(view)
}

fn tariff(max_power: Watt, plug: PlugType) -> FrozenTariff {
    FrozenTariff {
        document: TariffDocument::standard(),
        context: PriceContext { current: plug.current(), max_power, contract: None },
    }
}

fn free(code: &str) -> Option<ConnectorView> {
    let (max_power, plug) = (Watt::new(60_000), PlugType::Ccs2);
    let tariff = tariff(max_power, plug);
    let price = tariff.price_at(at(0)).ok()?;
    let next_price = price.until.and_then(|until| tariff.price_at(until).ok());
    Some(ConnectorView {
        code: ConnectorCode::parse(code).ok()?,
        station_name: "АЗС «Ала-Арча»".to_owned(),
        station_address: "Бишкек, проспект Чынгыза Айтматова, 299/6".to_owned(),
        time_zone: "Asia/Bishkek".to_owned(),
        latitude_e7: 428_000_000,
        longitude_e7: 745_900_000,
        helpline: "+996312000111".to_owned(),
        seller_name: "ОсОО «Пример»".to_owned(),
        seller_tin: "00000000000000".to_owned(),
        connector_label: "A".to_owned(),
        plug,
        current: plug.current(),
        max_power,
        status: ConnectorStatus::Available,
        last_seen_at: None,
        busy: false,
        price,
        next_price,
        tariff,
        amount_limits: AmountLimits { min: Tyiyn::new(5_000), max: Tyiyn::new(2_000_000) },
        example_20_kwh: Tyiyn::new(40_000),
        stop_percent: 95,
        neighbours: nearby(),
        now: at(0),
    })
}

fn nearby() -> Vec<Neighbour> {
    let neighbour = |code, label: &str, plug, kilowatts: i32| {
        Some(Neighbour {
            code: ConnectorCode::parse(code).ok()?,
            station_name: "АЗС «Ала-Арча»".to_owned(),
            connector_label: label.to_owned(),
            plug,
            max_power: Watt::new(i64::from(kilowatts) * 1000),
            status: ConnectorStatus::Available,
        })
    };
    [neighbour("FREE", "B", PlugType::GbtDc, 60), neighbour("CABT", "C", PlugType::Type2, 22)].into_iter().flatten().collect()
}

/// The charges of the gallery: the first word is the phase, the rest what is special.
pub const CHARGES: [&str; 30] = [
    "awaiting_payment",
    "awaiting_payment-no-link",
    "plug_in",
    "plug_in-accepted",
    "charging",
    "charging-first",
    "charging-stale",
    "charging-link-lost",
    "charging-suspended-ev",
    "charging-suspended-evse",
    "charging-hostile",
    "stopping",
    "stopping-offline",
    "refunding",
    "refunding-delayed",
    "refunding-no-receipt",
    "completed",
    "completed-all-used",
    "completed-fault",
    "failed_refunding-connector_busy",
    "failed_refunding-offline",
    "failed_refunding-out_of_order",
    "failed_refunding-rejected",
    "failed_refunding-no_cable",
    "failed_refunding-paid_too_late",
    "failed_refunding-paid_too_little",
    "failed_refunding-cancelled",
    "failed_refunding-no-refund-yet",
    "failed_refunded-rejected",
    "expired",
];

/// The token of a charge: its name, filled up to what a token must be.
pub fn token(name: &str) -> Option<GuestToken> {
    GuestToken::parse(&format!("{name:_<34}")).ok()
}

/// A charge by its name in [`CHARGES`].
pub fn charge(name: &str) -> Option<GuestView> {
    let (phase, what) = name.split_once('-').unwrap_or((name, ""));
    let phase = GuestPhase::ALL.iter().copied().find(|p| p.as_str() == phase)?;
    let mut view = GuestView {
        token: token(name)?,
        phase,
        connector: connector(if what == "hostile" { "HACK" } else { "FREE" })?,
        amount: Tyiyn::new(50_000),
        paid: (!matches!(phase, GuestPhase::AwaitingPayment | GuestPhase::Expired)).then_some(Tyiyn::new(50_000)),
        phone_masked: "+996 700 *** *56".to_owned(),
        payment_url: None,
        payment_expires_at: at(14 * 60 + 32),
        start_deadline: None,
        start_accepted: false,
        live: None,
        stop_queued_offline: false,
        failure: None,
        summary: None,
        refund: None,
        code: ConnectorCode::parse("FREE").ok()?,
        now: at(0),
    };
    match phase {
        GuestPhase::AwaitingPayment if what.is_empty() => {
            view.payment_url = Some("https://pay.example/link/0193a5c8-1111-7000-8000-000000000001".to_owned());
        }
        GuestPhase::PlugIn => {
            view.start_deadline = Some(at(154));
            view.start_accepted = what == "accepted";
        }
        GuestPhase::Charging => view.live = Some(live(&view, what)),
        GuestPhase::Stopping => {
            view.live = Some(live(&view, ""));
            view.stop_queued_offline = what == "offline";
        }
        GuestPhase::Refunding | GuestPhase::Completed => finish(&mut view, what)?,
        GuestPhase::FailedRefunding | GuestPhase::FailedRefunded => {
            view.failure = StartFailure::ALL.iter().copied().find(|f| f.as_str() == what).or(Some(StartFailure::Offline));
            view.refund = (what != "no-refund-yet").then(|| refund(Tyiyn::new(50_000), phase == GuestPhase::FailedRefunded));
        }
        GuestPhase::AwaitingPayment | GuestPhase::Expired => {}
    }
    Some(view)
}

fn live(view: &GuestView, what: &str) -> LiveView {
    let c = &view.connector;
    let mut live = LiveView {
        started_at: at(-1_090),
        energy: Wh::new(12_345),
        cost: Tyiyn::new(24_690),
        power: Watt::new(43_200),
        state_of_charge_percent: Some(64),
        limit: Tyiyn::new(50_000),
        stop_at: Tyiyn::new(47_500),
        price: c.price.clone(),
        next_price: c.next_price.clone(),
        updated_at: Some(at(-7)),
        link_lost: false,
        status: ConnectorStatus::Charging,
    };
    match what {
        "first" => {
            (live.energy, live.cost, live.power) = (Wh::ZERO, Tyiyn::ZERO, Watt::ZERO);
            (live.updated_at, live.state_of_charge_percent, live.started_at) = (None, None, at(-4));
        }
        "stale" => live.updated_at = Some(at(-95)),
        "link-lost" => (live.updated_at, live.link_lost) = (Some(at(-240)), true),
        "suspended-ev" => (live.status, live.power) = (ConnectorStatus::SuspendedEv, Watt::ZERO),
        "suspended-evse" => (live.status, live.power) = (ConnectorStatus::SuspendedEvse, Watt::ZERO),
        _ => {}
    }
    live
}

fn finish(view: &mut GuestView, what: &str) -> Option<()> {
    let all_used = what == "all-used";
    let receipt = receipt(&view.connector, if all_used { Wh::new(24_500) } else { Wh::new(18_345) }, all_used)?;
    if receipt.refund.is_positive() {
        view.refund = Some(refund(receipt.refund, view.phase == GuestPhase::Completed));
    }
    if let (true, Some(refund)) = (what == "delayed", view.refund.as_mut()) {
        refund.state = RefundState::Delayed;
    }
    let stop_reason = receipt.stop_reason;
    view.summary = (what != "no-receipt").then_some(SummaryView { stop_reason, receipt });
    if let (true, Some(summary)) = (what == "fault", view.summary.as_mut()) {
        summary.stop_reason = StopReason::Fault;
    }
    Some(())
}

fn refund(amount: Tyiyn, completed: bool) -> RefundView {
    RefundView {
        amount,
        state: if completed { RefundState::Completed } else { RefundState::Pending },
        reference: "RF-0193A5C8-7F21".to_owned(),
        completed_at: completed.then(|| at(-60)),
    }
}

/// A charge over the border between two prices, priced by the one engine.
fn receipt(c: &ConnectorView, energy: Wh, all_used: bool) -> Option<ReceiptDocument> {
    let (started_at, ended_at) = (at(1_200), at(4_200));
    let points = vec![MeterPoint { at: started_at, energy: Wh::ZERO }, MeterPoint { at: ended_at, energy }];
    let bill = c.tariff.bill(&Usage { points, idle_since: None, ended_at }).ok()?;
    let paid = Tyiyn::new(50_000);
    let total = bill.total.min(paid);
    let vat = total.checked_share_floor(12, 113)?;
    Some(ReceiptDocument {
        format: RECEIPT_FORMAT,
        number: "RP-2026-000123".to_owned(),
        corrects: None,
        issued_at: at(4_260),
        locale: "ru".to_owned(),
        time_zone: c.time_zone.clone(),
        seller_name: c.seller_name.clone(),
        seller_tin: c.seller_tin.clone(),
        helpline: c.helpline.clone(),
        station_name: c.station_name.clone(),
        station_address: c.station_address.clone(),
        connector_label: c.connector_label.clone(),
        plug: c.plug,
        max_power: c.max_power,
        session_id: "0193a5c8-2222-7000-8000-000000000002".to_owned(),
        started_at,
        ended_at,
        stop_reason: if all_used { StopReason::Limit } else { StopReason::Payer },
        meter_start: Wh::new(1_204_310),
        meter_stop: Wh::new(1_204_310).checked_add(energy)?,
        energy,
        cost: bill.total,
        lines: bill.lines,
        written_off: bill.total.checked_sub(total)?,
        total,
        paid,
        refund: paid.checked_sub(total)?,
        taxes: vec![TaxLine { code: "vat".to_owned(), rate_bp: 1200, amount: vat }],
        payment_reference: None,
        timeline: Vec::new(),
    })
}

/// Answers from the fixtures. Codes beginning with `EE` fail, each in its own way.
pub struct FixtureApi;

#[async_trait]
impl GuestApi for FixtureApi {
    async fn look_up_code(&self, code: &str) -> Result<CodeLookup, ApiError> {
        let helpline = "+996312000111".to_owned();
        match code.to_ascii_uppercase().as_str() {
            "MVED" => ConnectorCode::parse("FREE").map(CodeLookup::MovedTo).map_err(|_| ApiError::Internal),
            "GNE2" => Ok(CodeLookup::Retired { helpline, nearby: nearby() }),
            "EECF" => Err(ApiError::Conflict),
            "EETM" => Err(ApiError::TooMany),
            "EEUN" => Err(ApiError::Unavailable),
            "EEXX" => Err(ApiError::Internal),
            code => {
                Ok(connector(code)
                    .map_or(CodeLookup::Unknown { helpline, nearby: nearby() }, |c| CodeLookup::Found(Box::new(c))))
            }
        }
    }

    async fn check_out(&self, code: &ConnectorCode, form: &CheckoutForm, _: Locale) -> Result<CheckoutOutcome, ApiError> {
        let view = connector(code.as_str()).ok_or(ApiError::NotFound)?;
        let errors = CheckoutErrors {
            amount: view.amount_limits.parse(&form.amount).err(),
            phone: Phone::parse(&form.phone).err(),
            form: form.idempotency_key.is_empty(),
        };
        if errors != CheckoutErrors::default() {
            return Ok(CheckoutOutcome::Invalid(errors));
        }
        if !view.status.can_start() {
            return Ok(CheckoutOutcome::NotAvailable);
        }
        let name = if code.as_str() == "CABT" { "awaiting_payment-no-link" } else { "awaiting_payment" };
        let charge = charge(name).ok_or(ApiError::Internal)?;
        Ok(CheckoutOutcome::Ordered { token: charge.token, payment_url: charge.payment_url })
    }

    async fn view(&self, token: &GuestToken, _: bool) -> Result<GuestView, ApiError> {
        charge(token.as_str().trim_end_matches('_')).ok_or(ApiError::NotFound)
    }

    async fn stop(&self, token: &GuestToken) -> Result<(), ApiError> {
        self.view(token, false).await.map(|_| ())
    }

    async fn receipt_pdf(&self, token: &GuestToken) -> Result<ReceiptPdf, ApiError> {
        let view = self.view(token, false).await?;
        view.summary.ok_or(ApiError::NotFound)?;
        Ok(ReceiptPdf { file_name: "RP-2026-000123.pdf".to_owned(), bytes: b"%PDF-1.7".to_vec() })
    }

    async fn charges_of(&self, _: uuid::Uuid) -> Result<Vec<OwnCharge>, ApiError> {
        let own = CHARGES.into_iter().filter_map(charge).map(|view| OwnCharge {
            token: view.token,
            code: view.code,
            created_at: at(-86_400),
            phase: view.phase,
            station_name: view.summary.as_ref().map(|summary| summary.receipt.station_name.clone()),
            total: view.summary.as_ref().map(|summary| summary.receipt.total),
        });
        Ok(own.collect())
    }

    async fn changes(&self, _: &GuestToken) -> Result<BoxStream<'static, ()>, ApiError> {
        Ok(futures::stream::pending().boxed())
    }

    async fn payment_webhook(&self, _: Option<&str>, _: &str, _: &[u8]) -> Result<WebhookOutcome, ApiError> {
        Ok(WebhookOutcome::Refused)
    }
}

/// The state of a router over the fixtures.
pub fn state() -> crate::AppState {
    let counter = std::sync::atomic::AtomicU64::new(1);
    crate::AppState {
        guest: std::sync::Arc::new(FixtureApi),
        auth: std::sync::Arc::new(auth::FixtureAuth),
        balance: std::sync::Arc::new(balance::FixtureBalance),
        finance: std::sync::Arc::new(finance::FixtureFinance),
        site: std::sync::Arc::new(crate::Site {
            hosts: crate::hosts::Hosts::local(),
            payment_origins: vec!["https://pay.example".to_owned()],
            helpline: "+996312000111".to_owned(),
            assets: crate::assets::Assets::plain(),
            random: Box::new(move || u128::from(counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) << 64),
        }),
    }
}
