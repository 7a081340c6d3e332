//! The end of a session that was charged: one bill, one entry of the ledger, one receipt, in the transaction of the event.

use chrono::{DateTime, Utc};
use domain::charging::session::{SessionEvent, Settlement, StopReason, split_by_weights};
use domain::receipts::{TaxLine, TimelineEntry, TimelineKind};
use domain::tariffs::{Bill, LineKind};
use domain::{Tyiyn, Wh};
use serde_json::json;
use tracing::info;

use super::live::Live;
use super::reports::claimed_or_none;
use super::store::{self, SessionRow, TransactionEnd, TransactionRow};
use super::{Charging, ChargingError, PayerKind};
use crate::audit;
use crate::db::Tx;
use crate::ledger::{self, AccountCode, NewEntry, Revenue, TaxCode};
use crate::receipts::{self, ReceiptDraft};
use crate::stations::{self, ConnectorFacts};
use crate::tariffs::{self, TaxRate};

/// The whole of a share in basis points.
const WHOLE_BP: u32 = 10_000;

impl Charging {
    /// The running state of a transaction, rebuilt from its rows.
    pub(super) async fn rebuild(
        &self,
        tx: &mut Tx,
        transaction: &TransactionRow,
        session: Option<&SessionRow>,
    ) -> Result<Live, ChargingError> {
        let connector = match session {
            Some(session) => stations::connector(tx, session.connector).await?,
            None => {
                stations::connector_by_number(tx, transaction.charge_point, transaction.evse_no, transaction.connector_no)
                    .await?
            }
        };
        let samples = store::samples(&mut **tx, transaction.id).await?;
        let mut live = Live::new(transaction, session, connector.as_ref(), &self.settings).replay(&samples);
        if let (Some(meter_stop), Some(stopped_at)) = (transaction.meter_stop, transaction.stopped_at) {
            live.finish(meter_stop, stopped_at, claimed_or_none(transaction.claimed_stop_at));
        }
        Ok(live)
    }

    /// Bills the session and stores the result in the row; [`Charging::apply`] writes the row.
    pub(super) async fn settle(
        &self,
        tx: &mut Tx,
        row: &mut SessionRow,
        reason: StopReason,
        event: &SessionEvent,
        brought: Option<Box<Live>>,
    ) -> Result<(), ChargingError> {
        let now = tx.now();
        let facts = stations::connector(tx, row.connector).await?.ok_or(ChargingError::NotFound("connector"))?;
        let transaction = match row.machine.transaction {
            Some(id) => store::transaction(&mut **tx, id).await?,
            None => None,
        };
        let live = match (brought, &transaction) {
            (Some(live), _) => Some(*live),
            (None, Some(transaction)) => Some(self.rebuild(tx, transaction, Some(row)).await?),
            (None, None) => None,
        };
        let started_at = row.started_at.unwrap_or(row.requested_at);
        let ended_at = end_of(event, live.as_ref(), started_at);
        if let (SessionEvent::LostTransaction { .. }, Some(transaction), Some(live)) = (event, &transaction, &live) {
            let end = TransactionEnd {
                id: transaction.id,
                meter_stop: None,
                energy: live.energy(),
                stopped_at: ended_at,
                claimed_at: None,
                received_at: None,
                reason,
                message_id: None,
                lost: true,
            };
            store::end_transaction(&mut **tx, &end).await?;
        }

        let (bill, energy) = self.price(tx, row, live, ended_at).await?;
        let balance = ledger::balance(&mut **tx, &row.payer_account).await?;
        let covered = balance.available().checked_add(row.hold).ok_or(ChargingError::Invariant("a balance does not fit"))?;
        let settlement = Settlement::of(bill.total, row.agreed, covered);
        let rates = tariffs::taxes_at(tx, ended_at).await?;
        let taxes = taxes_of(settlement.billed, &rates);
        self.post(tx, row, &facts, &bill, settlement, &taxes, ended_at).await?;

        if settlement.written_off.is_positive() {
            let detail = json!({
                "cost_tyiyn": bill.total, "agreed_tyiyn": row.agreed, "written_off_tyiyn": settlement.written_off,
                "energy_wh": energy, "charge_point": facts.identity.as_str(),
            });
            audit::raise_alert(tx, "write_off", &row.id.to_string(), &detail).await?;
        }

        // A guest has paid beforehand, and the rest goes back; anybody else pays what it cost.
        let paid = match row.payer_kind {
            PayerKind::Guest => balance.posted.max(settlement.billed),
            PayerKind::Driver | PayerKind::Company | PayerKind::Sandbox => settlement.billed,
        };
        let meter_start = transaction.as_ref().map_or(Wh::ZERO, |t| t.meter_start);
        let meter_stop =
            transaction.as_ref().and_then(|t| t.meter_stop).or(meter_start.checked_add(energy)).unwrap_or(meter_start);
        let draft = ReceiptDraft {
            session: row.id,
            locale: row.locale.tag().to_owned(),
            time_zone: facts.station.time_zone.clone(),
            seller_name: facts.station.seller_name.clone(),
            seller_tin: facts.station.seller_tin.clone(),
            helpline: facts.station.helpline.clone(),
            station_name: facts.station.name.clone(),
            station_address: facts.station.address.clone(),
            connector_label: facts.label.clone(),
            plug: facts.plug,
            max_power: facts.max_power,
            started_at,
            ended_at,
            stop_reason: reason,
            meter_start,
            meter_stop,
            energy,
            lines: bill.lines.clone(),
            cost: bill.total,
            written_off: settlement.written_off,
            total: settlement.billed,
            paid,
            refund: paid.checked_sub(settlement.billed).ok_or(ChargingError::Invariant("a refund does not fit"))?,
            taxes,
            payment_reference: row.payment_reference.clone(),
            timeline: timeline(row, ended_at, now),
        };

        row.started_at = Some(started_at);
        row.ended_at = Some(ended_at);
        row.energy = energy;
        row.cost = bill.total;
        row.power = domain::Watt::ZERO;
        row.billed = Some(settlement.billed);
        row.written_off = Some(settlement.written_off);
        row.bill = Some(bill);
        row.settled_at = Some(now);
        self.ended(tx, row).await?;
        // The last step: it locks the seller's numbers.
        receipts::issue(tx, draft).await?;
        info!(
            session.id = %row.id,
            energy_wh = energy.get(),
            billed_tyiyn = settlement.billed.get(),
            written_off_tyiyn = settlement.written_off.get(),
            reason = reason.as_str(),
            "Settled session {}", row.id
        );
        Ok(())
    }

    /// The bill and the energy on it. What the price engine cannot price is not made up: nothing is billed, staff is told.
    async fn price(
        &self,
        tx: &mut Tx,
        row: &SessionRow,
        live: Option<Live>,
        ended_at: DateTime<Utc>,
    ) -> Result<(Bill, Wh), ChargingError> {
        let Some(mut live) = live else { return Ok((Bill::default(), Wh::ZERO)) };
        live.set_idle_since(live.idle_since(row.charger_paused_at.is_some(), row.charger_resumed_at));
        match live.bill_at(ended_at) {
            Ok(bill) => Ok((bill, live.energy())),
            Err(error) => {
                let detail = json!({ "energy_wh": live.energy(), "error": error.to_string() });
                audit::raise_alert(tx, "session_not_priced", &row.id.to_string(), &detail).await?;
                Ok((Bill::default(), Wh::ZERO))
            }
        }
    }

    /// Captures the hold: payer to revenue, taxes and partner, and what passed the agreed sum to the write-off.
    #[allow(clippy::too_many_arguments, reason = "the parts of one entry")]
    async fn post(
        &self,
        tx: &mut Tx,
        row: &SessionRow,
        facts: &ConnectorFacts,
        bill: &Bill,
        settlement: Settlement,
        taxes: &[TaxLine],
        ended_at: DateTime<Utc>,
    ) -> Result<(), ChargingError> {
        let sum = |idle: bool| {
            Tyiyn::checked_sum(bill.lines.iter().filter(|line| (line.kind == LineKind::Idle) == idle).map(|line| line.amount))
                .ok_or(ChargingError::Invariant("a bill does not fit"))
        };
        let (energy_cost, idle_cost) = (sum(false)?, sum(true)?);
        let mut entry = NewEntry::new(
            "capture",
            format!("capture:{}", row.id),
            format!("Charging at {} {}", facts.station.name, facts.label),
            ended_at,
        )
        .source(json!({ "session": row.id, "connector": facts.connector, "charge_point": facts.identity.as_str() }));

        if settlement.billed.is_positive() {
            let tax =
                Tyiyn::checked_sum(taxes.iter().map(|tax| tax.amount)).ok_or(ChargingError::Invariant("taxes do not fit"))?;
            let net = settlement.billed.checked_sub(tax).ok_or(ChargingError::Invariant("taxes are more than the bill"))?;
            let weight = |amount: Tyiyn| u64::try_from(amount.get()).unwrap_or(0);
            let [net_energy, net_idle] = two_parts(net, weight(energy_cost), weight(idle_cost));
            let share = facts.station.partner_share_bp.min(WHOLE_BP);
            let [partner, ours] = two_parts(net_energy, u64::from(share), u64::from(WHOLE_BP - share));
            entry = entry
                .debit(row.payer_account.clone(), settlement.billed)
                .credit(AccountCode::Revenue(Revenue::Energy), ours)
                .credit(AccountCode::Revenue(Revenue::Idle), net_idle)
                .credit(AccountCode::PartnerPayable(facts.station.partner), partner);
            for tax in taxes {
                let code = TaxCode::parse(&tax.code).map_err(|_| ChargingError::Invariant("a tax has no proper code"))?;
                entry = entry.credit(AccountCode::Tax(code), tax.amount);
            }
        }
        // Sold, and not paid for: a loss of ours, not of the partner's or the state's.
        entry = entry
            .debit(AccountCode::WriteOff, settlement.written_off)
            .credit(AccountCode::Revenue(Revenue::Energy), settlement.written_off);

        if settlement.billed.is_positive() {
            ledger::post_hold(tx, row.hold_id, &entry).await?;
        } else {
            ledger::void_hold(tx, row.hold_id).await?;
            if settlement.written_off.is_positive() {
                ledger::post(tx, &entry).await?;
            }
        }
        Ok(())
    }
}

fn two_parts(total: Tyiyn, first: u64, second: u64) -> [Tyiyn; 2] {
    match split_by_weights(total, &[first, second])[..] {
        [first, second] => [first, second],
        // Two weights give two parts.
        _ => [total, Tyiyn::ZERO],
    }
}

/// The taxes inside a price, each rounded half up; the net is the rest, so that all of them sum to the price.
fn taxes_of(total: Tyiyn, rates: &[TaxRate]) -> Vec<TaxLine> {
    let whole: i128 = i128::from(WHOLE_BP) + rates.iter().map(|rate| i128::from(rate.rate_bp)).sum::<i128>();
    let tax = |rate: &TaxRate| {
        let doubled = i128::from(total.get().max(0)) * i128::from(rate.rate_bp) * 2 + whole;
        // At most the total, which fits.
        Tyiyn::new(i64::try_from(doubled / (whole * 2)).unwrap_or(i64::MAX))
    };
    rates.iter().map(|rate| TaxLine { code: rate.code.clone(), rate_bp: rate.rate_bp, amount: tax(rate) }).collect()
}

/// Not before the start and not before the last reading.
fn end_of(event: &SessionEvent, live: Option<&Live>, started_at: DateTime<Utc>) -> DateTime<Utc> {
    let told = match event {
        SessionEvent::TransactionStopped { at, .. } => *at,
        // At its last reading: nobody pays for a silence.
        _ => started_at,
    };
    let last = live.map_or(started_at, Live::last_at);
    told.max(last).max(started_at)
}

fn timeline(row: &SessionRow, ended_at: DateTime<Utc>, now: DateTime<Utc>) -> Vec<TimelineEntry> {
    let mut entries = vec![TimelineEntry { kind: TimelineKind::StartRequested, at: row.requested_at }];
    entries.extend(row.started_at.map(|at| TimelineEntry { kind: TimelineKind::Started, at }));
    entries.extend(row.stopping_at.map(|at| TimelineEntry { kind: TimelineKind::StopRequested, at }));
    entries.push(TimelineEntry { kind: TimelineKind::Stopped, at: ended_at });
    entries.push(TimelineEntry { kind: TimelineKind::Settled, at: now });
    entries.sort_by_key(|entry| entry.at);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taxes_are_inside_the_price() {
        let rates = [TaxRate { code: "sales_tax".into(), rate_bp: 100 }, TaxRate { code: "vat".into(), rate_bp: 1200 }];
        let taxes = taxes_of(Tyiyn::new(91_950), &rates);
        assert_eq!(taxes.iter().map(|tax| tax.amount.get()).collect::<Vec<_>>(), [814, 9_765]);
        for total in 0..2_000 {
            let sum: i64 = taxes_of(Tyiyn::new(total), &rates).iter().map(|tax| tax.amount.get()).sum();
            assert!(sum <= total, "{total}");
        }
        assert_eq!(taxes_of(Tyiyn::new(100), &[]), []);
    }
}
