//! What the pages show.

use api::guest::{CodeLookup, ConnectorView, GuestView, LiveView, Neighbour, RefundState, RefundView, SummaryView};
use domain::charging::session::{SessionState, StopReason};
use domain::guest::GuestPhase;
use domain::stations::ConnectorStatus;
use domain::{ConnectorCode, ConnectorId, GuestToken, Phone, Tyiyn};

use super::flow::Patience;
use super::{Charge, Guest, GuestError, RETURN_PATIENCE};
use crate::balance::{Order, OrderState, Refund, RefundStage};
use crate::charging::SessionSnapshot;
use crate::stations::{CodeTarget, ConnectorFacts};

impl Guest {
    pub(super) async fn look_up(&self, code: &str) -> Result<CodeLookup, GuestError> {
        Ok(match self.stations.look_up(code).await? {
            CodeTarget::Connector(facts) => {
                let code = ConnectorCode::parse(code).map_err(|_| GuestError::NotFound("code"))?;
                CodeLookup::Found(Box::new(self.connector_view(&facts, code).await?))
            }
            CodeTarget::Moved(successor) => CodeLookup::MovedTo(successor),
            CodeTarget::Retired(facts) => CodeLookup::Retired {
                helpline: facts.station.helpline.clone(),
                nearby: self.neighbours(Some(facts.connector)).await?,
            },
            CodeTarget::Unknown => {
                CodeLookup::Unknown { helpline: self.settings.helpline.clone(), nearby: self.neighbours(None).await? }
            }
        })
    }

    /// Free connectors: those that report so and where nobody is about to start.
    async fn neighbours(&self, beside: Option<ConnectorId>) -> Result<Vec<Neighbour>, GuestError> {
        let neighbours = self.stations.neighbours(beside).await?;
        let ids: Vec<ConnectorId> = neighbours.iter().map(|(id, _)| *id).collect();
        let busy = self.charging.busy(&ids).await?;
        Ok(neighbours.into_iter().filter(|(id, _)| !busy.contains(id)).map(|(_, neighbour)| neighbour).collect())
    }

    /// Whether somebody charges there or is about to.
    pub(super) async fn is_busy(&self, facts: &ConnectorFacts) -> Result<bool, GuestError> {
        let reported = matches!(
            facts.reported,
            ConnectorStatus::Charging
                | ConnectorStatus::SuspendedEv
                | ConnectorStatus::SuspendedEvse
                | ConnectorStatus::Finishing
        );
        if reported {
            return Ok(true);
        }
        Ok(!self.charging.busy(&[facts.connector]).await?.is_empty())
    }

    async fn connector_view(&self, facts: &ConnectorFacts, code: ConnectorCode) -> Result<ConnectorView, GuestError> {
        let now = self.db.now();
        let prices = self.tariffs.price_view(facts, now).await?;
        let busy = self.is_busy(facts).await?;
        let needs_another = busy || !facts.status.can_start();
        let neighbours = if needs_another { self.neighbours(Some(facts.connector)).await? } else { Vec::new() };
        let station = facts.station.clone();
        Ok(ConnectorView {
            code,
            station_name: station.name,
            station_address: station.address,
            time_zone: station.time_zone,
            latitude_e7: station.latitude_e7,
            longitude_e7: station.longitude_e7,
            helpline: station.helpline,
            seller_name: station.seller_name,
            seller_tin: station.seller_tin,
            connector_label: facts.label.clone(),
            plug: facts.plug,
            current: facts.current,
            max_power: facts.max_power,
            status: facts.status,
            last_seen_at: facts.last_seen_at.filter(|_| facts.status == ConnectorStatus::Offline),
            busy,
            price: prices.price,
            next_price: prices.next_price,
            tariff: prices.tariff,
            amount_limits: self.settings.amount_limits,
            example_20_kwh: prices.example_20_kwh,
            stop_percent: self.charging.settings().hold.percent_of_limit.min(100),
            neighbours,
            now,
        })
    }

    pub(super) async fn view_charge(&self, token: &GuestToken, returned: bool) -> Result<GuestView, GuestError> {
        let mut charge = self.charge(token).await?;
        if returned && matches!(charge.phase, GuestPhase::AwaitingPayment | GuestPhase::Expired) {
            self.balance.refresh_with_patience(charge.order, RETURN_PATIENCE).await;
        }
        let mut state = self.state(&charge).await?;
        if state.is_ahead_of(&charge) {
            // What a job will do anyway is done now: a person is looking.
            match self.advance(charge.order, Patience::TryAgain).await {
                Ok(()) => {
                    charge = self.charge(token).await?;
                    state = self.state(&charge).await?;
                }
                Err(error) => tracing::warn!(charge.id = %charge.id, %error, "Could not move a charge on; its job tries again"),
            }
        }
        self.assemble(charge, state).await
    }

    async fn state(&self, charge: &Charge) -> Result<State, GuestError> {
        let order = self.balance.order(charge.order).await?.ok_or(GuestError::NotFound("order"))?;
        let session = match charge.session {
            Some(session) => Some(self.charging.snapshot(session).await?),
            None => None,
        };
        let after = matches!(
            charge.phase,
            GuestPhase::Refunding | GuestPhase::Completed | GuestPhase::FailedRefunding | GuestPhase::FailedRefunded
        );
        let refunds = if after { self.balance.refunds(charge.order).await? } else { Vec::new() };
        Ok(State { order, session, refunds })
    }

    async fn assemble(&self, charge: Charge, state: State) -> Result<GuestView, GuestError> {
        let now = self.db.now();
        let facts = self.stations.connector(charge.connector).await?.ok_or(GuestError::NotFound("connector"))?;
        // The code that is on the connector now, if there is one.
        let code = self.stations.code_of(charge.connector).await?.unwrap_or_else(|| charge.code.clone());
        let connector = self.connector_view(&facts, code.clone()).await?;
        let phase = state.phase(&charge);
        let State { order, session, refunds } = state;

        let live = match (&session, phase) {
            (Some(session), GuestPhase::Charging | GuestPhase::Stopping) => Some(self.live(&order, session)?),
            _ => None,
        };
        let summary = match &session {
            Some(session) if session.state == SessionState::Settled => {
                let receipt = self.receipts.find(session.id).await?;
                let stop_reason = session.stop_reason.unwrap_or(StopReason::Charger);
                receipt.map(|receipt| SummaryView { stop_reason, receipt })
            }
            _ => None,
        };
        let waiting = phase == GuestPhase::PlugIn;
        let can_pay = phase == GuestPhase::AwaitingPayment && order.state == OrderState::Link && now < order.expires_at;
        Ok(GuestView {
            token: charge.token,
            phase,
            connector,
            amount: order.amount,
            paid: order.paid,
            phone_masked: charge.phone.as_ref().map(Phone::masked).unwrap_or_default(),
            payment_url: order.payment_url.filter(|_| can_pay),
            payment_expires_at: order.expires_at,
            start_deadline: session.as_ref().filter(|_| waiting).map(|session| session.start_deadline),
            start_accepted: waiting && session.as_ref().is_some_and(|session| session.start_accepted),
            live,
            stop_queued_offline: phase == GuestPhase::Stopping
                && session.as_ref().is_some_and(|session| session.stop_queued_offline),
            failure: charge.failure,
            summary,
            refund: refunds.last().map(refund_view),
            code,
            now,
        })
    }

    fn live(&self, order: &Order, session: &SessionSnapshot) -> Result<LiveView, GuestError> {
        let now = self.db.now();
        let price_at = |at| session.tariff.price_at(at).map_err(crate::charging::ChargingError::from);
        let price = price_at(now)?;
        let next_price = price.until.map(price_at).transpose()?;
        Ok(LiveView {
            started_at: session.started_at.unwrap_or(session.requested_at),
            energy: session.energy,
            cost: session.cost,
            power: session.power,
            state_of_charge_percent: session.state_of_charge_percent,
            limit: order.paid.unwrap_or(session.agreed),
            stop_at: session.hold,
            price,
            next_price,
            updated_at: session.updated_at,
            link_lost: session.link_lost,
            status: session.status,
        })
    }
}

/// What a charge depends on.
struct State {
    order: Order,
    session: Option<SessionSnapshot>,
    refunds: Vec<Refund>,
}

impl State {
    /// Whether the charge's row has yet to hear of something.
    fn is_ahead_of(&self, charge: &Charge) -> bool {
        match charge.phase {
            GuestPhase::AwaitingPayment => {
                matches!(self.order.state, OrderState::Paid | OrderState::Expired | OrderState::Failed)
            }
            GuestPhase::Expired => self.order.state == OrderState::Paid,
            GuestPhase::PlugIn | GuestPhase::Charging | GuestPhase::Stopping => {
                self.session.as_ref().is_some_and(|session| session.state.is_terminal())
            }
            GuestPhase::Refunding | GuestPhase::FailedRefunding => {
                self.refunds.iter().all(|refund| refund.stage == RefundStage::Completed)
            }
            GuestPhase::Completed | GuestPhase::FailedRefunded => false,
        }
    }

    /// While the session runs, it says what the phase is; the row knows only that it runs.
    fn phase(&self, charge: &Charge) -> GuestPhase {
        let runs = matches!(charge.phase, GuestPhase::PlugIn | GuestPhase::Charging | GuestPhase::Stopping);
        match self.session.as_ref().map(|session| session.state) {
            Some(SessionState::Starting) if runs => GuestPhase::PlugIn,
            Some(SessionState::Charging) if runs => GuestPhase::Charging,
            Some(SessionState::Stopping | SessionState::Settled | SessionState::Failed) if runs => GuestPhase::Stopping,
            _ => charge.phase,
        }
    }
}

fn refund_view(refund: &Refund) -> RefundView {
    let state = match refund.stage {
        RefundStage::Completed => RefundState::Completed,
        _ if refund.needs_staff => RefundState::Delayed,
        _ => RefundState::Pending,
    };
    RefundView {
        amount: refund.amount.max(Tyiyn::ZERO),
        state,
        reference: refund.reference.clone(),
        completed_at: refund.completed_at,
    }
}
