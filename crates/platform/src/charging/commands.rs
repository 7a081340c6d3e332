//! The outbox to charge points: queued in the transaction that makes a command necessary, sent by the node that holds the
//! socket, answered or expired; the outcome is an event of the session.

use chrono::{DateTime, TimeDelta, Utc};
use domain::charging::session::{SessionEvent, SessionState};
use domain::guest::StartFailure;
use domain::stations::ConnectorStatus;
use domain::{ChargePointId, CommandId, OcppIdentity, SessionId};
use serde_json::{Value, json};

use super::flow::Brought;
use super::store::{self, CommandRow, NewCommand};
use super::{Charging, ChargingError, Command, CommandBody, CommandOutcome, CommandView, ResetKind, Secret};
use crate::audit::{self, Actor, AuditEvent};
use crate::bus::Topic;
use crate::db::{self, Tx};
use crate::quirks::{self, Quirk, Quirks};
use crate::stations::{self, Lease};

/// What every command but a session's own has time for, from being queued to being answered.
const HOUSEKEEPING_DEADLINE: chrono::TimeDelta = chrono::TimeDelta::minutes(5);
/// A new password waits so long for a charge point that is offline.
const PASSWORD_DEADLINE: chrono::TimeDelta = chrono::TimeDelta::days(7);
/// A charge point that has asked for a certificate waits a day for it.
const CERTIFICATE_DEADLINE: chrono::TimeDelta = chrono::TimeDelta::days(1);
/// What a person sends may wait this long for a charge point that is offline.
const OPERATOR_DEADLINE_MAX: chrono::TimeDelta = chrono::TimeDelta::days(7);

impl Charging {
    /// Takes the next command to be sent over this connection. One at a time: its answer comes to [`Self::command_answered`].
    pub async fn next_command(&self, lease: Lease) -> Result<Option<Command>, ChargingError> {
        // One statement, which looks at the epoch, too.
        let claimed = store::claim_command(self.db.pool(), lease, self.db.now()).await?;
        Ok(claimed.map(|(id, body, deadline_at)| Command { id, body, deadline_at }))
    }

    /// Which of these charge points have a command to be sent now: the poll behind the hints of the bus.
    pub async fn due_commands(&self, charge_points: &[ChargePointId]) -> Result<Vec<ChargePointId>, ChargingError> {
        let ids: Vec<_> = charge_points.iter().map(|id| id.as_uuid()).collect();
        Ok(store::due_commands(self.db.pool(), &ids, self.db.now()).await?)
    }

    /// Records what the charge point said to a command, as it came, and goes on from there. A second answer changes nothing.
    pub async fn command_answered(&self, id: CommandId, outcome: CommandOutcome, answer: Value) -> Result<(), ChargingError> {
        self.end_command(id, &["sent"], outcome, answer).await
    }

    /// Asks for a reset; `key` makes it one ("reset:{button press}").
    pub async fn reset(&self, charge_point: ChargePointId, kind: ResetKind, key: &str) -> Result<(), ChargingError> {
        self.ask(charge_point, CommandBody::Reset { kind }, format!("reset:{charge_point}:{key}")).await
    }

    /// Asks the charge point of a connection to tell its connectors' statuses, and who it is if it never did; once a connection.
    pub async fn ask_status(&self, lease: Lease) -> Result<(), ChargingError> {
        if Quirks::new(self.db.clone()).of(lease.charge_point).await?.has(Quirk::NoTriggerMessage) {
            return Ok(());
        }
        let key = |what| format!("{what}:{}:{}", lease.charge_point, lease.epoch);
        if !stations::has_booted(self.db.pool(), lease.charge_point).await? {
            self.ask(lease.charge_point, CommandBody::ReportBoot, key("boot")).await?;
        }
        self.ask(lease.charge_point, CommandBody::ReportStatus { evse_no: None }, key("status")).await
    }

    /// Asks the charge point of a connection to tell all of its settings and parts; `request` is the number of the report.
    pub async fn ask_inventory(&self, lease: Lease, request: i32) -> Result<(), ChargingError> {
        let key = format!("inventory:{}:{request}", lease.charge_point);
        self.ask(lease.charge_point, CommandBody::ReportInventory { request }, key).await
    }

    /// Sends the charge point a new password. The old one is good until the charge point is seen with the new one; an offline charge point gets
    /// it when it comes back within a week.
    pub async fn rotate_password(&self, charge_point: ChargePointId) -> Result<CommandId, ChargingError> {
        let this = self.clone();
        db::tx(&self.db, move |mut tx| {
            let this = this.clone();
            async move {
                let identity =
                    stations::identity(&mut tx, charge_point).await?.ok_or(ChargingError::NotFound("charge point"))?;
                let (candidate, password) = stations::send_password(&mut tx, charge_point).await?;
                let (now, key) = (tx.now(), format!("password:{candidate}"));
                let body = CommandBody::SetPassword { candidate, password: Secret::new(password) };
                let deadline = now + PASSWORD_DEADLINE;
                this.queue(&mut tx, charge_point, Some(&identity), &key, None, &body, now, deadline).await?;
                Ok(store::command_by_key(&mut *tx, &key).await?)
            }
        })
        .await
    }

    /// Sends the charge point the client certificate that it asked for.
    pub async fn deliver_certificate(&self, lease: Lease, serial_number: &str, pem: String) -> Result<(), ChargingError> {
        let (this, serial_number) = (self.clone(), serial_number.to_owned());
        db::tx(&self.db, move |mut tx| {
            let (this, serial_number, pem) = (this.clone(), serial_number.clone(), pem.clone());
            async move {
                let now = tx.now();
                stations::fence(&mut tx, lease, now).await?;
                let identity = stations::identity(&mut tx, lease.charge_point).await?;
                let key = format!("certificate:{serial_number}");
                let body = CommandBody::DeliverCertificate { serial_number, pem };
                let deadline = now + CERTIFICATE_DEADLINE;
                this.queue(&mut tx, lease.charge_point, identity.as_ref(), &key, None, &body, now, deadline).await
            }
        })
        .await
    }

    /// Sends what a person wrote, checked by the caller ([`CommandBody::Operator`]); `key` makes it one ("{button press}"). It is sent once: after a
    /// lost link nobody knows whether it was done, and it ends as expired.
    pub async fn operate(
        &self,
        charge_point: ChargePointId,
        body: CommandBody,
        key: &str,
        within: TimeDelta,
        actor: Actor,
    ) -> Result<CommandId, ChargingError> {
        let (this, key) = (self.clone(), format!("operator:{charge_point}:{key}"));
        let within = within.clamp(TimeDelta::seconds(1), OPERATOR_DEADLINE_MAX);
        db::tx(&self.db, move |mut tx| {
            let (this, body, key, actor) = (this.clone(), body.clone(), key.clone(), actor.clone());
            async move {
                let identity =
                    stations::identity(&mut tx, charge_point).await?.ok_or(ChargingError::NotFound("charge point"))?;
                let (now, detail) = (tx.now(), json!(&body));
                this.queue(&mut tx, charge_point, Some(&identity), &key, None, &body, now, now + within).await?;
                let event = AuditEvent {
                    actor,
                    action: "charge_point.operated",
                    subject_kind: "charge_point",
                    subject_id: charge_point.to_string(),
                    detail,
                };
                audit::record(&mut tx, &event).await?;
                Ok(store::command_by_key(&mut *tx, &key).await?)
            }
        })
        .await
    }

    /// How far a command is. Whoever waits subscribes to `Topic::other("command", id)` first.
    pub async fn command(&self, id: CommandId) -> Result<Option<CommandView>, ChargingError> {
        Ok(store::command_view(self.db.pool(), id).await?)
    }

    async fn ask(&self, charge_point: ChargePointId, body: CommandBody, key: String) -> Result<(), ChargingError> {
        let this = self.clone();
        db::tx(&self.db, move |mut tx| {
            let (this, body, key) = (this.clone(), body.clone(), key.clone());
            async move {
                let identity =
                    stations::identity(&mut tx, charge_point).await?.ok_or(ChargingError::NotFound("charge point"))?;
                let now = tx.now();
                this.queue(&mut tx, charge_point, Some(&identity), &key, None, &body, now, now + HOUSEKEEPING_DEADLINE).await
            }
        })
        .await
    }

    /// A connection has begun: what an older one took with it is sent again where that is harmless.
    ///
    /// * A stop is harmless: the second one finds nothing to stop.
    /// * A start is sent again as long as the connector shows no sign of it. If it does, the charger has it: its yes was lost.
    /// * A reset is not repeated: the boot that follows it ends it, or its deadline.
    pub async fn link_up(&self, lease: Lease) -> Result<(), ChargingError> {
        let this = self.clone();
        db::tx(&self.db, move |mut tx| {
            let this = this.clone();
            async move {
                let now = tx.now();
                stations::fence(&mut tx, lease, now).await?;
                for command in store::sent_before(&mut *tx, lease).await? {
                    this.recover(&mut tx, &command).await?;
                }
                store::hurry_stops(&mut *tx, lease.charge_point, now, this.settings.stop_answer).await?;
                this.publish_all(&mut tx, lease.charge_point).await?;
                Ok(())
            }
        })
        .await
    }

    /// Whether anything goes on at a charge point. If not, a new connection of it has nothing to take over and nothing to send.
    pub async fn is_awaited(&self, charge_point: ChargePointId) -> Result<bool, ChargingError> {
        Ok(self.awaited.ask(charge_point).await?)
    }

    /// A connection has ended: the pages say so.
    pub async fn link_down(&self, lease: Lease) -> Result<(), ChargingError> {
        for session in store::sessions_of_charge_point(self.db.pool(), lease.charge_point).await? {
            self.bus.publish(&Topic::session(session), "changed");
        }
        Ok(())
    }

    async fn publish_all(&self, tx: &mut Tx, charge_point: ChargePointId) -> Result<(), ChargingError> {
        for session in store::sessions_of_charge_point(&mut **tx, charge_point).await? {
            self.publish(tx, session);
        }
        Ok(())
    }

    async fn recover(&self, tx: &mut Tx, command: &CommandRow) -> Result<(), ChargingError> {
        let now = tx.now();
        match (&command.body, command.session) {
            (CommandBody::Stop { .. }, _) => {
                let deadline = command.deadline_at.max(now + self.settings.stop_answer);
                store::requeue_command(&mut **tx, command.id, now, deadline).await?;
            }
            (CommandBody::Start { .. }, Some(session)) => {
                let Some(mut row) = store::lock_session(tx, session).await? else { return Ok(()) };
                if row.machine.state != SessionState::Starting || command.deadline_at <= now {
                    return Ok(());
                }
                let reported = stations::connector(tx, row.connector).await?.map(|facts| facts.reported);
                let begun = matches!(
                    reported,
                    Some(
                        ConnectorStatus::Preparing
                            | ConnectorStatus::Charging
                            | ConnectorStatus::SuspendedEv
                            | ConnectorStatus::SuspendedEvse
                            | ConnectorStatus::Finishing
                    )
                );
                if begun {
                    let answer = json!({ "assumed": "the connector shows that the start arrived" });
                    if store::finish_command(&mut **tx, command.id, &["sent"], "accepted", Some(&answer), now).await? {
                        self.apply(tx, &mut row, SessionEvent::StartAccepted, Brought::default()).await?;
                    }
                } else {
                    store::requeue_command(&mut **tx, command.id, now, command.deadline_at).await?;
                }
            }
            // Said twice, it could be done twice; a cost is old by now.
            (
                CommandBody::Reset { .. }
                | CommandBody::Start { .. }
                | CommandBody::Operator { .. }
                | CommandBody::ShowCost { .. },
                _,
            ) => {}
            (
                CommandBody::ReportStatus { .. }
                | CommandBody::ReportBoot
                | CommandBody::SetMeterInterval { .. }
                | CommandBody::SetMeterContent
                | CommandBody::ReportInventory { .. }
                | CommandBody::SetPassword { .. }
                | CommandBody::Cap { .. }
                | CommandBody::DeliverCertificate { .. },
                _,
            ) => {
                if command.deadline_at > now {
                    store::requeue_command(&mut **tx, command.id, now, command.deadline_at).await?;
                }
            }
        }
        Ok(())
    }

    /// Ends commands that nobody answered in time; how many.
    pub(super) async fn expire_commands(&self) -> Result<usize, ChargingError> {
        let overdue = store::overdue_commands(self.db.pool(), self.db.now()).await?;
        let count = overdue.len();
        for id in overdue {
            self.expire(id).await?;
        }
        Ok(count)
    }

    async fn expire(&self, id: CommandId) -> Result<(), ChargingError> {
        let this = self.clone();
        db::tx(&self.db, move |mut tx| {
            let this = this.clone();
            async move {
                let Some(command) = store::command(&mut *tx, id).await? else { return Ok(()) };
                let session = this.lock_for(&mut tx, &command).await?;
                let now = tx.now();
                // Looked at again under the lock: it may have been answered or put off meanwhile.
                let Some(command) = store::command(&mut *tx, id).await? else { return Ok(()) };
                if command.deadline_at > now
                    || !store::finish_command(&mut *tx, id, &["queued", "sent"], "expired", None, now).await?
                {
                    return Ok(());
                }
                this.tell_waiting(&mut tx, id);
                this.on_refusal(&mut tx, &command, session, StartFailure::Offline).await
            }
        })
        .await
    }

    pub(super) async fn end_command(
        &self,
        id: CommandId,
        from: &'static [&'static str],
        outcome: CommandOutcome,
        answer: Value,
    ) -> Result<(), ChargingError> {
        let this = self.clone();
        db::tx(&self.db, move |mut tx| {
            let (this, answer) = (this.clone(), answer.clone());
            async move {
                let Some(command) = store::command(&mut *tx, id).await? else { return Err(ChargingError::NotFound("command")) };
                // The session before its command, as everywhere.
                let session = this.lock_for(&mut tx, &command).await?;
                let now = tx.now();
                let state = match outcome {
                    CommandOutcome::Accepted => "accepted",
                    CommandOutcome::Rejected => "rejected",
                    CommandOutcome::Failed => "failed",
                };
                if !store::finish_command(&mut *tx, id, from, state, Some(&answer), now).await? {
                    return Ok(());
                }
                this.tell_waiting(&mut tx, id);
                match outcome {
                    CommandOutcome::Accepted => this.on_acceptance(&mut tx, &command, session).await,
                    CommandOutcome::Rejected => this.on_refusal(&mut tx, &command, session, StartFailure::Rejected).await,
                    CommandOutcome::Failed => this.on_refusal(&mut tx, &command, session, StartFailure::Offline).await,
                }
            }
        })
        .await
    }

    /// Whoever waits for a command's outcome is told to look.
    fn tell_waiting(&self, tx: &mut Tx, id: CommandId) {
        let bus = self.bus.clone();
        tx.after_commit(move || bus.publish(&Topic::other("command", id), "ended"));
    }

    async fn lock_for(&self, tx: &mut Tx, command: &CommandRow) -> Result<Option<Box<store::SessionRow>>, ChargingError> {
        match command.session {
            Some(session) => Ok(store::lock_session(tx, session).await?.map(Box::new)),
            None => Ok(None),
        }
    }

    async fn on_acceptance(
        &self,
        tx: &mut Tx,
        command: &CommandRow,
        session: Option<Box<store::SessionRow>>,
    ) -> Result<(), ChargingError> {
        match (&command.body, session) {
            (CommandBody::Start { .. }, Some(mut row)) => {
                self.apply(tx, &mut row, SessionEvent::StartAccepted, Brought::default()).await
            }
            (CommandBody::SetMeterInterval { seconds }, _) => {
                Ok(stations::set_meter_interval(tx, command.charge_point, *seconds).await?)
            }
            _ => Ok(()),
        }
    }

    async fn on_refusal(
        &self,
        tx: &mut Tx,
        command: &CommandRow,
        session: Option<Box<store::SessionRow>>,
        failure: StartFailure,
    ) -> Result<(), ChargingError> {
        match (&command.body, session) {
            (CommandBody::Start { .. }, Some(mut row)) => {
                self.apply(tx, &mut row, SessionEvent::StartRefused { failure }, Brought::default()).await
            }
            (CommandBody::Stop { .. }, Some(mut row)) => {
                self.apply(tx, &mut row, SessionEvent::StopRefused, Brought::default()).await
            }
            (CommandBody::Stop { transaction, .. }, None) => self.stop_unpaid(tx, *transaction).await,
            // A no, or never sent: it has not got it. Anything else leaves both passwords good, until one of them is seen.
            (CommandBody::SetPassword { candidate, .. }, _)
                if failure == StartFailure::Rejected || !store::was_sent(&mut **tx, command.id).await? =>
            {
                Ok(stations::forget_sent_password(tx, *candidate).await?)
            }
            _ => Ok(()),
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the columns of a row; a struct would only name them twice")]
    pub(super) async fn queue(
        &self,
        tx: &mut Tx,
        charge_point: ChargePointId,
        identity: Option<&OcppIdentity>,
        business_key: &str,
        session: Option<SessionId>,
        body: &CommandBody,
        not_before_at: DateTime<Utc>,
        deadline_at: DateTime<Utc>,
    ) -> Result<(), ChargingError> {
        let id = CommandId::from_uuid(tx.uuid());
        let queued_at = tx.now();
        let new = NewCommand { id, charge_point, business_key, session, body, queued_at, not_before_at, deadline_at };
        store::insert_command(&mut **tx, &new).await?;
        if let Some(identity) = identity {
            let (bus, topic) = (self.bus.clone(), Topic::charge_point(identity));
            tx.after_commit(move || bus.publish(&topic, "command"));
        }
        Ok(())
    }

    /// A charge point that has introduced itself learns how to send readings.
    pub async fn tell_settings(&self, lease: Lease) -> Result<(), ChargingError> {
        let this = self.clone();
        db::tx(&self.db, move |mut tx| {
            let this = this.clone();
            async move {
                let now = tx.now();
                stations::fence(&mut tx, lease, now).await?;
                stations::take_settings_due(&mut *tx, lease.charge_point).await?;
                this.queue_settings(&mut tx, lease).await
            }
        })
        .await
    }

    async fn queue_settings(&self, tx: &mut Tx, lease: Lease) -> Result<(), ChargingError> {
        if !self.settings.configure_meters {
            return Ok(());
        }
        if quirks::traits(tx, lease.charge_point).await?.quirks.has(Quirk::NoMeterConfiguration) {
            return Ok(());
        }
        let now = tx.now();
        let bodies = [
            ("interval", CommandBody::SetMeterInterval { seconds: self.settings.meter_interval_s }),
            ("content", CommandBody::SetMeterContent),
        ];
        for (what, body) in bodies {
            let key = format!("{what}:{}:{}:{}", lease.charge_point, lease.epoch, now.timestamp_millis());
            // Not hinted at: whoever asks for it sends it.
            self.queue(tx, lease.charge_point, None, &key, None, &body, now, now + HOUSEKEEPING_DEADLINE).await?;
        }
        Ok(())
    }
}
