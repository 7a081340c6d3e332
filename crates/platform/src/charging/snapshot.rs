//! A session as its pages see it.

use domain::charging::session::SessionState;
use domain::{SessionId, Tyiyn};

use super::store;
use super::{Charging, ChargingError, SessionSnapshot};
use crate::stations;

impl Charging {
    /// All that a page may want to know.
    pub async fn snapshot(&self, session: SessionId) -> Result<SessionSnapshot, ChargingError> {
        let mut connection = self.db.pool().acquire().await?;
        let row = store::session(&mut *connection, session).await?.ok_or(ChargingError::NotFound("session"))?;
        let facts = stations::connector(&mut connection, row.connector).await?.ok_or(ChargingError::NotFound("connector"))?;
        let settled = row.machine.state == SessionState::Settled;
        Ok(SessionSnapshot {
            id: row.id,
            connector: row.connector,
            payer_kind: row.payer_kind,
            payer_id: row.payer_id,
            state: row.machine.state,
            tariff: row.tariff,
            limit: row.limit,
            hold: row.hold,
            agreed: row.agreed,
            requested_at: row.requested_at,
            start_deadline: row.machine.start_deadline,
            start_accepted: row.start_accepted_at.is_some(),
            transaction: row.machine.transaction,
            started_at: row.started_at,
            ended_at: row.ended_at,
            energy: row.energy,
            cost: if settled { row.bill.as_ref().map_or(Tyiyn::ZERO, |bill| bill.total) } else { row.cost },
            power: row.power,
            state_of_charge_percent: row.state_of_charge_percent,
            updated_at: row.last_sample_at,
            link_lost: !facts.online && !row.machine.state.is_terminal(),
            status: facts.status,
            stop_queued_offline: row.machine.state == SessionState::Stopping && !facts.online,
            stop_reason: row.machine.stop_reason,
            failure: row.machine.failure,
            billed: row.billed,
            written_off: row.written_off,
            bill: row.bill,
            settled_at: row.settled_at,
        })
    }

    /// The states of sessions; unknown ones are left out.
    pub async fn states(
        &self,
        sessions: &[SessionId],
    ) -> Result<std::collections::HashMap<SessionId, SessionState>, ChargingError> {
        let ids: Vec<_> = sessions.iter().map(|id| id.as_uuid()).collect();
        Ok(store::states(self.db.pool(), &ids).await?)
    }
}
