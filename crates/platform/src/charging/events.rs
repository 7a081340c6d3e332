//! Transactions whose id the charge point makes: told event by event, each with a number, in any order and any number of times.
//!
//! The first event of a transaction that arrives makes its row, whichever it is; the others fill it in. Only what changes something
//! besides readings is a transaction of its own here. Readings, and that an event of this number was taken, are left to the
//! writer, which keeps them together with the frame before it is answered.

use chrono::{DateTime, Utc};
use domain::charging::session::{SessionEvent, SessionState};
use domain::stations::ConnectorStatus;
use domain::{ChargePointId, Wh};
use serde_json::json;
use tracing::error;

use super::flow::Brought;
use super::live::bounded;
use super::reports::{Settling, claimed_or_none, folded};
use super::store::{self, Glance, NewStationTransaction, SessionRow, TransactionRow};
use super::{Charging, ChargingError, EventOutcome, EventReport, MeterReport, Stage, StopReport, TagVerdict};
use crate::db::{self, Tx};
use crate::stations::{self, Lease, StatusReport};

/// Longer than any id that is made to be kept; OCPP 2.0.1 allows 36 characters.
const REF_CHARS_MAX: usize = 255;

impl Charging {
    /// Takes an event of a transaction. Never refused. What is returned as readings is not durable yet: the caller hands it to the
    /// writer before it answers.
    pub async fn transaction_event(&self, lease: Lease, mut report: EventReport) -> Result<EventOutcome, ChargingError> {
        report.station_ref = report.station_ref.chars().take(REF_CHARS_MAX).collect();
        // The last number has no next one.
        report.seq_no = report.seq_no.min(i32::MAX - 1);
        let mut glance = store::glance(self.db.pool(), lease.charge_point, &report.station_ref, report.seq_no).await?;
        if let Some(glance) = glance.as_mut().filter(|_| report.activity.is_some()) {
            let (evse_no, connector_no) = (glance.row.evse_no, glance.row.connector_no);
            glance.status = stations::reported(self.db.pool(), lease.charge_point, evse_no, connector_no).await?;
        }
        let notes = notes(glance.as_ref(), &report);
        let is_late = glance.as_ref().is_some_and(|glance| glance.next_seq.is_some_and(|next| report.seq_no < next));
        let row = match glance {
            Some(glance) if is_only_readings(&glance, &report, is_late) => glance.row,
            _ => match self.event_in_tx(lease, &report, is_late, Settling::Now).await {
                Err(error)
                    if report.stage == Stage::Ended && !error.is_transient() && !matches!(error, ChargingError::Fenced) =>
                {
                    error!(error = &error as &dyn std::error::Error, "A session could not be settled; its end is kept");
                    self.event_in_tx(lease, &report, is_late, Settling::Later { error: error.to_string() }).await?
                }
                done => done?,
            },
        };
        let tag = match report.id_tag.as_deref().map(folded) {
            Some(tag) if row.accepted && tag == row.id_tag => TagVerdict::Accepted,
            None if row.accepted => TagVerdict::Accepted,
            Some(tag) => self.why_refused(lease, &tag).await?,
            None => TagVerdict::Invalid,
        };
        let (evse_no, connector_no) = report.evse.unwrap_or_default();
        let meter = MeterReport {
            evse_no,
            connector_no,
            transaction: Some(i64::from(row.id.0)),
            received_at: report.received_at,
            // The end has taken its own.
            samples: if report.stage == Stage::Ended { vec![] } else { report.samples },
            seq_no: Some(report.seq_no),
        };
        let total = match row.session {
            Some(session) if report.stage == Stage::Ended => {
                store::session(self.db.pool(), session).await?.and_then(|s| s.billed)
            }
            _ => None,
        };
        Ok(EventOutcome { transaction: row.id, tag, meter, total, notes })
    }

    async fn event_in_tx(
        &self,
        lease: Lease,
        report: &EventReport,
        is_late: bool,
        settling: Settling,
    ) -> Result<TransactionRow, ChargingError> {
        let (this, report) = (self.clone(), report.clone());
        db::tx(&self.db, move |mut tx| {
            let (this, report, settling) = (this.clone(), report.clone(), settling.clone());
            async move { this.event(&mut tx, lease, &report, is_late, &settling).await }
        })
        .await
    }

    async fn event(
        &self,
        tx: &mut Tx,
        lease: Lease,
        report: &EventReport,
        is_late: bool,
        settling: &Settling,
    ) -> Result<TransactionRow, ChargingError> {
        let now = tx.now();
        stations::fence(tx, lease, now).await?;
        let mut session = self.payer_of(tx, lease.charge_point, report).await?;
        let known = store::transaction_by_ref(&mut **tx, lease.charge_point, &report.station_ref).await?;
        let is_new = known.is_none();
        let mut row = match known {
            Some(row) => self.fill_in(tx, row, session.as_deref(), report).await?,
            None => self.enter(tx, lease.charge_point, session.as_deref(), report).await?,
        };
        match &mut session {
            Some(session) if row.session.is_none() => self.pays(tx, session, &mut row, report).await?,
            _ => {}
        }
        if row.session.is_none() && session.is_none() && claims_energy(report, &row, is_new) {
            self.unpaid(tx, &mut row, None, report).await?;
        }
        if is_new && !report.offline {
            let place = (row.evse_no, row.connector_no);
            self.earlier_transactions(tx, lease.charge_point, place, row.id, row.started_at).await?;
        }
        if report.stage == Stage::Ended {
            let stop = stop_of(&row, report);
            self.end(tx, lease.charge_point, &row, &stop, settling).await?;
        }
        if !report.offline && !is_late {
            self.follow_activity(tx, lease, &row, report).await?;
        }
        Ok(row)
    }

    /// The session, locked, that this event names: by its tag, by the number of the start that was asked for, or, when the charge point
    /// says no more than that it was asked, by the connector where a session waits. Only one of this charge point.
    async fn payer_of(
        &self,
        tx: &mut Tx,
        charge_point: ChargePointId,
        report: &EventReport,
    ) -> Result<Option<Box<SessionRow>>, ChargingError> {
        let mut found = match report.id_tag.as_deref() {
            Some(tag) => store::session_by_tag(&mut **tx, &folded(tag)).await?,
            None => None,
        };
        if found.is_none()
            && let Some(number) = report.remote_start
        {
            found = store::session_by_remote_start(&mut **tx, number).await?;
        }
        if found.is_none()
            && report.remotely
            && report.id_tag.is_none()
            && report.remote_start.is_none()
            && let Some((evse_no, connector_no)) = report.evse
            && let Some(facts) = stations::connector_by_number(tx, charge_point, evse_no, connector_no).await?
        {
            found = store::waiting_session(&mut **tx, facts.connector).await?;
        }
        let Some(id) = found else { return Ok(None) };
        let Some(row) = store::lock_session(tx, id).await? else { return Ok(None) };
        let facts = stations::connector(tx, row.connector).await?.ok_or(ChargingError::NotFound("connector"))?;
        Ok((facts.charge_point == charge_point).then(|| Box::new(row)))
    }

    /// The first event that is heard of a transaction makes its row.
    async fn enter(
        &self,
        tx: &mut Tx,
        charge_point: ChargePointId,
        session: Option<&SessionRow>,
        report: &EventReport,
    ) -> Result<TransactionRow, ChargingError> {
        let place = match (report.evse, session) {
            (Some(evse), _) => evse,
            (None, Some(session)) => {
                let facts = stations::connector(tx, session.connector).await?.ok_or(ChargingError::NotFound("connector"))?;
                (facts.evse_no, facts.connector_no)
            }
            (None, None) => (0, 0),
        };
        let tag = report.id_tag.as_deref().map(folded).or(session.map(|row| row.id_tag.clone()));
        let meter_start = first_register(report);
        let new = NewStationTransaction {
            charge_point,
            station_ref: &report.station_ref,
            evse_no: place.0,
            connector_no: place.1,
            id_tag: tag.as_deref().unwrap_or_default(),
            meter_start,
            started_at: self.time_of(report, session),
            claimed_at: claimed_or_none(report.claimed_at),
            received_at: report.received_at,
            message_id: &report.message_id,
            awaits_payer: session.is_none() && tag.is_none(),
        };
        let id = store::insert_station_transaction(&mut **tx, &new).await?;
        store::transaction(&mut **tx, id).await?.ok_or(ChargingError::NotFound("transaction"))
    }

    /// What a later event knows better: where it is, when it began, what the meter said then. Nothing of it once it is billed.
    async fn fill_in(
        &self,
        tx: &mut Tx,
        mut row: TransactionRow,
        session: Option<&SessionRow>,
        report: &EventReport,
    ) -> Result<TransactionRow, ChargingError> {
        let billed = match (row.session, session) {
            (Some(id), Some(session)) if session.id == id => session.machine.state.is_terminal(),
            (Some(id), _) => store::lock_session(tx, id).await?.is_none_or(|row| row.machine.state.is_terminal()),
            (None, _) => false,
        };
        if billed {
            return Ok(row);
        }
        let before = (row.evse_no, row.connector_no, row.started_at, row.meter_start, row.meter_start_known);
        if let Some((evse_no, connector_no)) = report.evse
            && row.evse_no == 0
        {
            (row.evse_no, row.connector_no) = (evse_no, connector_no);
        }
        let is_start = report.stage == Stage::Started;
        if is_start {
            row.started_at = row.started_at.min(self.time_of(report, session));
        }
        match first_register(report) {
            Some(register) if !row.meter_start_known => (row.meter_start, row.meter_start_known) = (register, true),
            // The event of the start comes after others: the meter stood lower than the first reading that was seen.
            Some(register) if is_start && register < row.meter_start => row.meter_start = register,
            _ => {}
        }
        if before != (row.evse_no, row.connector_no, row.started_at, row.meter_start, row.meter_start_known) {
            store::place_start(&mut **tx, &row).await?;
        }
        Ok(row)
    }

    /// Binds a transaction to the session that waits for it; or finds that it does not wait any more.
    async fn pays(
        &self,
        tx: &mut Tx,
        session: &mut SessionRow,
        row: &mut TransactionRow,
        report: &EventReport,
    ) -> Result<(), ChargingError> {
        if session.machine.state != SessionState::Starting {
            return self.unpaid(tx, row, Some(session), report).await;
        }
        if row.awaits_payer && report.stage == Stage::Updated {
            // The cable came long before the payer: what is paid for begins now.
            row.started_at = row.started_at.max(self.time_of(report, Some(session)));
            if let Some(register) = first_register(report) {
                (row.meter_start, row.meter_start_known) = (register, true);
            }
        }
        row.started_at = row.started_at.max(session.requested_at);
        row.session = Some(session.id);
        row.id_tag.clone_from(&session.id_tag);
        row.accepted = true;
        row.awaits_payer = false;
        store::place_start(&mut **tx, row).await?;
        store::bind_transaction(&mut **tx, row.id, session.id).await?;
        session.sample_count = store::sample_count(&mut **tx, row.id).await?;
        let started = SessionEvent::TransactionStarted { transaction: row.id, at: row.started_at };
        self.apply(tx, session, started, Brought::default()).await?;
        if let Some(at) = row.stopped_at {
            // Its end was heard of before.
            let reason = row.stop_reason.unwrap_or(report.stop_reason);
            self.apply(tx, session, SessionEvent::TransactionStopped { reason, at }, Brought::default()).await?;
        }
        Ok(())
    }

    /// Nobody pays for it: kept for staff, and told to stop.
    async fn unpaid(
        &self,
        tx: &mut Tx,
        row: &mut TransactionRow,
        session: Option<&mut SessionRow>,
        report: &EventReport,
    ) -> Result<(), ChargingError> {
        let payload = json!({
            "transaction": row.id, "station_ref": row.station_ref, "id_tag": report.id_tag, "evse_no": row.evse_no,
            "claimed_at": report.claimed_at, "session": session.as_ref().map(|row| row.id),
        });
        let key = row.id.to_string();
        let is_news =
            store::quarantine(&mut **tx, row.charge_point, "start_unpaid", &key, &payload, report.received_at).await?;
        if row.awaits_payer {
            store::claim_energy(&mut **tx, row.id).await?;
            row.awaits_payer = false;
        }
        match session {
            Some(session) => {
                let event = SessionEvent::TransactionStarted { transaction: row.id, at: row.started_at };
                self.apply(tx, session, event, Brought::default()).await
            }
            // Told again and again by the watch, with pauses.
            None if is_news => self.stop_unpaid(tx, row.id).await,
            None => Ok(()),
        }
    }

    /// What the transaction does is what the connector does.
    async fn follow_activity(
        &self,
        tx: &mut Tx,
        lease: Lease,
        row: &TransactionRow,
        report: &EventReport,
    ) -> Result<(), ChargingError> {
        if row.evse_no == 0 || (row.stopped_at.is_some() && report.stage != Stage::Ended) {
            return Ok(());
        }
        let Some(facts) = stations::connector_by_number(tx, lease.charge_point, row.evse_no, row.connector_no).await? else {
            return Ok(());
        };
        let status = match report.stage {
            // The car is still there, unless its leaving was told before.
            Stage::Ended if runs(facts.reported) => ConnectorStatus::Finishing,
            Stage::Ended => return Ok(()),
            Stage::Started | Stage::Updated => match report.activity {
                Some(activity) if activity != facts.reported => activity,
                _ => return Ok(()),
            },
        };
        let status = StatusReport { evse_no: row.evse_no, connector_no: row.connector_no, status, error_code: None };
        self.take_status(tx, lease, &status).await
    }

    /// Something is plugged in, and no more is known (OCPP 2.0.1 Occupied): what it does, its transaction tells; without one it is
    /// about to begin.
    pub async fn connector_occupied(&self, lease: Lease, evse_no: i32, connector_no: i32) -> Result<(), ChargingError> {
        let this = self.clone();
        db::tx(&self.db, move |mut tx| {
            let this = this.clone();
            async move {
                let now = tx.now();
                stations::fence(&mut tx, lease, now).await?;
                let facts = stations::connector_by_number(&mut tx, lease.charge_point, evse_no, connector_no).await?;
                let Some(facts) = facts else { return Ok(()) };
                let open = store::open_transactions(&mut *tx, lease.charge_point).await?;
                let here = open.iter().find(|row| (row.evse_no, row.connector_no) == (evse_no, connector_no));
                let status = match here {
                    Some(_) if runs(facts.reported) => facts.reported,
                    Some(row) if row.accepted => ConnectorStatus::Charging,
                    _ => ConnectorStatus::Preparing,
                };
                this.take_status(&mut tx, lease, &StatusReport { evse_no, connector_no, status, error_code: None }).await
            }
        })
        .await
    }

    fn time_of(&self, report: &EventReport, session: Option<&SessionRow>) -> DateTime<Utc> {
        let not_before = session.map_or(DateTime::UNIX_EPOCH, |row| row.requested_at);
        bounded(report.claimed_at, not_before, report.received_at, self.settings.clock_skew)
    }
}

/// Whether there is nothing to be done but to keep readings.
fn is_only_readings(glance: &Glance, report: &EventReport, is_late: bool) -> bool {
    let row = &glance.row;
    let names_payer = report.id_tag.is_some() || report.remote_start.is_some() || report.remotely;
    let moves = report.activity.is_some_and(|activity| Some(activity) != glance.status);
    report.stage == Stage::Updated
        && (row.session.is_some() || !names_payer)
        && (row.meter_start_known || first_register(report).is_none())
        && (row.evse_no != 0 || report.evse.is_none())
        && (!moves || report.offline || is_late || row.stopped_at.is_some())
        && !(row.awaits_payer && claims_energy(report, row, false))
}

/// What is odd about the number of an event, for the log. The durable truth is in the transaction's row.
fn notes(glance: Option<&Glance>, report: &EventReport) -> Vec<String> {
    let number = report.seq_no;
    match glance {
        None if number != 0 => {
            vec![format!("is {number}, the first that is heard of this transaction: earlier ones are missing")]
        }
        Some(glance) if glance.seen => vec![format!("is {number}, which was taken before: a repetition")],
        Some(Glance { next_seq: Some(next), .. }) if number > *next => {
            vec![format!("is {number}, expected {next}: a gap")]
        }
        Some(Glance { next_seq: Some(next), .. }) if number < *next => {
            vec![format!("is {number}, expected {next}: late, or numbered anew")]
        }
        None | Some(_) => vec![],
    }
}

/// Whether somebody draws energy, or wants to, without being a session's.
fn claims_energy(report: &EventReport, row: &TransactionRow, is_new: bool) -> bool {
    let draws = report.activity.is_some_and(runs);
    // A card that is held before the charger while a cable waits is refused by the answer; the cable may wait on.
    let asks = report.id_tag.is_some() && (is_new || report.stage == Stage::Started) && row.stopped_at.is_none();
    row.stopped_at.is_none() && report.stage != Stage::Ended && (draws || asks)
}

const fn runs(status: ConnectorStatus) -> bool {
    matches!(status, ConnectorStatus::Charging | ConnectorStatus::SuspendedEv | ConnectorStatus::SuspendedEvse)
}

/// The register as the transaction began: what says so, else the first one.
fn first_register(report: &EventReport) -> Option<Wh> {
    report.meter_begin.or_else(|| report.samples.iter().find_map(|sample| sample.register))
}

fn stop_of(row: &TransactionRow, report: &EventReport) -> StopReport {
    StopReport {
        transaction: i64::from(row.id.0),
        id_tag: report.id_tag.clone(),
        meter_stop: report.meter_end.or_else(|| report.samples.iter().rev().find_map(|sample| sample.register)),
        claimed_at: report.claimed_at,
        received_at: report.received_at,
        reason: report.stop_reason,
        message_id: report.message_id.clone(),
        samples: report.samples.clone(),
        evidence: report.evidence.clone(),
    }
}
