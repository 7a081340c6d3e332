//! What charge points report: starts, stops, boots, statuses, tags. Each is one transaction, fenced by the connection's epoch,
//! and harmless when repeated, late or out of order.

use chrono::{DateTime, TimeDelta, Utc};
use domain::charging::session::{SessionEvent, SessionState};
use domain::stations::ConnectorStatus;
use domain::{ChargePointId, SessionId};
use serde_json::json;
use tracing::error;

use super::flow::Brought;
use super::live::bounded;
use super::store::{self, SampleRow, SessionRow, StartKey, TransactionEnd, TransactionRow};
use super::{
    BootAnswer, Charging, ChargingError, CommandOutcome, StartOutcome, StartReport, StopOutcome, StopReport, TagVerdict,
};
use crate::audit;
use crate::db::{self, Tx};
use crate::stations::{self, BootFacts, Lease, StatusReport};

/// An idTag longer than this was not made by anybody who wants to charge; OCPP 1.6 allows 20 characters, 2.0.1 36.
const TAG_CHARS_MAX: usize = 255;

/// A settlement that failed is tried again after this.
pub(super) const SETTLE_AGAIN: TimeDelta = TimeDelta::minutes(1);

/// Whether a Stop settles its session.
#[derive(Debug, Clone)]
pub(super) enum Settling {
    Now,
    /// It failed; the end is kept, and the watch tries again.
    Later {
        error: String,
    },
}

/// Tags are compared without case (field case 21).
pub(super) fn folded(tag: &str) -> String {
    tag.chars().take(TAG_CHARS_MAX).collect::<String>().to_uppercase()
}

/// A claimed time that cannot be read still has a place in a key.
pub(super) fn claimed_or_none(claimed: Option<DateTime<Utc>>) -> DateTime<Utc> {
    claimed.unwrap_or(DateTime::UNIX_EPOCH)
}

impl Charging {
    /// A charge point introduces itself. What it was told to do and did by rebooting is done; transactions that it does not
    /// come back to are given some time. [`Self::booted_at_rest`] comes first.
    pub async fn booted(&self, lease: Lease, facts: BootFacts) -> Result<BootAnswer, ChargingError> {
        let this = self.clone();
        let resets = db::tx(&self.db, move |mut tx| {
            let (this, facts) = (this.clone(), facts.clone());
            async move {
                let now = tx.now();
                stations::fence(&mut tx, lease, now).await?;
                stations::record_boots(&mut *tx, &[(lease, facts)], now).await?;
                for session in store::sessions_of_charge_point(&mut *tx, lease.charge_point).await? {
                    this.maybe_lost(&mut tx, session, now + this.settings.boot_grace).await?;
                }
                store::open_resets(&mut *tx, lease.charge_point).await.map_err(ChargingError::from)
            }
        })
        .await?;
        for reset in resets {
            self.end_command(reset, &["sent"], CommandOutcome::Accepted, json!({ "assumed": "accepted by reboot" })).await?;
        }
        Ok(BootAnswer { now: self.now() })
    }

    /// The same where nothing goes on, which is mostly; `None` where something does. Nothing can begin before this is answered but what a boot
    /// does not concern: a session that waits for its start.
    pub async fn booted_at_rest(&self, lease: Lease, facts: &BootFacts) -> Result<Option<BootAnswer>, ChargingError> {
        if self.is_awaited(lease.charge_point).await? {
            return Ok(None);
        }
        if self.boots.ask((lease, facts.clone())).await? {
            Ok(Some(BootAnswer { now: self.now() }))
        } else {
            Err(ChargingError::Fenced)
        }
    }

    /// Keeps a connector's status when that is all that it means: nothing goes on at the charge point. A session that begins meanwhile
    /// begins with the status that was written. False when there is more to do, which is [`Self::connector_status`]'s.
    pub async fn connector_status_at_rest(&self, lease: Lease, report: &StatusReport) -> Result<bool, ChargingError> {
        Ok(self.statuses.ask((lease, report.clone())).await?.is_some() && !self.is_awaited(lease.charge_point).await?)
    }

    /// The status of a connector, or of the whole charge point. [`Self::connector_status_at_rest`] comes first.
    pub async fn connector_status(&self, lease: Lease, report: StatusReport) -> Result<(), ChargingError> {
        let this = self.clone();
        db::tx(&self.db, move |mut tx| {
            let (this, report) = (this.clone(), report.clone());
            async move {
                let now = tx.now();
                stations::fence(&mut tx, lease, now).await?;
                this.take_status(&mut tx, lease, &report).await
            }
        })
        .await
    }

    /// Keeps a status and what it means for the session on the connector. The caller has fenced.
    pub(super) async fn take_status(&self, tx: &mut Tx, lease: Lease, report: &StatusReport) -> Result<(), ChargingError> {
        let now = tx.now();
        let Some(connector) = stations::record_status(tx, lease.charge_point, report, now).await? else {
            return Ok(());
        };
        let Some(session) = store::live_session(&mut **tx, connector).await? else { return Ok(()) };
        self.publish(tx, session);
        let running =
            matches!(report.status, ConnectorStatus::Charging | ConnectorStatus::SuspendedEv | ConnectorStatus::SuspendedEvse);
        if report.status == ConnectorStatus::Available {
            self.maybe_lost(tx, session, now + self.settings.available_grace).await?;
        }
        let Some(mut row) = store::lock_session(tx, session).await? else { return Ok(()) };
        if row.machine.state.is_terminal() {
            return Ok(());
        }
        if running {
            row.lost_after = None;
        }
        let paused =
            matches!(report.status, ConnectorStatus::SuspendedEvse | ConnectorStatus::Faulted | ConnectorStatus::Unavailable);
        match (paused, row.charger_paused_at) {
            (true, None) => row.charger_paused_at = Some(now),
            (false, Some(_)) => {
                row.charger_paused_at = None;
                row.charger_resumed_at = Some(now);
            }
            _ => {}
        }
        Ok(store::save_session(&mut **tx, &row).await?)
    }

    /// The charger behaves as if the transaction had ended. It gets some time to say so.
    async fn maybe_lost(&self, tx: &mut Tx, session: SessionId, believe_at: DateTime<Utc>) -> Result<(), ChargingError> {
        let Some(mut row) = store::lock_session(tx, session).await? else { return Ok(()) };
        if matches!(row.machine.state, SessionState::Charging | SessionState::Stopping) {
            row.lost_after = Some(row.lost_after.map_or(believe_at, |at| at.min(believe_at)));
            store::save_session(&mut **tx, &row).await?;
        }
        Ok(())
    }

    /// May this tag charge here? Only the tag of a session that waits or runs at this charge point.
    pub async fn tag_verdict(&self, lease: Lease, id_tag: &str) -> Result<TagVerdict, ChargingError> {
        let pool = self.db.pool();
        let Some(session) = store::session_by_tag(pool, &folded(id_tag)).await? else { return Ok(TagVerdict::Unknown) };
        let Some(row) = store::session(pool, session).await? else { return Ok(TagVerdict::Unknown) };
        if !self.is_of(&row, lease.charge_point).await? {
            return Ok(TagVerdict::Invalid);
        }
        Ok(match row.machine.state {
            SessionState::Starting | SessionState::Charging | SessionState::Stopping => TagVerdict::Accepted,
            SessionState::Settled => TagVerdict::Expired,
            SessionState::Failed => TagVerdict::Blocked,
        })
    }

    /// The same for a tag whose transaction was not accepted.
    pub async fn why_refused(&self, lease: Lease, id_tag: &str) -> Result<TagVerdict, ChargingError> {
        // Good for another transaction is not good for this one.
        Ok(Some(self.tag_verdict(lease, id_tag).await?).filter(|v| *v != TagVerdict::Accepted).unwrap_or(TagVerdict::Invalid))
    }

    async fn is_of(&self, row: &SessionRow, charge_point: ChargePointId) -> Result<bool, ChargingError> {
        let mut connection = self.db.pool().acquire().await?;
        Ok(stations::connector(&mut connection, row.connector).await?.is_some_and(|facts| facts.charge_point == charge_point))
    }

    /// A transaction begins. Always recorded and answered with an id, the same for a retry (field case 1). Accepted when its tag
    /// is that of a session at this charge point that waits for it.
    pub async fn transaction_started(&self, lease: Lease, report: StartReport) -> Result<StartOutcome, ChargingError> {
        let this = self.clone();
        db::tx(&self.db, move |mut tx| {
            let (this, report) = (this.clone(), report.clone());
            async move { this.start(&mut tx, lease, &report).await }
        })
        .await
    }

    async fn start(&self, tx: &mut Tx, lease: Lease, report: &StartReport) -> Result<StartOutcome, ChargingError> {
        let now = tx.now();
        stations::fence(tx, lease, now).await?;
        let id_tag = folded(&report.id_tag);
        let session = match store::session_by_tag(&mut **tx, &id_tag).await? {
            Some(id) => store::lock_session(tx, id).await?,
            None => None,
        };
        // A tag that is used at another charge point is as good as unknown here.
        let mut session = match session {
            Some(row) => {
                let facts = stations::connector(tx, row.connector).await?.ok_or(ChargingError::NotFound("connector"))?;
                (facts.charge_point == lease.charge_point).then_some(row)
            }
            None => None,
        };
        let key = StartKey {
            charge_point: lease.charge_point,
            evse_no: report.evse_no,
            connector_no: report.connector_no,
            id_tag: &id_tag,
            claimed_at: claimed_or_none(report.claimed_at),
            meter_start: report.meter_start,
        };
        if let Some(known) = store::transaction_by_key(&mut **tx, key, session.is_some()).await? {
            return Ok(StartOutcome { transaction: known.id, accepted: known.accepted });
        }
        let not_before = session.as_ref().map_or(DateTime::UNIX_EPOCH, |row| row.requested_at);
        let started_at = bounded(report.claimed_at, not_before, report.received_at, self.settings.clock_skew);
        let transaction = store::insert_transaction(&mut **tx, key, started_at, report.received_at, &report.message_id).await?;
        let mut accepted = false;
        if let Some(row) = &mut session {
            let waits = row.machine.state == SessionState::Starting;
            if waits {
                store::bind_transaction(&mut **tx, transaction, row.id).await?;
            }
            let event = SessionEvent::TransactionStarted { transaction, at: started_at };
            self.apply(tx, row, event, Brought::default()).await?;
            accepted = waits;
        } else {
            self.stop_unpaid(tx, transaction).await?;
        }
        if !accepted {
            let payload = json!({
                "transaction": transaction, "id_tag": id_tag, "evse_no": report.evse_no, "meter_start_wh": report.meter_start,
                "claimed_at": report.claimed_at, "session": session.as_ref().map(|row| row.id),
            });
            store::quarantine(
                &mut **tx,
                lease.charge_point,
                "start_unpaid",
                &transaction.to_string(),
                &payload,
                report.received_at,
            )
            .await?;
        }
        let place = (report.evse_no, report.connector_no);
        self.earlier_transactions(tx, lease.charge_point, place, transaction, started_at).await?;
        Ok(StartOutcome { transaction, accepted })
    }

    /// A new transaction on a connector shows that the one before it has ended; its Stop gets some time to come (field case 3).
    pub(super) async fn earlier_transactions(
        &self,
        tx: &mut Tx,
        charge_point: ChargePointId,
        place: (i32, i32),
        newest: domain::TransactionId,
        started_at: DateTime<Utc>,
    ) -> Result<(), ChargingError> {
        for open in store::open_transactions(&mut **tx, charge_point).await? {
            if open.id != newest
                && (open.evse_no, open.connector_no) == place
                && open.started_at <= started_at
                && let Some(session) = open.session
            {
                self.maybe_lost(tx, session, tx.now() + self.settings.available_grace).await?;
            }
        }
        Ok(())
    }

    /// A transaction ends. Always answered; the first Stop wins, and what fits no transaction of this charge point is kept for
    /// staff (field cases 1, 2 and 16).
    ///
    /// Should the settlement fail, the end itself is kept all the same: the charge point is done with it, and the watch settles
    /// the session as soon as that can be done.
    pub async fn transaction_stopped(&self, lease: Lease, report: StopReport) -> Result<StopOutcome, ChargingError> {
        match self.stop_in_tx(lease, report.clone(), Settling::Now).await {
            Err(error) if !error.is_transient() && !matches!(error, ChargingError::Fenced) => {
                error!(error = &error as &dyn std::error::Error, "A session could not be settled; its end is kept");
                self.stop_in_tx(lease, report, Settling::Later { error: error.to_string() }).await
            }
            done => done,
        }
    }

    async fn stop_in_tx(&self, lease: Lease, report: StopReport, settling: Settling) -> Result<StopOutcome, ChargingError> {
        let this = self.clone();
        db::tx(&self.db, move |mut tx| {
            let (this, report, settling) = (this.clone(), report.clone(), settling.clone());
            async move { this.stop(&mut tx, lease, &report, &settling).await }
        })
        .await
    }

    async fn stop(
        &self,
        tx: &mut Tx,
        lease: Lease,
        report: &StopReport,
        settling: &Settling,
    ) -> Result<StopOutcome, ChargingError> {
        let now = tx.now();
        stations::fence(tx, lease, now).await?;
        let Some(found) = self.find_transaction(tx, lease.charge_point, report).await? else {
            let claimed = claimed_or_none(report.claimed_at);
            // Without an id that can be trusted, a repetition is known by its contents.
            let known =
                store::stopped_by(&mut **tx, lease.charge_point, claimed, report.meter_stop, &report.message_id).await?;
            if let Some(transaction) = known {
                return Ok(StopOutcome::Repeated(transaction));
            }
            let meter_stop = report.meter_stop.unwrap_or_default();
            let key = format!("{}:{}:{}", report.transaction, claimed.timestamp(), meter_stop.get());
            if store::quarantine(&mut **tx, lease.charge_point, "stop_unknown", &key, &report.evidence, report.received_at)
                .await?
            {
                let detail = json!({ "charge_point": lease.charge_point, "transaction": report.transaction });
                audit::raise_alert(tx, "stop_unknown", &format!("{}:{key}", lease.charge_point), &detail).await?;
            }
            return Ok(StopOutcome::Quarantined);
        };
        self.end(tx, lease.charge_point, &found, report, settling).await
    }

    /// Ends a transaction of this charge point and settles its session. The caller has fenced.
    pub(super) async fn end(
        &self,
        tx: &mut Tx,
        charge_point: ChargePointId,
        found: &TransactionRow,
        report: &StopReport,
        settling: &Settling,
    ) -> Result<StopOutcome, ChargingError> {
        debug_assert_eq!(found.charge_point, charge_point);
        let now = tx.now();
        let mut session = match found.session {
            Some(id) => store::lock_session(tx, id).await?,
            None => None,
        };
        // Read again under the session's lock.
        let transaction = store::transaction(&mut **tx, found.id).await?.ok_or(ChargingError::NotFound("transaction"))?;
        if transaction.stopped_at.is_some() && !transaction.is_closed_as_lost() {
            self.keep_repeated_stop(tx, &transaction, report).await?;
            return Ok(StopOutcome::Repeated(transaction.id));
        }

        let mut live = self.rebuild(tx, &transaction, session.as_ref()).await?;
        let rows = self.take_stop_samples(tx, &transaction, report, &mut live).await?;
        store::insert_samples(&mut **tx, &rows).await?;
        let stopped_at = bounded(report.claimed_at, transaction.started_at, report.received_at, self.settings.clock_skew)
            .max(live.last_at());
        let energy = match report.meter_stop {
            Some(meter_stop) => live.finish(meter_stop, stopped_at, claimed_or_none(report.claimed_at)).0,
            None => live.energy(),
        };
        let end = TransactionEnd {
            id: transaction.id,
            meter_stop: report.meter_stop,
            energy,
            stopped_at,
            claimed_at: Some(claimed_or_none(report.claimed_at)),
            received_at: Some(report.received_at),
            reason: report.reason,
            message_id: Some(&report.message_id),
            lost: transaction.lost,
        };
        store::end_transaction(&mut **tx, &end).await?;
        if let Some(row) = &mut session {
            row.sample_count = live.count;
            if row.machine.state.is_terminal() {
                if energy > row.energy {
                    // Closed at its last reading, and then it went on: too late to bill, but not to know.
                    let detail = json!({ "session": row.id, "unbilled_energy_wh": energy.get() - row.energy.get() });
                    audit::raise_alert(tx, "energy_after_settlement", &row.id.to_string(), &detail).await?;
                }
            } else if let Settling::Later { error } = settling {
                row.judge_at = Some(now + SETTLE_AGAIN);
                store::save_session(&mut **tx, row).await?;
                let detail = json!({ "transaction": transaction.id, "error": error });
                audit::raise_alert(tx, "settlement_failed", &row.id.to_string(), &detail).await?;
            } else {
                let event = SessionEvent::TransactionStopped { reason: report.reason, at: stopped_at };
                self.apply(tx, row, event, Brought { live: Some(Box::new(live)) }).await?;
            }
        }
        audit::resolve_alert(tx, "unpaid_transaction", &transaction.id.to_string()).await?;
        Ok(StopOutcome::Recorded(transaction.id))
    }

    /// The samples inside a Stop that are new, taken in their order.
    async fn take_stop_samples(
        &self,
        tx: &mut Tx,
        transaction: &TransactionRow,
        report: &StopReport,
        live: &mut super::live::Live,
    ) -> Result<Vec<SampleRow>, ChargingError> {
        let keyed: Vec<_> = report
            .samples
            .iter()
            .filter_map(|sample| Some((sample, sample.register?, sample.claimed_at.unwrap_or(report.received_at))))
            .collect();
        let keys: Vec<_> = keyed.iter().map(|(_, register, claimed)| (transaction.id, *claimed, *register)).collect();
        let mut known = store::known_samples(&mut **tx, &keys).await?;
        let mut rows = vec![];
        for (sample, register, claimed_at) in keyed {
            let key = (transaction.id, claimed_at, register);
            if known.contains(&key) {
                continue;
            }
            known.push(key);
            let taken = live.take(sample, register, claimed_at, report.received_at, self.settings.clock_skew);
            rows.push(SampleRow {
                transaction: transaction.id,
                ordinal: live.count,
                claimed_at,
                register,
                sampled_at: taken.sampled_at,
                received_at: report.received_at,
                energy: taken.row_energy,
                power: sample.power,
                state_of_charge_percent: sample.state_of_charge_percent,
                note: taken.note,
            });
        }
        Ok(rows)
    }

    /// The transaction that a Stop means: by its id, if it is one of this charge point; else the only open one that it fits.
    async fn find_transaction(
        &self,
        tx: &mut Tx,
        charge_point: ChargePointId,
        report: &StopReport,
    ) -> Result<Option<TransactionRow>, ChargingError> {
        if let Ok(id) = i32::try_from(report.transaction)
            && id > 0
            && let Some(row) = store::transaction(&mut **tx, domain::TransactionId(id)).await?
            && row.charge_point == charge_point
        {
            return Ok(Some(row));
        }
        let claimed = claimed_or_none(report.claimed_at);
        if store::stopped_by(&mut **tx, charge_point, claimed, report.meter_stop, &report.message_id).await?.is_some() {
            return Ok(None);
        }
        let tag = report.id_tag.as_deref().map(folded);
        let mut open = store::open_transactions(&mut **tx, charge_point).await?;
        open.retain(|row| {
            // Start and Stop tell the time by the same clock; it may have been set right in between.
            let begun_before = |at: DateTime<Utc>| at >= row.started_at || at >= row.claimed_start_at;
            tag.as_ref().is_none_or(|tag| *tag == row.id_tag)
                && report.claimed_at.is_none_or(begun_before)
                && report.meter_stop.is_none_or(|register| register >= row.meter_start)
        });
        if open.len() > 1 {
            // A connector that still charges has not ended.
            let mut stopped = Vec::new();
            for row in open {
                let at = stations::connector_by_number(tx, charge_point, row.evse_no, row.connector_no).await?;
                let charges = at.is_some_and(|facts| {
                    matches!(
                        facts.last_known,
                        ConnectorStatus::Charging | ConnectorStatus::SuspendedEv | ConnectorStatus::SuspendedEvse
                    )
                });
                if !charges {
                    stopped.push(row);
                }
            }
            open = stopped;
        }
        Ok(if open.len() == 1 { open.pop() } else { None })
    }

    /// A second Stop that says something else is evidence of a dispute; the same again is nothing.
    async fn keep_repeated_stop(&self, tx: &mut Tx, row: &TransactionRow, report: &StopReport) -> Result<(), ChargingError> {
        let claimed = claimed_or_none(report.claimed_at);
        if row.meter_stop == report.meter_stop && row.claimed_stop_at == Some(claimed) {
            return Ok(());
        }
        let key = format!("{}:{}:{}", row.id, claimed.timestamp(), report.meter_stop.unwrap_or_default().get());
        store::quarantine(&mut **tx, row.charge_point, "stop_repeated", &key, &report.evidence, report.received_at).await?;
        Ok(())
    }
}
