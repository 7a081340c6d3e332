//! What a charge point is told of a running session beside its stop: a cap of its own, and the cost for its display.
//!
//! The stop by projected cost needs a link. The cap does not: it lets the charge point give its full power as long as that cannot cost
//! more than what was set aside, and nothing after. While there is a link, a later cap follows each one at half of its time, so that only
//! a charge whose link is lost ever meets its end.

use chrono::{DateTime, TimeDelta, Utc};
use domain::SessionId;
use domain::charging::session::SessionState;

use super::live::{self, Live};
use super::store::{self, SessionRow, TransactionRow};
use super::{Charging, ChargingError, CommandBody, PowerCap};
use crate::db::Tx;
use crate::quirks::{self, Quirk, Traits};
use crate::stations::{self, ConnectorFacts};

/// A cap or a cost that was not told by then is not worth telling.
const ASIDE_DEADLINE: TimeDelta = TimeDelta::minutes(2);

impl Charging {
    /// The cap that goes with a session's start; none for a charge point that takes none. A later start at a dearer time costs more in
    /// the same time: the cap that is told when the transaction is known puts that right.
    pub(super) async fn cap_of_start(
        &self,
        tx: &mut Tx,
        session: SessionId,
        facts: &ConnectorFacts,
    ) -> Result<Option<PowerCap>, ChargingError> {
        let traits = quirks::traits(tx, facts.charge_point).await?;
        let (true, Some(unit)) = (caps(traits), traits.smart_charging) else { return Ok(None) };
        let Some(row) = store::session(&mut **tx, session).await? else { return Ok(None) };
        let now = tx.now();
        let ends_at = live::would_run_until(&row, facts.max_power, now);
        let number = self.number_cap(tx, session, ends_at).await?;
        Ok(Some(PowerCap { number, max_power_w: facts.max_power.get(), ends_after_s: seconds(ends_at - now), unit }))
    }

    async fn number_cap(&self, tx: &mut Tx, session: SessionId, ends_at: DateTime<Utc>) -> Result<i32, ChargingError> {
        let now = tx.now();
        let renew_at = now + ((ends_at - now) / 2).max(self.settings.aside_every);
        Ok(store::save_cap(&mut **tx, session, Some((ends_at, renew_at))).await?)
    }

    /// A transaction has begun for the session: its charge point is told the cap, and when to tell it the cost. The session is locked.
    pub(super) async fn begin_aside(&self, tx: &mut Tx, row: &SessionRow) -> Result<(), ChargingError> {
        let Some((transaction, traits)) = self.aside_of(tx, row).await? else { return Ok(()) };
        if caps(traits) {
            let live = self.rebuild(tx, &transaction, Some(row)).await?;
            self.cap(tx, row, &transaction, &live, traits).await?;
        }
        if traits.shows_cost && transaction.station_ref.is_some() {
            let due = tx.now() + self.settings.aside_every;
            store::save_cost_due(&mut **tx, row.id, Some(due)).await?;
        }
        Ok(())
    }

    /// The same while it runs, after readings, when one of the two is due.
    pub(super) async fn follow_aside(&self, tx: &mut Tx, session: SessionId, live: &Live) -> Result<(), ChargingError> {
        let Some(row) = store::lock_session(tx, session).await? else { return Ok(()) };
        let now = tx.now();
        let due = store::aside_due(&mut **tx, session).await?;
        let Some((transaction, traits)) = self.aside_of(tx, &row).await? else { return Ok(()) };
        if due.cap_renew_at.is_some_and(|at| at <= now) {
            if caps(traits) {
                self.cap(tx, &row, &transaction, live, traits).await?;
            } else {
                // Staff has said meanwhile that it wants none.
                store::save_cap(&mut **tx, session, None).await?;
            }
        }
        if due.cost_due_at.is_some_and(|at| at <= now) {
            store::save_cost_due(&mut **tx, session, Some(now + self.settings.aside_every)).await?;
            let cost = live.cost()?;
            let body =
                CommandBody::ShowCost { transaction: transaction.id, station_ref: transaction.station_ref.clone(), cost };
            let key = format!("cost:{session}:{}", now.timestamp_millis());
            self.queue_aside(tx, &row, &transaction, &key, &body).await?;
        }
        Ok(())
    }

    async fn aside_of(&self, tx: &mut Tx, row: &SessionRow) -> Result<Option<(TransactionRow, Traits)>, ChargingError> {
        let (SessionState::Charging, Some(id)) = (row.machine.state, row.machine.transaction) else { return Ok(None) };
        let Some(transaction) = store::transaction(&mut **tx, id).await?.filter(|t| t.stopped_at.is_none()) else {
            return Ok(None);
        };
        let traits = quirks::traits(tx, transaction.charge_point).await?;
        Ok(Some((transaction, traits)))
    }

    async fn cap(
        &self,
        tx: &mut Tx,
        row: &SessionRow,
        transaction: &TransactionRow,
        live: &Live,
        traits: Traits,
    ) -> Result<(), ChargingError> {
        let (Some(unit), now) = (traits.smart_charging, tx.now()) else { return Ok(()) };
        let ends_at = live.runs_until(now);
        let number = self.number_cap(tx, row.id, ends_at).await?;
        // Counted from the start, which needs no clock that agrees with ours.
        let ends_after_s = seconds(ends_at - transaction.started_at);
        let body = CommandBody::Cap {
            transaction: transaction.id,
            station_ref: transaction.station_ref.clone(),
            evse_no: transaction.evse_no,
            cap: PowerCap { number, max_power_w: live.max_power().get(), ends_after_s, unit },
        };
        let key = format!("cap:{}:{number}", row.id);
        self.queue_aside(tx, row, transaction, &key, &body).await
    }

    async fn queue_aside(
        &self,
        tx: &mut Tx,
        row: &SessionRow,
        transaction: &TransactionRow,
        key: &str,
        body: &CommandBody,
    ) -> Result<(), ChargingError> {
        let now = tx.now();
        // An older one that still waits is out of date.
        store::withdraw_aside(&mut **tx, row.id, body.kind(), now).await?;
        let identity = stations::identity(tx, transaction.charge_point).await?;
        let charge_point = transaction.charge_point;
        self.queue(tx, charge_point, identity.as_ref(), key, Some(row.id), body, now, now + ASIDE_DEADLINE).await
    }
}

/// As the wire counts them; a cap of no time would be none.
fn seconds(time: TimeDelta) -> u32 {
    u32::try_from(time.num_seconds().clamp(1, i64::from(i32::MAX))).unwrap_or(u32::MAX)
}

fn caps(traits: Traits) -> bool {
    traits.smart_charging.is_some() && !traits.quirks.has(Quirk::NoChargingProfile)
}

/// When the two are due; `None` for what does not concern the charge point.
#[derive(Debug, Clone, Copy)]
pub(super) struct AsideDue {
    pub cap_renew_at: Option<DateTime<Utc>>,
    pub cost_due_at: Option<DateTime<Utc>>,
}
