//! Charging by neutral reports: what the stories over real sockets (crates/csms) cannot see.

use std::sync::Arc;

use api::i18n::Locale;
use chrono::TimeDelta;
use domain::charging::hold::Limit;
use domain::stations::PlugType;
use domain::{ConnectorId, OcppIdentity, OrderId};

use super::*;
use crate::bus::LocalBus;
use crate::db;
use crate::invariants;
use crate::ledger::{self, NewEntry};
use crate::ocpp_logs::{Direction, NewFrame};
use crate::stations::{
    DemoPlan, NewPartner, SeedChargePoint, SeedConnector, SeedStation, SeededChargePoint, Stations, StatusReport,
};
use crate::tariffs::Tariffs;
use crate::testing::TestDb;

struct House {
    test: TestDb,
    stations: Stations,
    charging: Charging,
    points: Vec<SeededChargePoint>,
}

async fn house() -> House {
    let test = TestDb::new().await;
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new());
    let stations = Stations::new(test.db.clone(), bus.clone());
    let settings = ChargingSettings { configure_meters: false, ..ChargingSettings::default() };
    let charging = Charging::new(test.db.clone(), bus, settings);
    let tariff = Tariffs::new(test.db.clone()).ensure_standard("Standard").await.unwrap();
    let connector =
        || SeedConnector { label: "A".into(), plug: PlugType::Type2, max_power: Watt::new(22_000), tariff, code: None };
    let point =
        |n: usize| SeedChargePoint { identity: OcppIdentity::parse(&format!("CP{n}")).unwrap(), connectors: vec![connector()] };
    let plan = DemoPlan {
        partner: NewPartner { name: "Partner".into(), tin: "11111111111111".into(), share_bp: 7000 },
        stations: vec![SeedStation {
            name: "Here".into(),
            address: "Chüy 1".into(),
            latitude_e7: 0,
            longitude_e7: 0,
            helpline: "+996312000000".into(),
            seller_name: "Seller".into(),
            seller_tin: "22222222222222".into(),
            charge_points: (0..4).map(point).collect(),
        }],
    };
    let points = stations.seed(plan).await.unwrap();
    House { test, stations, charging, points }
}

impl House {
    fn connector(&self, n: usize) -> ConnectorId {
        self.points[n].connectors[0].id
    }

    /// A charge point that is there and free.
    async fn connect(&self, n: usize) -> Lease {
        let lease = self.stations.arrive(self.points[n].id).await.unwrap();
        self.stations.connected(lease, "ocpp1.6", "one").await.unwrap();
        let report = StatusReport { evse_no: 1, connector_no: 1, status: ConnectorStatus::Available, error_code: None };
        self.charging.connector_status(lease, report).await.unwrap();
        lease
    }

    async fn begin(&self, n: usize, som: i64) -> Result<SessionId, BeginRefusal> {
        let (charging, connector_id) = (self.charging.clone(), self.connector(n));
        let amount = Tyiyn::from_som(som).unwrap();
        db::tx(&self.test.db, move |mut tx| {
            let charging = charging.clone();
            async move {
                let order = OrderId::from_uuid(tx.uuid());
                let payer_account = AccountCode::GuestOrder(order);
                let paid = NewEntry::new("paid", format!("paid:{order}"), "Paid", tx.now())
                    .debit(AccountCode::NambaClearing, amount)
                    .credit(payer_account.clone(), amount);
                ledger::post(&mut tx, &paid).await.map_err(ChargingError::from)?;
                let request = StartRequest {
                    connector_id,
                    payer_kind: PayerKind::Guest,
                    payer_id: Uuid::nil(),
                    payer_account,
                    locale: Locale::Ky,
                    limit: Some(Limit::Amount(amount)),
                    agreed: amount,
                    contract: None,
                    payment_reference: None,
                };
                charging.begin(&mut tx, request).await
            }
        })
        .await
    }

    async fn start(&self, lease: Lease, session: SessionId) -> TransactionId {
        let id_tag = store::session(self.test.db.pool(), session).await.unwrap().unwrap().id_tag;
        let now = self.test.db.now();
        let report = StartReport {
            evse_no: 1,
            connector_no: 1,
            id_tag,
            meter_start: Wh::new(1_000),
            claimed_at: Some(now),
            received_at: now,
            message_id: "start".into(),
        };
        let outcome = self.charging.transaction_started(lease, report).await.unwrap();
        assert!(outcome.accepted);
        outcome.transaction
    }

    fn reading(&self, lease: Lease, transaction: TransactionId, register: i64) -> Submission {
        let now = self.test.db.now();
        let sample =
            Sample { claimed_at: Some(now), register: Some(Wh::new(register)), power: None, state_of_charge_percent: Some(40) };
        let meter = MeterReport {
            evse_no: 1,
            connector_no: 1,
            transaction: Some(i64::from(transaction.0)),
            received_at: now,
            samples: vec![sample],
            seq_no: None,
        };
        Submission { lease, frames: vec![frame(lease, now, "[2]")], meter: Some(meter) }
    }

    fn stop(&self, transaction: TransactionId, meter_stop: i64) -> StopReport {
        let now = self.test.db.now();
        StopReport {
            transaction: i64::from(transaction.0),
            id_tag: None,
            meter_stop: Some(Wh::new(meter_stop)),
            claimed_at: Some(now),
            received_at: now,
            reason: StopReason::Charger,
            message_id: "stop".into(),
            samples: vec![],
            evidence: serde_json::json!({}),
        }
    }

    async fn see(&self, session: SessionId) -> SessionSnapshot {
        self.charging.snapshot(session).await.unwrap()
    }

    async fn is_in_order(&self) {
        assert_eq!(invariants::check(&self.test.db, CHECKS).await.unwrap(), []);
    }

    async fn alerts(&self) -> Vec<String> {
        sqlx::query_scalar::<_, String>("select kind from alert where resolved_at is null order by kind")
            .fetch_all(self.test.db.pool())
            .await
            .unwrap()
    }

    async fn run(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(self.test.db.pool()).await.unwrap();
    }
}

/// The guest's orders have no part here.
const CHECKS: &[invariants::Check] = &[ledger::check, check, crate::receipts::check];

fn frame(lease: Lease, at: DateTime<Utc>, text: &str) -> NewFrame {
    NewFrame {
        at,
        lease,
        direction: Direction::In,
        message_type: 2,
        message_id: None,
        action: None,
        frame: text.into(),
        violations: None,
    }
}

#[tokio::test]
async fn of_many_payers_at_once_one_gets_the_connector() {
    let house = house().await;
    house.connect(0).await;
    let begun = futures::future::join_all((0..30).map(|_| house.begin(0, 500))).await;
    assert_eq!(begun.iter().filter(|b| b.is_ok()).count(), 1);
    assert!(begun.iter().all(|b| matches!(b, Ok(_) | Err(BeginRefusal::Busy))));
    house.is_in_order().await;
}

#[tokio::test]
async fn the_hold_is_what_the_policy_says_and_a_session_needs_money() {
    let house = house().await;
    house.connect(0).await;
    assert!(matches!(house.begin(1, 500).await, Err(BeginRefusal::Offline)));
    let session = house.begin(0, 500).await.unwrap();
    let seen = house.see(session).await;
    assert_eq!((seen.hold, seen.agreed, seen.state), (Tyiyn::new(47_500), Tyiyn::new(50_000), SessionState::Starting));
    assert_eq!(house.charging.busy(&[house.connector(0), house.connector(1)]).await.unwrap().len(), 1);
    house.is_in_order().await;
}

#[tokio::test]
async fn the_money_of_a_bill_goes_to_partner_taxes_and_us() {
    let house = house().await;
    let lease = house.connect(0).await;
    let session = house.begin(0, 500).await.unwrap();
    let transaction = house.start(lease, session).await;
    house.test.clock.advance(TimeDelta::hours(1));
    house.charging.transaction_stopped(lease, house.stop(transaction, 11_000)).await.unwrap();
    assert_eq!(house.see(session).await.billed, Some(Tyiyn::new(15_000)));
    let partner = house.stations.connector(house.connector(0)).await.unwrap().unwrap().station.partner;
    let balance = async |account| ledger::balance(house.test.db.pool(), &account).await.unwrap().posted.get();
    let tax = |code| AccountCode::Tax(ledger::TaxCode::parse(code).unwrap());
    // 150 som contain 15.93 VAT and 1.33 sales tax; of the 132.74 net the partner gets 70 %.
    assert_eq!(balance(tax("vat")).await, 1_593);
    assert_eq!(balance(tax("sales_tax")).await, 133);
    assert_eq!(balance(AccountCode::PartnerPayable(partner)).await, 9_292);
    assert_eq!(balance(AccountCode::Revenue(ledger::Revenue::Energy)).await, 3_982);
    house.is_in_order().await;
}

#[tokio::test]
async fn a_write_off_is_booked_and_alarmed() {
    let house = house().await;
    let lease = house.connect(0).await;
    let session = house.begin(0, 100).await.unwrap();
    let transaction = house.start(lease, session).await;
    house.test.clock.advance(TimeDelta::hours(1));
    house.charging.transaction_stopped(lease, house.stop(transaction, 11_000)).await.unwrap();
    let seen = house.see(session).await;
    assert_eq!((seen.billed, seen.written_off), (Some(Tyiyn::new(10_000)), Some(Tyiyn::new(5_000))));
    let written_off = ledger::balance(house.test.db.pool(), &AccountCode::WriteOff).await.unwrap();
    assert_eq!(written_off.posted, Tyiyn::new(-5_000));
    assert_eq!(house.alerts().await, ["write_off"]);
    house.is_in_order().await;
}

/// What a writer remembers is a cache: with and without it the same comes out.
#[tokio::test]
async fn a_session_continued_by_a_fresh_writer_counts_the_same() {
    let house = house().await;
    let mut seen = vec![];
    for (n, restarts) in [(0, false), (1, true)] {
        let lease = house.connect(n).await;
        let session = house.begin(n, 500).await.unwrap();
        let transaction = house.start(lease, session).await;
        let mut ingest = Ingest::start(&house.charging);
        // Steps forward, back, a spike, a dropout, and a register that begins anew.
        for register in [1_500, 2_000, 1_900, 900_000, 2_500, 0, 2_600, 50, 300] {
            house.test.clock.advance(TimeDelta::minutes(3));
            if restarts {
                ingest = Ingest::start(&house.charging);
            }
            ingest.write(house.reading(lease, transaction, register)).await.unwrap();
        }
        let s = house.see(session).await;
        seen.push((s.energy, s.cost, s.power, s.state_of_charge_percent));
    }
    assert_eq!(seen[0], seen[1]);
    house.is_in_order().await;
}

/// A time that stands is not written anew with each reading (the row would touch its indexes), and silence is stopped all the same.
#[tokio::test]
async fn the_time_to_judge_moves_only_when_it_must() {
    let house = house().await;
    let lease = house.connect(0).await;
    let session = house.begin(0, 500).await.unwrap();
    let transaction = house.start(lease, session).await;
    let ingest = Ingest::start(&house.charging);
    let mut times = std::collections::BTreeSet::new();
    for minute in 1..=30 {
        house.test.clock.advance(TimeDelta::minutes(1));
        ingest.write(house.reading(lease, transaction, 1_000 + minute * 350)).await.unwrap();
        let row = store::session(house.test.db.pool(), session).await.unwrap().unwrap();
        times.insert(row.judge_at.filter(|at| *at > house.test.db.now()).unwrap());
    }
    assert!(times.len() <= 3, "{times:?}");
    // 475 som are 31.7 kWh: at 21 kW they last 90 minutes, of which it was heard of for 30.
    let mut silent_minutes = 0;
    while house.see(session).await.state == SessionState::Charging {
        house.test.clock.advance(TimeDelta::minutes(1));
        silent_minutes += 1;
        house.charging.tick().await.unwrap();
    }
    assert!((59..=61).contains(&silent_minutes), "stopped after {silent_minutes} minutes");
}

#[tokio::test]
async fn many_readings_in_one_batch_are_taken_in_their_order() {
    let house = house().await;
    let ingest = Ingest::start(&house.charging);
    let mut sessions = vec![];
    for n in 0..4 {
        let lease = house.connect(n).await;
        let session = house.begin(n, 1_000).await.unwrap();
        sessions.push((lease, session, house.start(lease, session).await));
    }
    let mut writes = vec![];
    for step in 1..=50_i64 {
        house.test.clock.advance(TimeDelta::seconds(10));
        for (lease, _, transaction) in &sessions {
            let (ingest, submission) = (ingest.clone(), house.reading(*lease, *transaction, 1_000 + step * 20));
            writes.push(async move { ingest.write(submission).await });
        }
    }
    assert!(futures::future::join_all(writes).await.iter().all(Result::is_ok));
    for (_, session, _) in &sessions {
        assert_eq!(house.see(*session).await.energy, Wh::new(1_000));
    }
    let stats = ingest.stats();
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!((count(&stats.submissions), count(&stats.samples)), (200, 200));
    assert!(count(&stats.batches) < 200, "{stats:?}");
    house.is_in_order().await;
}

/// A submission that the database cannot take costs only itself, and an outdated connection is told so.
#[tokio::test]
async fn a_bad_submission_does_not_cost_the_others() {
    let house = house().await;
    let outdated = house.connect(0).await;
    let lease = house.connect(0).await;
    let ingest = Ingest::start(&Charging {
        settings: Arc::new(ChargingSettings { writers: 1, ..ChargingSettings::default() }),
        ..house.charging.clone()
    });
    let now = house.test.db.now();
    let submission = |lease, text: &str| Submission { lease, frames: vec![frame(lease, now, text)], meter: None };
    let (good, bad, fenced, good_too) = tokio::join!(
        ingest.write(submission(lease, "good")),
        ingest.write(submission(lease, "ba\0d")),
        ingest.write(submission(outdated, "outdated")),
        ingest.write(submission(lease, "good")),
    );
    assert_eq!((good, good_too), (Ok(()), Ok(())));
    assert_eq!(bad, Err(IngestError::Unavailable));
    assert_eq!(fenced, Err(IngestError::Fenced));
}

/// The end of a transaction is kept even when the session cannot be settled; it is settled later.
#[tokio::test]
async fn a_settlement_that_fails_is_done_later() {
    let house = house().await;
    let lease = house.connect(0).await;
    let session = house.begin(0, 500).await.unwrap();
    let transaction = house.start(lease, session).await;
    house.run("insert into tax_rate (code, rate_bp, valid_from) values ('No Such Code', 100, '2020-01-01Z')").await;
    house.test.clock.advance(TimeDelta::hours(1));
    let outcome = house.charging.transaction_stopped(lease, house.stop(transaction, 11_000)).await.unwrap();
    assert_eq!(outcome, StopOutcome::Recorded(transaction));
    assert_eq!(house.see(session).await.state, SessionState::Charging);
    assert_eq!(house.alerts().await, ["settlement_failed"]);
    // Still broken: tried again, and put off again.
    house.test.clock.advance(TimeDelta::seconds(61));
    assert_eq!(house.charging.tick().await.unwrap().failures, 1);
    assert_eq!(house.charging.tick().await.unwrap().failures, 0);
    house.run("delete from tax_rate where code = 'No Such Code'").await;
    house.test.clock.advance(TimeDelta::seconds(61));
    assert_eq!(house.charging.tick().await.unwrap().settled, 1);
    let seen = house.see(session).await;
    assert_eq!(
        (seen.state, seen.billed, seen.stop_reason),
        (SessionState::Settled, Some(Tyiyn::new(15_000)), Some(StopReason::Charger))
    );
    assert_eq!(house.alerts().await, Vec::<String>::new());
    house.is_in_order().await;
}

/// A charger that sends no readings at all may be giving all it can.
#[tokio::test]
async fn a_charger_that_never_sends_a_reading_is_stopped_in_time() {
    let house = house().await;
    let lease = house.connect(0).await;
    let session = house.begin(0, 100).await.unwrap();
    house.start(lease, session).await;
    // 95 som are 6.3 kWh, and 22 kW give them in 17 minutes.
    for _ in 0..16 {
        house.test.clock.advance(TimeDelta::minutes(1));
        house.charging.tick().await.unwrap();
    }
    assert_eq!(house.see(session).await.state, SessionState::Charging);
    house.test.clock.advance(TimeDelta::minutes(2));
    house.charging.tick().await.unwrap();
    assert_eq!(house.see(session).await.state, SessionState::Stopping);
}

#[tokio::test]
async fn a_session_of_silence_is_closed_at_its_last_reading() {
    let house = house().await;
    let lease = house.connect(0).await;
    let session = house.begin(0, 500).await.unwrap();
    let transaction = house.start(lease, session).await;
    house.test.clock.advance(TimeDelta::minutes(10));
    Ingest::start(&house.charging).write(house.reading(lease, transaction, 3_000)).await.unwrap();
    house.stations.disconnected(lease).await.unwrap();
    house.test.clock.advance(TimeDelta::hours(7));
    // First stopped, then given up.
    house.charging.tick().await.unwrap();
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.billed), (SessionState::Settled, Some(Tyiyn::new(3_000))));
    house.is_in_order().await;
}

/// The charger, not the car, pauses: nobody idles.
#[tokio::test]
async fn a_pause_of_the_charger_is_no_idling() {
    let house = house().await;
    let lease = house.connect(0).await;
    let session = house.begin(0, 500).await.unwrap();
    let transaction = house.start(lease, session).await;
    let ingest = Ingest::start(&house.charging);
    let report = |status| StatusReport { evse_no: 1, connector_no: 1, status, error_code: None };
    let idle_since = async || store::session(house.test.db.pool(), session).await.unwrap().unwrap().idle_since;
    house.test.clock.advance(TimeDelta::minutes(10));
    ingest.write(house.reading(lease, transaction, 3_000)).await.unwrap();
    assert_eq!(idle_since().await, None);
    house.charging.connector_status(lease, report(ConnectorStatus::SuspendedEvse)).await.unwrap();
    house.test.clock.advance(TimeDelta::minutes(10));
    ingest.write(house.reading(lease, transaction, 3_000)).await.unwrap();
    assert_eq!(idle_since().await, None);
    house.charging.connector_status(lease, report(ConnectorStatus::SuspendedEv)).await.unwrap();
    let resumed_at = house.test.db.now();
    house.test.clock.advance(TimeDelta::minutes(10));
    ingest.write(house.reading(lease, transaction, 3_000)).await.unwrap();
    assert_eq!(idle_since().await, Some(resumed_at));
}

#[tokio::test]
async fn partitions_of_samples_are_made_ahead() {
    let house = house().await;
    house.charging.ensure_partitions().await.unwrap();
    house.charging.ensure_partitions().await.unwrap();
    let lease = house.connect(0).await;
    let session = house.begin(0, 500).await.unwrap();
    house.run("alter table charging_transaction alter column id restart with 150000").await;
    let transaction = house.start(lease, session).await;
    house.test.clock.advance(TimeDelta::minutes(1));
    Ingest::start(&house.charging).write(house.reading(lease, transaction, 1_100)).await.unwrap();
    let partition: String =
        sqlx::query_scalar("select tableoid::regclass::text from meter_sample").fetch_one(house.test.db.pool()).await.unwrap();
    assert_eq!(partition, "meter_sample_1");
}

#[tokio::test]
async fn a_sample_has_its_transaction_for_as_long_as_it_is_kept() {
    let house = house().await;
    let lease = house.connect(0).await;
    let session = house.begin(0, 500).await.unwrap();
    let transaction = house.start(lease, session).await;
    Ingest::start(&house.charging).write(house.reading(lease, transaction, 1_100)).await.unwrap();
    let orphan = "insert into meter_sample select transaction_id + 1, ordinal, claimed_at, register_wh, sampled_at, received_at, energy_wh,
        power_w, state_of_charge_percent, note from meter_sample";
    for refused in [orphan, "update charging_session set transaction_id = null; delete from charging_transaction"] {
        let error = sqlx::raw_sql(refused).execute(house.test.db.pool()).await.unwrap_err();
        assert_eq!(db::constraint(&error), Some("meter_sample_transaction"), "{error}");
    }
}
