//! The guest's way: scan, pay, charge, receipt; no account.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use domain::charging::session::StopReason;
use domain::guest::{AmountError, AmountLimits, GuestPhase, StartFailure};
use domain::phone::PhoneError;
use domain::receipts::ReceiptDocument;
use domain::stations::{ConnectorStatus, CurrentType, PlugType};
use domain::tariffs::{FrozenTariff, PriceNow};
use domain::{ConnectorCode, GuestToken, Tyiyn, Watt, Wh};

use crate::ApiError;
use crate::i18n::Locale;

/// The first screen: everything that a guest must know before paying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorView {
    pub code: ConnectorCode,
    pub station_name: String,
    pub station_address: String,
    /// Of the station: all local times are shown in it.
    pub time_zone: String,
    pub latitude_e7: i32,
    pub longitude_e7: i32,
    pub helpline: String,
    pub seller_name: String,
    pub seller_tin: String,
    /// As on the case: `A`.
    pub connector_label: String,
    pub plug: PlugType,
    pub current: CurrentType,
    pub max_power: Watt,
    pub status: ConnectorStatus,
    /// Since when the link is gone, when `status` is `Offline`.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// A live session of somebody else, or this guest's.
    pub busy: bool,
    pub price: PriceNow,
    /// What comes after `price.until`.
    pub next_price: Option<PriceNow>,
    /// For examples and estimates on the page.
    pub tariff: FrozenTariff,
    pub amount_limits: AmountLimits,
    /// What 20 kWh cost from now at full power, total.
    pub example_20_kwh: Tyiyn,
    /// Hold-and-stop percentage, for the sentence that explains it.
    pub stop_percent: u8,
    /// Free connectors of the same station, offered when this one cannot start.
    pub neighbours: Vec<Neighbour>,
    pub now: DateTime<Utc>,
}

/// A free connector near by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    pub code: ConnectorCode,
    pub station_name: String,
    pub connector_label: String,
    pub plug: PlugType,
    pub max_power: Watt,
    pub status: ConnectorStatus,
}

/// What a code leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeLookup {
    Found(Box<ConnectorView>),
    /// The sticker was replaced: go there.
    MovedTo(ConnectorCode),
    /// The connector is gone; where else to charge.
    Retired {
        helpline: String,
        nearby: Vec<Neighbour>,
    },
    /// Never was a code of ours.
    Unknown {
        helpline: String,
        nearby: Vec<Neighbour>,
    },
}

/// The checkout form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutForm {
    /// Som, as typed or picked.
    pub amount: String,
    pub phone: String,
    /// Random, from the page: a form sent twice is one order.
    pub idempotency_key: String,
}

/// What is wrong at which field. At least one is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckoutErrors {
    pub amount: Option<AmountError>,
    pub phone: Option<PhoneError>,
    /// The form's own key is missing or malformed: the page is sent anew.
    pub form: bool,
}

/// What became of the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckoutOutcome {
    /// The order exists; go to its page, or straight to the payment link if there is one.
    Ordered { token: GuestToken, payment_url: Option<String> },
    /// The form again, with messages.
    Invalid(CheckoutErrors),
    /// Not available any more; the page says what it is now.
    NotAvailable,
}

/// The energy flowing now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveView {
    pub started_at: DateTime<Utc>,
    pub energy: Wh,
    pub cost: Tyiyn,
    pub power: Watt,
    pub state_of_charge_percent: Option<u8>,
    /// The prepaid sum.
    pub limit: Tyiyn,
    /// Stopped when the projected cost reaches this.
    pub stop_at: Tyiyn,
    pub price: PriceNow,
    pub next_price: Option<PriceNow>,
    /// The last reading; `None` before the first.
    pub updated_at: Option<DateTime<Utc>>,
    /// The charge point has lost its link; it charges on.
    pub link_lost: bool,
    /// What the connector reports: charging, or suspended by car or charger.
    pub status: ConnectorStatus,
}

/// The end of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryView {
    pub stop_reason: StopReason,
    pub receipt: ReceiptDocument,
}

/// The refund of the rest or of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundView {
    pub amount: Tyiyn,
    pub state: RefundState,
    /// Ours, for the helpline.
    pub reference: String,
    pub completed_at: Option<DateTime<Utc>>,
}

/// What a person may read of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// On its way.
    Pending,
    /// With staff: the provider needs a hand.
    Delayed,
    Completed,
}

/// The page under `/g/{token}`, whatever the phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestView {
    pub token: GuestToken,
    pub phase: GuestPhase,
    pub connector: ConnectorView,
    /// What was asked for; `paid` is what counts once it is there.
    pub amount: Tyiyn,
    pub paid: Option<Tyiyn>,
    pub phone_masked: String,
    /// While `AwaitingPayment`; `None` while the provider has not answered yet.
    pub payment_url: Option<String>,
    pub payment_expires_at: DateTime<Utc>,
    /// While `PlugIn`: the end of the countdown.
    pub start_deadline: Option<DateTime<Utc>>,
    /// The charge point has accepted the start and waits for the cable.
    pub start_accepted: bool,
    /// While `Charging` and `Stopping`.
    pub live: Option<LiveView>,
    /// While `Stopping`: the charger has no link, so the stop is queued; the page says what to do by hand.
    pub stop_queued_offline: bool,
    pub failure: Option<StartFailure>,
    pub summary: Option<SummaryView>,
    pub refund: Option<RefundView>,
    /// The same connector's page, to begin anew.
    pub code: ConnectorCode,
    pub now: DateTime<Utc>,
}

/// A charge of a person's: each one that was begun with the person's phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCharge {
    pub token: GuestToken,
    pub code: ConnectorCode,
    pub created_at: DateTime<Utc>,
    pub phase: GuestPhase,
    /// Of the receipt.
    pub station_name: Option<String>,
    pub total: Option<Tyiyn>,
}

/// A receipt's PDF. The same bytes at every call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptPdf {
    pub file_name: String,
    pub bytes: Vec<u8>,
}

/// The guest's way, as the pages ask for it. All times from the platform's clock.
#[async_trait]
pub trait GuestApi: Send + Sync + 'static {
    /// What the code on the sticker leads to. Any text is answered.
    async fn look_up_code(&self, code: &str) -> Result<CodeLookup, ApiError>;
    /// Makes the order, once per idempotency key; the payment link is asked for at once, with a short patience.
    async fn check_out(&self, code: &ConnectorCode, form: &CheckoutForm, locale: Locale) -> Result<CheckoutOutcome, ApiError>;
    /// The state of a guest's charge. Also looks at the provider when the payer has just come back (`returned`).
    async fn view(&self, token: &GuestToken, returned: bool) -> Result<GuestView, ApiError>;
    /// Asks for the stop. Idempotent; fine in any phase.
    async fn stop(&self, token: &GuestToken) -> Result<(), ApiError>;
    /// The PDF once there is a receipt.
    async fn receipt_pdf(&self, token: &GuestToken) -> Result<ReceiptPdf, ApiError>;
    /// The latest charges of a person, the newest first.
    async fn charges_of(&self, person: uuid::Uuid) -> Result<Vec<OwnCharge>, ApiError>;
    /// An item each time that `view` may have changed (a hint; may be coalesced or lost): ask `view` again.
    async fn changes(&self, token: &GuestToken) -> Result<BoxStream<'static, ()>, ApiError>;
    /// The provider's webhook as it came: stored before this returns `Ok`. `secret` is the header's value.
    async fn payment_webhook(
        &self,
        secret: Option<&str>,
        remote_address: &str,
        body: &[u8],
    ) -> Result<WebhookOutcome, ApiError>;
}

/// What the endpoint answers to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// Durable (also when it was there before, or is about something unknown): 200.
    Stored,
    /// Wrong or missing secret, or none is configured: 401; logged, no effect.
    Refused,
    /// Not a webhook: 400; logged, no effect.
    Malformed,
}
