//! The shell around the session machine: begin, events, effects. All of an event happens in the caller's transaction.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::charging::session::{Session, SessionEffect, SessionEvent, SessionState, StopReason};
use domain::guest::StartFailure;
use domain::stations::ConnectorStatus;
use domain::{ConnectorId, SessionId, TransactionId};
use serde_json::json;
use tracing::info;

use super::live::Live;
use super::store::{self, NewSession, SessionRow, TransactionRow};
use super::{BeginRefusal, Charging, ChargingError, CommandBody, SESSION_ENDED, StartRequest};
use crate::audit;
use crate::bus::Topic;
use crate::db::{self, Tx};
use crate::jobs::{self, NewJob};
use crate::ledger::{self, LedgerError, NewHold};
use crate::stations::{self, ConnectorFacts};
use crate::tariffs;

/// Capitals and digits that cannot be confused; 20 of them are 99 random bits, and OCPP 1.6 allows no more than 20.
const TAG_ALPHABET: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
const TAG_CHARS: usize = 20;
/// A transaction without a payer is told to stop this often; with the pauses that is most of a day. Then staff must go there.
pub(super) const UNPAID_STOPS_MAX: i16 = 100;

/// What an event may bring along, so that it is not read twice.
#[derive(Debug, Default)]
pub(super) struct Brought {
    /// The running state of the session's transaction, with its last reading taken.
    pub live: Option<Box<Live>>,
}

impl Charging {
    /// Begins a session in the caller's transaction: freezes the tariff that is valid now, sets the hold aside, queues the
    /// start. The caller commits.
    pub async fn begin(&self, tx: &mut Tx, request: StartRequest) -> Result<SessionId, BeginRefusal> {
        let now = tx.now();
        store::lock_connector(&mut **tx, request.connector_id).await?;
        let facts = stations::connector(tx, request.connector_id)
            .await
            .map_err(ChargingError::from)?
            .ok_or(ChargingError::NotFound("connector"))?;
        let is_coming_back =
            !facts.online && facts.disconnected_at.is_some_and(|lost_at| now - lost_at <= self.settings.link_grace);
        match if is_coming_back { facts.last_known } else { facts.status } {
            ConnectorStatus::Available | ConnectorStatus::Preparing => {}
            ConnectorStatus::Offline => return Err(BeginRefusal::Offline),
            ConnectorStatus::Unavailable | ConnectorStatus::Faulted | ConnectorStatus::Unknown => {
                return Err(BeginRefusal::OutOfOrder);
            }
            ConnectorStatus::Charging
            | ConnectorStatus::SuspendedEv
            | ConnectorStatus::SuspendedEvse
            | ConnectorStatus::Finishing
            | ConnectorStatus::Reserved => return Err(BeginRefusal::Busy),
        }
        if store::live_session(&mut **tx, request.connector_id).await?.is_some() {
            return Err(BeginRefusal::Busy);
        }
        let frozen = tariffs::freeze(tx, &facts, request.contract.clone(), now).await.map_err(ChargingError::from)?;
        let available = ledger::balance(&mut **tx, &request.payer_account).await.map_err(ChargingError::from)?.available();
        let hold = self.settings.hold.hold(request.limit, available);
        if !hold.is_positive() || !request.agreed.is_positive() {
            return Err(BeginRefusal::InsufficientFunds);
        }
        let id = SessionId::from_uuid(tx.uuid());
        let new_hold = NewHold { business_key: format!("session:{id}"), account: request.payer_account.clone(), amount: hold };
        let hold_id = match ledger::hold(tx, &new_hold).await {
            Ok(hold_id) => hold_id,
            Err(LedgerError::InsufficientFunds) => return Err(BeginRefusal::InsufficientFunds),
            Err(error) => return Err(ChargingError::from(error).into()),
        };
        let (machine, effects) = Session::begin(now + self.settings.start_deadline);
        let id_tag = tx.ids().text(TAG_ALPHABET, TAG_CHARS);
        let new = NewSession {
            id,
            connector: request.connector_id,
            payer_account: &request.payer_account,
            payer_kind: request.payer_kind,
            payer_id: request.payer_id,
            locale: request.locale,
            payment_reference: request.payment_reference.as_deref(),
            version: frozen.version,
            tariff: &frozen.tariff,
            limit: request.limit,
            hold_id,
            hold,
            agreed: request.agreed,
            id_tag: &id_tag,
            machine: &machine,
            now,
        };
        store::insert_session(&mut **tx, &new).await?;
        for effect in effects {
            if let SessionEffect::SendStart { attempt } = effect {
                self.send_start(tx, id, &id_tag, machine.start_deadline, &facts, attempt).await?;
            }
        }
        self.publish(tx, id);
        info!(session.id = %id, connector.id = %request.connector_id, hold_tyiyn = hold.get(), "Session {id} begins");
        Ok(id)
    }

    /// Asks for the end of a session. Idempotent, and fine in any state.
    pub async fn request_stop(&self, session: SessionId, reason: StopReason) -> Result<(), ChargingError> {
        let this = self.clone();
        db::tx(&self.db, move |mut tx| {
            let this = this.clone();
            async move {
                let mut row = store::lock_session(&mut tx, session).await?.ok_or(ChargingError::NotFound("session"))?;
                let starting = row.machine.state == SessionState::Starting;
                this.apply(&mut tx, &mut row, SessionEvent::StopRequested { reason }, Brought::default()).await?;
                // A charger that was never asked to start cannot surprise us: no need to wait for the deadline.
                let now = tx.now();
                if starting && store::withdraw_unsent_start(&mut *tx, session, now).await? {
                    let event = SessionEvent::StartRefused { failure: StartFailure::Cancelled };
                    this.apply(&mut tx, &mut row, event, Brought::default()).await?;
                }
                Ok(())
            }
        })
        .await
    }

    /// Which of these connectors have a live session.
    pub async fn busy(&self, connectors: &[ConnectorId]) -> Result<HashSet<ConnectorId>, ChargingError> {
        let ids: Vec<_> = connectors.iter().map(|id| id.as_uuid()).collect();
        Ok(store::live_connectors(self.db.pool(), &ids).await?.into_iter().collect())
    }

    /// Gives the machine an event, stores it, and carries out the effects. The session is locked by the caller.
    pub(super) async fn apply(
        &self,
        tx: &mut Tx,
        row: &mut SessionRow,
        event: SessionEvent,
        brought: Brought,
    ) -> Result<(), ChargingError> {
        let now = tx.now();
        let before = row.machine.clone();
        let effects = row.machine.apply(&event, now);
        let begins = before.state == SessionState::Starting && row.machine.state == SessionState::Charging;
        let mut changed = row.machine != before;
        if event == SessionEvent::StartAccepted
            && row.machine.state == SessionState::Starting
            && row.start_accepted_at.is_none()
        {
            row.start_accepted_at = Some(now);
            changed = true;
        }
        if !changed && effects.is_empty() {
            return Ok(());
        }
        if before.state == SessionState::Starting
            && let SessionEvent::TransactionStarted { at, .. } = event
        {
            row.started_at = Some(at);
            row.judge_at = Some(now + TimeDelta::seconds(i64::from(self.settings.meter_interval_s.max(1))) * 2);
        }
        if row.machine.state == SessionState::Stopping && row.stopping_at.is_none() {
            row.stopping_at = Some(now);
            row.judge_at = None;
        }
        if row.machine.state == SessionState::Failed && row.ended_at.is_none() {
            row.ended_at = Some(now);
        }
        info!(
            session.id = %row.id,
            from = before.state.as_str(),
            to = row.machine.state.as_str(),
            effects = effects.len(),
            "Session {} was told of an event", row.id
        );
        // What the effects change of the row is stored with it, below.
        let mut facts = None;
        let mut brought = brought;
        for effect in effects {
            match effect {
                SessionEffect::SendStart { attempt } => {
                    let facts = self.facts(tx, row, &mut facts).await?.clone();
                    self.send_start(tx, row.id, &row.id_tag, row.machine.start_deadline, &facts, attempt).await?;
                }
                SessionEffect::SendStop { transaction, attempt } => {
                    let facts = self.facts(tx, row, &mut facts).await?.clone();
                    self.send_stop(tx, row.id, &facts, transaction, attempt).await?;
                }
                SessionEffect::Settle { reason } => self.settle(tx, row, reason, &event, brought.live.take()).await?,
                SessionEffect::VoidHold { failure } => {
                    ledger::void_hold(tx, row.hold_id).await?;
                    self.ended(tx, row).await?;
                    info!(session.id = %row.id, failure = failure.as_str(), "Session {} failed", row.id);
                }
                SessionEffect::StopUnpaid { transaction } => self.stop_unpaid(tx, transaction).await?,
            }
        }
        if row.machine.state.is_terminal() {
            row.judge_at = None;
            row.lost_after = None;
        }
        store::save_session(&mut **tx, row).await?;
        if begins {
            self.begin_aside(tx, row).await?;
        }
        self.publish(tx, row.id);
        Ok(())
    }

    /// What every end of a session brings: nothing more is sent for it, and whoever began it is told.
    pub(super) async fn ended(&self, tx: &mut Tx, row: &SessionRow) -> Result<(), ChargingError> {
        let now = tx.now();
        store::withdraw_commands(&mut **tx, row.id, now).await?;
        let job = NewJob::now(tx, SESSION_ENDED, row.id.to_string())
            .payload(json!({ "payer_kind": row.payer_kind.as_str(), "payer_id": row.payer_id }));
        jobs::enqueue(tx, &job).await?;
        Ok(())
    }

    async fn facts<'f>(
        &self,
        tx: &mut Tx,
        row: &SessionRow,
        cached: &'f mut Option<ConnectorFacts>,
    ) -> Result<&'f ConnectorFacts, ChargingError> {
        if cached.is_none() {
            *cached = stations::connector(tx, row.connector).await?;
        }
        cached.as_ref().ok_or(ChargingError::NotFound("connector"))
    }

    async fn send_start(
        &self,
        tx: &mut Tx,
        session: SessionId,
        id_tag: &str,
        start_deadline: DateTime<Utc>,
        facts: &ConnectorFacts,
        attempt: u8,
    ) -> Result<(), ChargingError> {
        let now = tx.now();
        let remote_start = Some(store::remote_start(&mut **tx, session).await?);
        let (evse_no, connector_no) = (facts.evse_no, facts.connector_no);
        // One that would refuse it for the cap gets the second start without.
        let cap = if attempt == 1 { self.cap_of_start(tx, session, facts).await? } else { None };
        let body = CommandBody::Start { evse_no, connector_no, id_tag: id_tag.to_owned(), remote_start, cap };
        let deadline = (now + self.settings.start_answer).min(start_deadline);
        let key = format!("start:{session}:{attempt}");
        self.queue(tx, facts.charge_point, Some(&facts.identity), &key, Some(session), &body, now, deadline).await
    }

    async fn send_stop(
        &self,
        tx: &mut Tx,
        session: SessionId,
        facts: &ConnectorFacts,
        transaction: TransactionId,
        attempt: u16,
    ) -> Result<(), ChargingError> {
        let not_before = tx.now() + self.stop_pause(attempt);
        let deadline = not_before + self.settings.stop_answer;
        let key = format!("stop:{session}:{attempt}");
        // Where the transaction runs is what counts, should the charger have begun on another connector.
        let station_ref = store::transaction(&mut **tx, transaction).await?.and_then(|row| row.station_ref);
        let body = CommandBody::Stop { transaction, station_ref };
        self.queue(tx, facts.charge_point, Some(&facts.identity), &key, Some(session), &body, not_before, deadline).await
    }

    /// None before the first attempt, then twice as long each time.
    fn stop_pause(&self, attempt: u16) -> TimeDelta {
        let doublings = u32::from(attempt.saturating_sub(2)).min(16);
        match attempt {
            0 | 1 => TimeDelta::zero(),
            _ => self.settings.stop_answer.checked_mul(1 << doublings).map_or(self.settings.stop_pause_max, |pause| {
                // The first repetition comes at once: what was lost on the way is the most likely reason.
                (pause - self.settings.stop_answer).min(self.settings.stop_pause_max)
            }),
        }
    }

    /// Stops a transaction that nobody pays for, and tells staff. Again only after a pause, and not for ever.
    pub(super) async fn stop_unpaid(&self, tx: &mut Tx, transaction: TransactionId) -> Result<(), ChargingError> {
        let Some(row) = store::transaction(&mut **tx, transaction).await? else { return Ok(()) };
        if row.stopped_at.is_some() {
            return Ok(());
        }
        self.ask_unpaid_to_stop(tx, &row).await
    }

    /// Stops a transaction that was closed as lost and shows that it lives: nobody pays for it any more (money mistake 6). Not while
    /// a stop is on its way or may still have its effect.
    pub(super) async fn stop_revived(&self, tx: &mut Tx, transaction: TransactionId) -> Result<(), ChargingError> {
        let Some(row) = store::transaction(&mut **tx, transaction).await? else { return Ok(()) };
        let answered_before = tx.now() - self.settings.stop_follow;
        if !row.is_closed_as_lost()
            || store::stop_is_underway(&mut **tx, row.charge_point, transaction, answered_before).await?
        {
            return Ok(());
        }
        self.ask_unpaid_to_stop(tx, &row).await
    }

    async fn ask_unpaid_to_stop(&self, tx: &mut Tx, row: &TransactionRow) -> Result<(), ChargingError> {
        let transaction = row.id;
        if row.unpaid_stops >= UNPAID_STOPS_MAX {
            return Ok(());
        }
        let attempt = store::count_unpaid_stop(&mut **tx, transaction).await?;
        let detail = json!({ "charge_point": row.charge_point, "evse_no": row.evse_no, "attempt": attempt });
        audit::raise_alert(tx, "unpaid_transaction", &transaction.to_string(), &detail).await?;
        let identity = stations::identity(tx, row.charge_point).await?;
        let not_before = tx.now() + self.stop_pause(u16::try_from(attempt).unwrap_or(u16::MAX));
        let deadline = not_before + self.settings.stop_answer;
        let key = format!("stop_unpaid:{transaction}:{attempt}");
        let body = CommandBody::Stop { transaction, station_ref: row.station_ref.clone() };
        self.queue(tx, row.charge_point, identity.as_ref(), &key, None, &body, not_before, deadline).await
    }

    /// Tells the pages of a session to look again, after the commit.
    pub(super) fn publish(&self, tx: &mut Tx, session: SessionId) {
        let bus = self.bus.clone();
        tx.after_commit(move || bus.publish(&Topic::session(session), "changed"));
    }
}
