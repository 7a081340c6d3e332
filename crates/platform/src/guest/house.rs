//! A whole house for the tests: PostgreSQL, both providers over HTTP, a charge point that speaks our neutral words.

use std::collections::HashMap;
use std::sync::Arc;

use api::guest::{CheckoutForm, CheckoutOutcome, GuestApi as _, GuestView, WebhookOutcome};
use api::i18n::Locale;
use chrono::TimeDelta;
use domain::charging::session::StopReason;
use domain::guest::AmountLimits;
use domain::stations::{ConnectorStatus, PlugType};
use domain::{ConnectorCode, GuestToken, OcppIdentity, TransactionId, Tyiyn, Watt, Wh};
use serde_json::json;

use super::{Guest, GuestParts, GuestSettings};
use crate::balance::Balance;
use crate::balance::standin::{StandIns, WEBHOOK_SECRET, payment_notice};
use crate::bus::{Bus, LocalBus};
use crate::charging::{Charging, ChargingSettings, CommandBody, CommandOutcome, StartReport, StopReport};
use crate::invariants;
use crate::jobs::{JobHandler, Runner};
use crate::notify::Notify;
use crate::receipts::Receipts;
use crate::stations::{
    DemoPlan, Lease, NewPartner, SeedChargePoint, SeedConnector, SeedStation, StationFacts, Stations, StatusReport,
};
use crate::tariffs::Tariffs;
use crate::testing::TestDb;

/// What hangs on one charge point with two connectors: `ABCD` and `EFGH`.
pub(crate) struct House {
    pub test: TestDb,
    pub standins: StandIns,
    pub guest: Guest,
    pub charging: Charging,
    pub stations: Stations,
    pub receipts: Receipts,
    pub lease: Lease,
    handlers: HashMap<&'static str, Arc<dyn JobHandler>>,
}

/// The id tag that a charge point was told to start with.
pub(crate) type Tag = String;

impl House {
    pub async fn start() -> Self {
        let test = TestDb::new().await;
        let standins = StandIns::start(&test.db).await;
        let bus: Arc<dyn Bus> = Arc::new(LocalBus::new());
        let db = test.db.clone();
        let stations = Stations::new(db.clone(), Arc::clone(&bus));
        let tariffs = Tariffs::new(db.clone());
        let charging = Charging::new(db.clone(), Arc::clone(&bus), ChargingSettings::default());
        let balance = Balance::new(db.clone(), Arc::clone(&bus), standins.payments.clone(), StandIns::settings());
        let receipts = Receipts::new(db.clone());
        let notify = Notify::new(db.clone(), standins.gateway.clone());
        let settings = GuestSettings {
            public_url: "https://ev.example".to_owned(),
            amount_limits: AmountLimits { min: Tyiyn::new(5_000), max: Tyiyn::new(2_000_000) },
            helpline: "+996312000000".to_owned(),
        };
        let parts = GuestParts {
            balance: balance.clone(),
            charging: charging.clone(),
            stations: stations.clone(),
            tariffs: tariffs.clone(),
            receipts: receipts.clone(),
        };
        let guest = Guest::new(db, bus, parts, settings);
        let mut handlers = balance.handlers();
        handlers.extend(notify.handlers());
        handlers.extend(guest.handlers());
        let tariff = tariffs.ensure_standard("standard").await.unwrap();
        let connector = |label: &str, code: &str| SeedConnector {
            label: label.to_owned(),
            plug: PlugType::Type2,
            max_power: Watt::new(22_000),
            tariff,
            code: Some(ConnectorCode::parse(code).unwrap()),
        };
        let plan = DemoPlan {
            partner: NewPartner { name: "Партнёр".to_owned(), tin: "11111111111111".to_owned(), share_bp: 7_000 },
            stations: vec![SeedStation {
                name: "Ала-Тоо".to_owned(),
                address: "Чүй пр. 1".to_owned(),
                latitude_e7: 428_760_000,
                longitude_e7: 746_060_000,
                helpline: "+996312111111".to_owned(),
                seller_name: "Red Petroleum EV".to_owned(),
                seller_tin: "00000000000000".to_owned(),
                charge_points: vec![SeedChargePoint {
                    identity: OcppIdentity::parse("CP-1").unwrap(),
                    connectors: vec![connector("A", "ABCD"), connector("B", "EFGH")],
                }],
            }],
        };
        let charge_point = stations.seed(plan).await.unwrap().remove(0).id;
        let lease = stations.arrive(charge_point).await.unwrap();
        stations.connected(lease, "ocpp1.6", "test").await.unwrap();
        let house = Self { test, standins, guest, charging, stations, receipts, lease, handlers };
        house.status(ConnectorStatus::Available).await;
        house
    }

    /// Runs all jobs that are due.
    pub async fn jobs(&self) {
        Runner::new(self.test.db.clone(), "test", self.handlers.clone()).run_due_once().await.unwrap();
    }

    /// Runs the due jobs of some kinds only: the others are late.
    pub async fn jobs_of(&self, wanted: impl Fn(&str) -> bool) {
        let handlers =
            self.handlers.iter().filter(|(kind, _)| wanted(kind)).map(|(kind, handler)| (*kind, Arc::clone(handler)));
        Runner::new(self.test.db.clone(), "test", handlers.collect()).run_due_once().await.unwrap();
    }

    /// The clock moves on, and what has become due is done, the watchdog's work included.
    pub async fn later(&self, by: TimeDelta) {
        self.test.clock.advance(by);
        self.charging.tick().await.unwrap();
        self.jobs().await;
    }

    /// What both connectors report.
    pub async fn status(&self, status: ConnectorStatus) {
        for evse_no in [1, 2] {
            let report = StatusReport { evse_no, connector_no: 1, status, error_code: None };
            self.charging.connector_status(self.lease, report).await.unwrap();
        }
    }

    pub async fn link_lost(&self) {
        self.stations.disconnected(self.lease).await.unwrap();
    }

    pub fn form(amount: &str, key: &str) -> CheckoutForm {
        CheckoutForm { amount: amount.to_owned(), phone: "0700 123 456".to_owned(), idempotency_key: key.to_owned() }
    }

    pub async fn check_out(&self, code: &str, form: &CheckoutForm) -> CheckoutOutcome {
        let code = ConnectorCode::parse(code).unwrap();
        self.guest.check_out(&code, form, Locale::Ru).await.unwrap()
    }

    /// A guest who has ordered.
    pub async fn order(&self, code: &str, amount: &str) -> GuestToken {
        let key = self.test.db.ids().token(18);
        match self.check_out(code, &Self::form(amount, &key)).await {
            CheckoutOutcome::Ordered { token, payment_url: Some(_) } => token,
            other => panic!("{other:?}"),
        }
    }

    /// A guest who has paid, and whose session waits for the cable.
    pub async fn paid(&self, code: &str, amount: &str) -> GuestToken {
        let token = self.order(code, amount).await;
        assert!(self.pay(&token, None).await);
        self.look(&token, true).await;
        token
    }

    pub async fn external_id(&self, token: &GuestToken) -> String {
        sqlx::query_scalar(
            "select o.external_id from payment_order o join guest_charge g on g.order_id = o.id where g.token = $1",
        )
        .bind(token.as_str())
        .fetch_one(self.test.db.pool())
        .await
        .unwrap()
    }

    pub async fn pay(&self, token: &GuestToken, amount: Option<Tyiyn>) -> bool {
        self.standins.pay(&self.external_id(token).await, amount).await
    }

    /// The provider's notice of the payment.
    pub async fn notice(&self, token: &GuestToken, status: &str) -> WebhookOutcome {
        let body = payment_notice(&self.external_id(token).await, "guid", status, Tyiyn::new(1));
        self.guest.payment_webhook(Some(WEBHOOK_SECRET), "203.0.113.7", &body).await.unwrap()
    }

    pub async fn look(&self, token: &GuestToken, returned: bool) -> GuestView {
        self.guest.view(token, returned).await.unwrap()
    }

    /// The charge point takes its next command and says yes; the tag of a start.
    pub async fn take_start(&self) -> Option<Tag> {
        while let Some(command) = self.charging.next_command(self.lease).await.unwrap() {
            self.charging.command_answered(command.id, CommandOutcome::Accepted, json!({})).await.unwrap();
            if let CommandBody::Start { id_tag, .. } = command.body {
                return Some(id_tag);
            }
        }
        None
    }

    /// The charge point refuses whatever it is told now.
    pub async fn refuse_commands(&self) {
        while let Some(command) = self.charging.next_command(self.lease).await.unwrap() {
            self.charging.command_answered(command.id, CommandOutcome::Rejected, json!({})).await.unwrap();
        }
    }

    /// The cable is in, and energy flows.
    pub async fn plug_in(&self, evse_no: i32, tag: &str) -> TransactionId {
        let now = self.test.db.now();
        let report = StartReport {
            evse_no,
            connector_no: 1,
            id_tag: tag.to_owned(),
            meter_start: Wh::new(1_000_000),
            claimed_at: Some(now),
            received_at: now,
            message_id: format!("start-{tag}"),
        };
        self.charging.transaction_started(self.lease, report).await.unwrap().transaction
    }

    /// The charge ends after so much energy.
    pub async fn unplug(&self, transaction: TransactionId, tag: &str, energy: Wh) {
        let now = self.test.db.now();
        let report = StopReport {
            transaction: i64::from(transaction.0),
            id_tag: Some(tag.to_owned()),
            meter_stop: Some(Wh::new(1_000_000 + energy.get())),
            claimed_at: Some(now),
            received_at: now,
            reason: StopReason::Charger,
            message_id: format!("stop-{transaction}"),
            samples: Vec::new(),
            evidence: json!({}),
        };
        self.charging.transaction_stopped(self.lease, report).await.unwrap();
    }

    pub async fn alerts(&self) -> Vec<String> {
        sqlx::query_scalar("select kind from alert where resolved_at is null order by kind")
            .fetch_all(self.test.db.pool())
            .await
            .unwrap()
    }

    /// All invariants of the house hold.
    pub async fn is_in_order(&self) {
        assert_eq!(invariants::check_all(&self.test.db).await.unwrap(), []);
    }

    pub async fn account(&self, code: &str) -> i64 {
        let balance = sqlx::query_scalar::<_, i64>("select balance_tyiyn from account where code = $1").bind(code);
        balance.fetch_optional(self.test.db.pool()).await.unwrap().unwrap_or(0)
    }

    pub async fn station(&self) -> StationFacts {
        let crate::stations::CodeTarget::Connector(facts) = self.stations.look_up("ABCD").await.unwrap() else {
            panic!("a connector")
        };
        facts.station
    }
}
