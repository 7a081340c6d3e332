//! What must hold of drivers' balances: paid top-ups = used + sent back + still there.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::store;
use crate::invariants::Violation;
use crate::ledger::{self, AccountCode};

/// What each person's account should hold, by our orders and refunds, against what the ledger has.
pub(super) async fn check(connection: &mut PgConnection) -> Result<Vec<Violation>, sqlx::Error> {
    let mut booked: BTreeMap<Uuid, BTreeMap<String, i64>> = BTreeMap::new();
    for sum in ledger::kind_sums(connection, "driver:").await? {
        if let AccountCode::Driver(person) = sum.account {
            *booked.entry(person).or_default().entry(sum.kind).or_default() += sum.sum.get();
        }
    }
    let mut found = Vec::new();
    let mut sums: BTreeMap<Uuid, (i64, i64)> = booked.keys().map(|person| (*person, (0, 0))).collect();
    for row in store::driver_sums(connection).await? {
        sums.insert(row.person, (row.paid_tyiyn, row.refunds_tyiyn));
    }
    for (person, (paid, refunds)) in sums {
        let kinds = booked.remove(&person).unwrap_or_default();
        let of = |kind: &str| kinds.get(kind).copied().unwrap_or(0);
        let mut compare = |rule, booked: i64, expected: i64| {
            if booked != expected {
                let detail = format!("{}: booked {booked}, expected {expected}", AccountCode::Driver(person));
                found.push(Violation { rule, detail });
            }
        };
        compare("balance.paid_top_ups_are_credited", of("payment"), paid);
        compare("balance.refunds_are_debited", of("refund"), refunds.saturating_neg());
        if kinds.values().sum::<i64>() < 0 {
            found.push(Violation { rule: "balance.never_negative", detail: AccountCode::Driver(person).to_string() });
        }
    }
    Ok(found)
}
