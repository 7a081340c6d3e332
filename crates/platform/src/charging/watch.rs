//! What the clock does: deadlines, silence, stops without effect. It looks at the rows, so a restart loses nothing, and several
//! nodes may do it at once: each finding is looked at again under the session's lock.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::charging::hold::Verdict;
use domain::charging::session::{SessionEvent, SessionState, StopReason};
use domain::{SessionId, TransactionId};
use futures::future::BoxFuture;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::flow::{Brought, UNPAID_STOPS_MAX};
use super::reports::SETTLE_AGAIN;
use super::store::{self, SessionRow};
use super::{Charging, ChargingError};
use crate::audit;
use crate::db::{self, Tx};
use crate::invariants::Violation;
use crate::ledger::{self, HoldState};
use crate::stations::{self, ConnectorFacts};

/// Fine enough for countdowns of minutes, and a few indexed queries.
const TICK: Duration = Duration::from_secs(1);
/// Partitions of the samples are made when fewer than this many transaction ids are left in the last one.
const PARTITION_WIDTH: i32 = 100_000;
/// Sessions that the invariants look at: all of a test, the newest of a running system.
const AUDITED_MAX: i64 = 10_000;

/// What a look at the clock did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WatchReport {
    pub expired_commands: usize,
    pub missed_start_deadlines: usize,
    pub judged: usize,
    /// Whose settlement had failed before.
    pub settled: usize,
    pub repeated_stops: usize,
    pub lost: usize,
    /// What failed was logged and will be looked at again.
    pub failures: usize,
}

impl Charging {
    /// Looks at the clock every second until it is cancelled. One is enough; one a node does no harm.
    pub async fn watch(&self, cancelled: CancellationToken) {
        loop {
            tokio::select! {
                () = cancelled.cancelled() => return,
                () = tokio::time::sleep(TICK) => {}
            }
            if let Err(error) = self.tick().await {
                error!(error = &error as &dyn std::error::Error, "The watch over the sessions failed");
            }
        }
    }

    /// One look at the clock.
    pub async fn tick(&self) -> Result<WatchReport, ChargingError> {
        let now = self.db.now();
        let settings = self.settings.clone();
        let mut report = WatchReport { expired_commands: self.expire_commands().await?, ..WatchReport::default() };
        for session in store::past_start_deadline(self.db.pool(), now).await? {
            let done = self.with_session(session, Look::StartDeadline).await;
            count(done, session, &mut report.missed_start_deadlines, &mut report.failures);
        }
        for session in store::ended_unsettled(self.db.pool(), now).await? {
            let done = self.with_session(session, Look::Settle).await;
            if done.is_err() {
                self.settle_later(session).await?;
            }
            count(done, session, &mut report.settled, &mut report.failures);
        }
        for session in store::to_be_judged(self.db.pool(), now).await? {
            let done = self.with_session(session, Look::Judge).await;
            count(done, session, &mut report.judged, &mut report.failures);
        }
        for session in store::stops_without_effect(self.db.pool(), now - settings.stop_follow).await? {
            let done = self.with_session(session, Look::StopFollow).await;
            count(done, session, &mut report.repeated_stops, &mut report.failures);
        }
        let (silent_since, stopping_since) = (now - settings.silence_grace, now - settings.stop_grace);
        for session in store::maybe_lost(self.db.pool(), now, silent_since, stopping_since).await? {
            let done = self.with_session(session, Look::Lost).await;
            count(done, session, &mut report.lost, &mut report.failures);
        }
        for transaction in store::unpaid_running(self.db.pool(), now - settings.stop_follow, UNPAID_STOPS_MAX).await? {
            self.stop_unpaid_again(transaction).await?;
        }
        Ok(report)
    }

    /// Makes the partitions that the coming transactions need. Call it at the start and every few hours.
    pub async fn ensure_partitions(&self) -> Result<(), ChargingError> {
        db::tx(&self.db, |mut tx| async move {
            let newest = store::newest_transaction(&mut *tx).await?;
            let current = newest / PARTITION_WIDTH * PARTITION_WIDTH;
            for first in [current, current.saturating_add(PARTITION_WIDTH)] {
                store::ensure_sample_partition(&mut *tx, first).await?;
            }
            Ok(())
        })
        .await
    }

    async fn stop_unpaid_again(&self, transaction: TransactionId) -> Result<(), ChargingError> {
        let this = self.clone();
        db::tx(&self.db, move |mut tx| {
            let this = this.clone();
            async move { this.stop_unpaid(&mut tx, transaction).await }
        })
        .await
    }

    async fn with_session(&self, session: SessionId, look: Look) -> Result<bool, ChargingError> {
        let this = self.clone();
        db::tx(&self.db, move |mut tx| {
            let this = this.clone();
            async move {
                let Some(mut row) = store::lock_session(&mut tx, session).await? else { return Ok(false) };
                this.look(&mut tx, &mut row, look).await
            }
        })
        .await
    }

    /// Looks at one session under its lock; whether there was something to do.
    async fn look(&self, tx: &mut Tx, row: &mut SessionRow, look: Look) -> Result<bool, ChargingError> {
        let now = tx.now();
        let state = row.machine.state;
        let event = match look {
            Look::StartDeadline if state == SessionState::Starting && row.machine.start_deadline <= now => {
                SessionEvent::StartDeadline
            }
            Look::Judge if state == SessionState::Charging && row.judge_at.is_some_and(|at| at <= now) => {
                return self.judge_by_clock(tx, row, now).await;
            }
            Look::Settle if matches!(state, SessionState::Charging | SessionState::Stopping) => {
                let Some(id) = row.machine.transaction else { return Ok(false) };
                let Some(transaction) = store::transaction(&mut **tx, id).await? else { return Ok(false) };
                let Some(at) = transaction.stopped_at else { return Ok(false) };
                audit::resolve_alert(tx, "settlement_failed", &row.id.to_string()).await?;
                SessionEvent::TransactionStopped { reason: transaction.stop_reason.unwrap_or(StopReason::Charger), at }
            }
            Look::StopFollow if state == SessionState::Stopping => SessionEvent::StopRefused,
            Look::Lost if matches!(state, SessionState::Charging | SessionState::Stopping) => {
                let facts = self.facts_of(tx, row).await?;
                if !self.is_lost(row, &facts, now) {
                    return Ok(false);
                }
                SessionEvent::LostTransaction { at: row.last_sample_at.or(row.started_at).unwrap_or(row.requested_at) }
            }
            _ => return Ok(false),
        };
        self.apply(tx, row, event, Brought::default()).await?;
        Ok(true)
    }

    fn is_lost(&self, row: &SessionRow, facts: &ConnectorFacts, now: DateTime<Utc>) -> bool {
        let settings = &self.settings;
        let heard_of_it = row.last_sample_at.or(row.started_at).unwrap_or(row.requested_at);
        let hinted = row.lost_after.is_some_and(|at| at <= now);
        // Without a link it may be charging on; its readings come later. But not for ever.
        let silent = heard_of_it <= now - settings.silence_grace
            && (!facts.online || facts.last_seen_at.is_none_or(|at| at <= now - settings.silence_grace));
        // With a link, being stopped, and no reading any more: the charger does not know of it.
        let unstoppable = facts.online
            && row.stopping_at.is_some_and(|at| at <= now - settings.stop_grace)
            && heard_of_it <= now - settings.stop_grace;
        hinted || silent || unstoppable
    }

    /// Judges a session that has been quiet: silence stops it when what may have flowed costs the hold.
    async fn judge_by_clock(&self, tx: &mut Tx, row: &mut SessionRow, now: DateTime<Utc>) -> Result<bool, ChargingError> {
        let Some(id) = row.machine.transaction else { return Ok(false) };
        let transaction = store::transaction(&mut **tx, id).await?.ok_or(ChargingError::NotFound("transaction"))?;
        if transaction.stopped_at.is_some() {
            return Ok(false);
        }
        let facts = self.facts_of(tx, row).await?;
        let mut live = self.rebuild(tx, &transaction, Some(row)).await?;
        live.set_idle_since(live.idle_since(row.charger_paused_at.is_some(), row.charger_resumed_at));
        let interval = chrono::TimeDelta::seconds(i64::from(facts.meter_interval_s));
        match live.judge(now, interval) {
            (Verdict::Stop, error) => self.reached(tx, row.id, error).await?,
            (Verdict::GoOn, _) => {
                row.judge_at = Some(live.judge_at(now, interval));
                store::save_session(&mut **tx, row).await?;
            }
        }
        Ok(true)
    }

    async fn settle_later(&self, session: SessionId) -> Result<(), ChargingError> {
        db::tx(&self.db, move |mut tx| async move {
            let Some(mut row) = store::lock_session(&mut tx, session).await? else { return Ok(()) };
            row.judge_at = Some(tx.now() + SETTLE_AGAIN);
            store::save_session(&mut *tx, &row).await.map_err(ChargingError::from)
        })
        .await
    }

    async fn facts_of(&self, tx: &mut Tx, row: &SessionRow) -> Result<ConnectorFacts, ChargingError> {
        stations::connector(tx, row.connector).await?.ok_or(ChargingError::NotFound("connector"))
    }
}

/// Why a session is looked at.
#[derive(Debug, Clone, Copy)]
enum Look {
    StartDeadline,
    Settle,
    Judge,
    StopFollow,
    Lost,
}

fn count(done: Result<bool, ChargingError>, session: SessionId, counter: &mut usize, failures: &mut usize) {
    match done {
        Ok(true) => *counter += 1,
        Ok(false) => {}
        Err(error) => {
            *failures += 1;
            error!(error = &error as &dyn std::error::Error, session.id = %session, "The watch could not look after session {session}");
        }
    }
}

/// DESIGN § 4, 3 and 4, as far as sessions, transactions and samples can tell; and that each session's hold became what the
/// session became.
pub fn check(connection: &mut PgConnection) -> BoxFuture<'_, Result<Vec<Violation>, sqlx::Error>> {
    Box::pin(async move {
        let mut found: Vec<Violation> =
            store::contradictions(connection).await?.into_iter().map(|(rule, detail)| Violation { rule, detail }).collect();
        for row in store::audit_rows(&mut *connection, AUDITED_MAX).await? {
            let hold = match ledger::find_hold(connection, row.hold_id).await {
                Ok(hold) => hold.map(|hold| hold.state),
                Err(ledger::LedgerError::Db(error)) => return Err(error),
                Err(_) => None,
            };
            let billed = row.billed.unwrap_or(0);
            let fits = match (row.state.as_str(), hold) {
                ("settled", Some(HoldState::Posted { amount, .. })) => amount.get() == billed,
                ("settled", Some(HoldState::Voided)) => billed == 0,
                ("failed", Some(HoldState::Voided)) => true,
                ("starting" | "charging" | "stopping", Some(HoldState::Held)) => true,
                _ => false,
            };
            if !fits {
                let detail = format!("session {} is {}, billed {billed}, and its hold is {hold:?}", row.id, row.state);
                found.push(Violation { rule: "charging.billed_exactly_once", detail });
            }
            if billed > row.agreed {
                found.push(Violation { rule: "charging.bill_within_agreed", detail: format!("session {}", row.id) });
            }
            if row.state == "settled" && row.bill_total != Some(billed.saturating_add(row.written_off.unwrap_or(0))) {
                found
                    .push(Violation { rule: "charging.bill_is_billed_and_written_off", detail: format!("session {}", row.id) });
            }
        }
        Ok(found)
    })
}
