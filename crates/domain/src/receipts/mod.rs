//! The receipt: an immutable snapshot of a settled session. The PDF, the page and the SMS are made from it and nothing else.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::charging::session::StopReason;
use crate::stations::PlugType;
use crate::tariffs::{BillLine, LineKind};
use crate::text_enum::text_enum;
use crate::{Tyiyn, Watt, Wh};

/// A tax inside the price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxLine {
    pub code: String,
    /// Basis points: 1200 is 12 %.
    pub rate_bp: u32,
    pub amount: Tyiyn,
}

/// What happened at a moment of the session's timeline. (Price changes are the borders of the bill's lines.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimelineKind {
    /// The money came in, or was set aside.
    Paid,
    /// The charger was asked to start.
    StartRequested,
    /// The transaction began.
    Started,
    /// The car or the charger paused.
    Suspended,
    Resumed,
    /// A stop was asked for.
    StopRequested,
    /// The transaction ended.
    Stopped,
    /// Billed.
    Settled,
}

text_enum!(TimelineKind {
    Paid = "paid",
    StartRequested = "start_requested",
    Started = "started",
    Suspended = "suspended",
    Resumed = "resumed",
    StopRequested = "stop_requested",
    Stopped = "stopped",
    Settled = "settled",
});

/// One moment of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    pub kind: TimelineKind,
    pub at: DateTime<Utc>,
}

/// The shape that this version writes in [`ReceiptDocument::format`].
pub const RECEIPT_FORMAT: u16 = 1;

/// The document, `receipt.document`. `format` grows with the shape; old ones stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptDocument {
    pub format: u16,
    /// Running number, without gaps within a seller: `RP-2026-000123`.
    pub number: String,
    /// The number of the receipt that this one corrects; a receipt itself never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<String>,
    pub issued_at: DateTime<Utc>,
    /// `ru`, `ky` or `en`: the language that the payer used.
    pub locale: String,
    pub time_zone: String,
    pub seller_name: String,
    /// Taxpayer number (ИНН), 14 digits.
    pub seller_tin: String,
    pub helpline: String,
    pub station_name: String,
    pub station_address: String,
    pub connector_label: String,
    pub plug: PlugType,
    pub max_power: Watt,
    pub session_id: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    pub stop_reason: StopReason,
    pub meter_start: Wh,
    pub meter_stop: Wh,
    pub energy: Wh,
    pub lines: Vec<BillLine>,
    /// The sum of the lines.
    pub cost: Tyiyn,
    /// What passed the agreed sum and is given free.
    pub written_off: Tyiyn,
    /// What is paid for.
    pub total: Tyiyn,
    /// Prepaid by the guest.
    pub paid: Tyiyn,
    /// `paid − total`, on its way back.
    pub refund: Tyiyn,
    pub taxes: Vec<TaxLine>,
    /// The payment at the provider, as the payer finds it in the bank's app; `None` when paid from a balance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_reference: Option<String>,
    /// In order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<TimelineEntry>,
}

/// What is wrong with a receipt that must not be issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    #[error("a sum of the receipt is negative")]
    Negative,
    #[error("a line is not its quantity times its price")]
    LineAmount,
    #[error("the lines do not sum to the cost")]
    LinesAndCost,
    #[error("the energy of the lines is not the session's energy")]
    LinesAndEnergy,
    #[error("cost is not total plus written off")]
    CostAndTotal,
    #[error("paid is not total plus refund")]
    PaidAndRefund,
    #[error("the taxes are more than the total that they are part of")]
    TaxesAndTotal,
    #[error("the end or a line lies outside of the session")]
    Times,
}

impl ReceiptDocument {
    /// Checks that the document adds up, to the tyiyn and the watt-hour. Called before a receipt is stored and after it is
    /// read: a receipt that a person with a calculator can refute is worse than an alarm.
    pub fn check(&self) -> Result<(), ReceiptError> {
        let sums = [self.cost, self.written_off, self.total, self.paid, self.refund];
        let line_sums = self.lines.iter().map(|line| line.amount);
        let tax_sums = self.taxes.iter().map(|tax| tax.amount);
        if sums.into_iter().chain(line_sums.clone()).chain(tax_sums.clone()).any(Tyiyn::is_negative) || self.energy < Wh::ZERO {
            return Err(ReceiptError::Negative);
        }
        if !self.lines.iter().all(BillLine::is_exact) {
            return Err(ReceiptError::LineAmount);
        }
        if Tyiyn::checked_sum(line_sums) != Some(self.cost) {
            return Err(ReceiptError::LinesAndCost);
        }
        let energies = self.lines.iter().filter(|line| line.kind == LineKind::Energy).map(|line| line.energy);
        if Wh::checked_sum(energies) != Some(self.energy) {
            return Err(ReceiptError::LinesAndEnergy);
        }
        if self.total.checked_add(self.written_off) != Some(self.cost) {
            return Err(ReceiptError::CostAndTotal);
        }
        if self.total.checked_add(self.refund) != Some(self.paid) {
            return Err(ReceiptError::PaidAndRefund);
        }
        if Tyiyn::checked_sum(tax_sums).is_none_or(|taxes| taxes > self.total) {
            return Err(ReceiptError::TaxesAndTotal);
        }
        let inside = |line: &BillLine| self.started_at <= line.from && line.from <= line.to && line.to <= self.ended_at;
        if self.ended_at < self.started_at || !self.lines.iter().all(inside) {
            return Err(ReceiptError::Times);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tariffs::Band;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn document() -> ReceiptDocument {
        let line = |band, from, to, wh, price, amount| BillLine {
            kind: LineKind::Energy,
            band,
            from: at(from),
            to: at(to),
            energy: Wh::new(wh),
            seconds: 0,
            unit_price: Tyiyn::new(price),
            amount: Tyiyn::new(amount),
        };
        ReceiptDocument {
            format: RECEIPT_FORMAT,
            number: "RP-2026-000001".into(),
            corrects: None,
            issued_at: at(7300),
            locale: "ky".into(),
            time_zone: "Asia/Bishkek".into(),
            seller_name: "Red Petroleum EV".into(),
            seller_tin: "00000000000000".into(),
            helpline: "+996 312 000 000".into(),
            station_name: "Ала-Тоо".into(),
            station_address: "Чүй пр. 1".into(),
            connector_label: "A1".into(),
            plug: PlugType::Type2,
            max_power: Watt::new(22_000),
            session_id: "s".into(),
            started_at: at(0),
            ended_at: at(7200),
            stop_reason: StopReason::Payer,
            meter_start: Wh::new(1_000),
            meter_stop: Wh::new(21_333),
            energy: Wh::new(20_333),
            lines: vec![line(Band::Day, 0, 3600, 10_333, 1500, 15_500), line(Band::Night, 3600, 7200, 10_000, 1200, 12_000)],
            cost: Tyiyn::new(27_500),
            written_off: Tyiyn::ZERO,
            total: Tyiyn::new(27_500),
            paid: Tyiyn::new(50_000),
            refund: Tyiyn::new(22_500),
            taxes: vec![TaxLine { code: "vat".into(), rate_bp: 1200, amount: Tyiyn::new(2_921) }],
            payment_reference: None,
            timeline: vec![TimelineEntry { kind: TimelineKind::Started, at: at(0) }],
        }
    }

    #[test]
    fn a_receipt_that_adds_up_is_good_and_survives_json() {
        let receipt = document();
        assert_eq!(receipt.check(), Ok(()));
        let text = serde_json::to_string(&receipt).unwrap();
        assert_eq!(serde_json::from_str::<ReceiptDocument>(&text).unwrap(), receipt);
    }

    #[test]
    fn a_receipt_without_the_younger_fields_is_still_read() {
        let mut json = serde_json::to_value(document()).unwrap();
        let fields = json.as_object_mut().unwrap();
        for younger in ["corrects", "payment_reference", "timeline"] {
            fields.remove(younger);
        }
        assert!(serde_json::from_value::<ReceiptDocument>(json).unwrap().timeline.is_empty());
    }

    #[test]
    fn each_thing_that_does_not_add_up_is_named() {
        use ReceiptError::*;
        type Change = fn(&mut ReceiptDocument);
        let faults: [(ReceiptError, Change); 9] = [
            (Negative, |r| r.refund = Tyiyn::new(-1)),
            (LineAmount, |r| r.lines[0].amount = Tyiyn::new(15_499)),
            (LinesAndCost, |r| r.cost = Tyiyn::new(27_501)),
            (LinesAndEnergy, |r| r.energy = Wh::new(20_332)),
            (CostAndTotal, |r| r.written_off = Tyiyn::new(1)),
            (PaidAndRefund, |r| r.refund = Tyiyn::new(22_499)),
            (TaxesAndTotal, |r| r.taxes[0].amount = Tyiyn::new(27_501)),
            (Times, |r| r.ended_at = at(-1)),
            (Times, |r| r.lines[1].to = at(7201)),
        ];
        for (fault, change) in faults {
            let mut receipt = document();
            change(&mut receipt);
            assert_eq!(receipt.check(), Err(fault));
        }
    }
}
