//! Invariant 3 of DESIGN § 4 for drivers: paid = used + sent back + what is there, for each person; and refund requests are what
//! they say.

use std::collections::BTreeMap;

use domain::Tyiyn;
use sqlx::PgConnection;
use uuid::Uuid;

use super::refund_requests::RequestStage;
use super::{balance, store};
use crate::invariants::Violation;
use crate::ledger::{self, AccountCode, HoldState, LedgerError};

/// What the ledger says of one driver.
#[derive(Debug, Default)]
struct Sums {
    paid: i64,
    refunded: i64,
    used: i64,
    /// Corrections, and whatever else there may be.
    other: i64,
}

pub(super) async fn check(connection: &mut PgConnection) -> Result<Vec<Violation>, sqlx::Error> {
    let mut found = Vec::new();
    let mut ledgers: BTreeMap<Uuid, Sums> = BTreeMap::new();
    for row in ledger::kind_sums(connection, "driver:").await? {
        let AccountCode::Driver(person) = row.account else { continue };
        let sums = ledgers.entry(person).or_default();
        let (place, amount) = match row.kind.as_str() {
            "payment" => (&mut sums.paid, row.sum.get()),
            "refund" => (&mut sums.refunded, row.sum.get().saturating_neg()),
            "capture" => (&mut sums.used, row.sum.get().saturating_neg()),
            _ => (&mut sums.other, row.sum.get()),
        };
        *place = place.saturating_add(amount);
    }
    let mut orders: BTreeMap<Uuid, (i64, i64)> = store::person_sums(connection)
        .await?
        .into_iter()
        .map(|row| (row.person, (row.paid_tyiyn, row.refunds_tyiyn)))
        .collect();
    for (person, sums) in ledgers {
        let (paid, refunds) = orders.remove(&person).unwrap_or_default();
        if (sums.paid, sums.refunded) != (paid, refunds) {
            let detail = format!("{person}: orders say paid {paid}, refunds {refunds}; the ledger {sums:?}");
            found.push(Violation { rule: "balance.top_ups_are_in_the_ledger", detail });
        }
        let left = balance(connection, &AccountCode::Driver(person)).await?.get();
        let explained = sums.used.saturating_add(refunds).saturating_add(left).saturating_sub(sums.other);
        if paid != explained || sums.used < 0 {
            let detail = format!("{person}: paid {paid}, refunds {refunds}, left {left}; the ledger {sums:?}");
            found.push(Violation { rule: "balance.top_ups_are_used_refunded_or_there", detail });
        }
    }
    found.extend(orders.into_iter().filter(|(_, sums)| *sums != (0, 0)).map(|(person, sums)| Violation {
        rule: "balance.top_ups_are_in_the_ledger",
        detail: format!("{person}: orders say (paid, refunds) {sums:?}, the ledger nothing"),
    }));
    for (order, paid, refunds) in store::over_refunded(connection).await? {
        let detail = format!("order {order}: paid {paid}, refunds {refunds}");
        found.push(Violation { rule: "balance.no_more_goes_back_than_was_paid", detail });
    }
    found.extend(requests(connection).await?);
    Ok(found)
}

async fn requests(connection: &mut PgConnection) -> Result<Vec<Violation>, sqlx::Error> {
    let mut found = Vec::new();
    for row in store::request_sums(connection).await? {
        let stage = RequestStage::parse(&row.state);
        let hold = match row.hold {
            None => None,
            Some(id) => match ledger::find_hold(connection, id).await {
                Ok(hold) => hold.map(|hold| (hold.state, hold.amount)),
                Err(LedgerError::Db(error)) => return Err(error),
                Err(other) => return Err(sqlx::Error::Protocol(other.to_string())),
            },
        };
        let amount = Tyiyn::new(row.amount_tyiyn);
        let is_right = match stage {
            Some(RequestStage::AwaitingApproval) => hold == Some((HoldState::Held, amount)) && row.refunds_tyiyn == 0,
            Some(RequestStage::Ordered) => {
                hold.is_none_or(|(state, _)| state == HoldState::Voided) && row.refunds_tyiyn == row.amount_tyiyn
            }
            Some(RequestStage::Rejected) => hold == Some((HoldState::Voided, amount)) && row.refunds_tyiyn == 0,
            None => false,
        };
        if !is_right {
            let detail = format!("{}: {}, hold {hold:?}, {} of {}", row.id, row.state, row.refunds_tyiyn, row.amount_tyiyn);
            found.push(Violation { rule: "balance.refund_request_is_held_or_ordered", detail });
        }
    }
    Ok(found)
}
