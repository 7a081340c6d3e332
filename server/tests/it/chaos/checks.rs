//! What must be true when a run has come to rest. The invariants of the design come first; these look at both ends of the wire
//! besides: at the charger's own meter and at the payment provider's own books.

use std::collections::BTreeMap;

use platform::invariants;
use serde_json::Value;
use sqlx::Row as _;

use super::ground::Site;

/// A transaction as the charger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    pub evse_no: i32,
    /// In capitals.
    pub id_tag: String,
    pub meter_start_wh: i64,
    pub meter_stop_wh: Option<i64>,
}

/// All that is wrong.
pub async fn all(site: &Site, charged: &[Charged], namba: &Value) -> Vec<String> {
    let db = &site.test.db;
    let mut found: Vec<String> = invariants::check_all(db)
        .await
        .unwrap()
        .into_iter()
        .map(|violation| format!("{}: {}", violation.rule, violation.detail))
        .collect();
    found.extend(open(site).await);
    found.extend(transactions(site, charged).await);
    found.extend(money(site, namba).await);
    found
}

/// No zombie: every session, transaction, command, refund and hold has ended.
pub async fn open(site: &Site) -> Vec<String> {
    let rows: Vec<String> = sqlx::query_scalar(
        "select format('open session: %s is %s', id, state) from charging_session where state not in ('settled', 'failed')
        union all select format('open transaction: %s of %s', id, id_tag) from charging_transaction where stopped_at is null
        union all select format('open command: %s is %s', business_key, state) from command where state in ('queued', 'sent')
        union all select format('open refund: %s is %s', business_key, state) from refund where state <> 'completed'
        union all select format('open hold: %s', business_key) from hold where state = 'held'
        union all select format('open charge: %s is %s', id, phase) from guest_charge
            where phase not in ('completed', 'failed_refunded', 'expired')
        union all select format('open webhook: %s', id) from webhook_inbox where processed_at is null
        union all select format('parked job: %s %s: %s', kind, key, last_error) from job where parked_at is not null",
    )
    .fetch_all(site.test.db.pool())
    .await
    .unwrap();
    rows
}

/// Each transaction of the charger is here once, with the charger's own energy.
async fn transactions(site: &Site, charged: &[Charged]) -> Vec<String> {
    let rows = sqlx::query(
        "select t.id, t.evse_no, t.id_tag, t.meter_start_wh, t.energy_wh, t.lost, t.received_stop_at is not null as told,
            s.energy_wh as session_energy_wh, s.state
        from charging_transaction t left join charging_session s on s.id = t.session_id order by t.id",
    )
    .fetch_all(site.test.db.pool())
    .await
    .unwrap();
    let mut found = vec![];
    if rows.len() != charged.len() {
        found.push(format!("the charger has charged {} times, and {} transactions are kept", charged.len(), rows.len()));
    }
    for (n, one) in charged.iter().enumerate() {
        let same: Vec<_> = rows
            .iter()
            .filter(|row| {
                row.get::<i32, _>("evse_no") == one.evse_no
                    && row.get::<String, _>("id_tag") == one.id_tag
                    && row.get::<i64, _>("meter_start_wh") == one.meter_start_wh
            })
            .collect();
        // Whoever is asked twice may begin twice with the same tag at the same register: known by their order.
        let alike = |other: &&Charged| {
            (other.evse_no, &other.id_tag, other.meter_start_wh) == (one.evse_no, &one.id_tag, one.meter_start_wh)
        };
        let (before, all) = (charged[..n].iter().filter(alike).count(), charged.iter().filter(alike).count());
        let (Some(row), true) = (same.get(before), same.len() == all) else {
            found.push(format!("{one:?} is kept {} times, and there are {all} like it", same.len()));
            continue;
        };
        let id: i32 = row.get("id");
        let Some(meter_stop_wh) = one.meter_stop_wh else {
            found.push(format!("transaction {id} never ended at the charger"));
            continue;
        };
        let energy_wh = meter_stop_wh - one.meter_start_wh;
        if !row.get::<bool, _>("told") {
            found.push(format!("transaction {id}: its end was told and is not kept"));
        }
        let kept: Option<i64> = row.get("energy_wh");
        if kept != Some(energy_wh) {
            found.push(format!("transaction {id} was {energy_wh} Wh by the charger's meter and is kept as {kept:?}"));
        }
        // Closed at its last reading before the end was told: the payer's gain, never the payer's loss.
        let billed: Option<i64> = row.get("session_energy_wh");
        let lost: bool = row.get("lost");
        if billed.is_some_and(|billed| billed > energy_wh || (!lost && billed != energy_wh)) {
            found.push(format!("transaction {id} was {energy_wh} Wh, and {billed:?} are billed"));
        }
    }
    found
}

/// What the provider has taken and given back is what we say, order by order.
async fn money(site: &Site, namba: &Value) -> Vec<String> {
    let pool = site.test.db.pool();
    let list = |name: &str| namba[name].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (mut paid, mut returned) = (BTreeMap::<String, i64>::new(), BTreeMap::<String, i64>::new());
    for order in list("orders") {
        if let Some(amount) = order["paid_tyiyn"].as_i64() {
            *paid.entry(text(&order["order_guid"])).or_default() += amount;
        }
    }
    for refund in list("refunds").iter().filter(|refund| refund["status"] == "COMPLETED") {
        *returned.entry(text(&refund["order_guid"])).or_default() += refund["amount_tyiyn"].as_i64().unwrap_or_default();
    }
    let rows = sqlx::query(
        "select o.provider_guid, o.paid_tyiyn, coalesce(s.billed_tyiyn, 0) as billed_tyiyn, g.phase,
            coalesce((select sum(amount_tyiyn) from refund r where r.order_id = o.id), 0)::bigint as refunded_tyiyn
        from payment_order o join guest_charge g on g.order_id = o.id left join charging_session s on s.id = g.session_id
        where o.state = 'paid'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut found = vec![];
    if rows.len() != paid.len() {
        found.push(format!("{} orders were paid at the provider, and {} are known as paid", paid.len(), rows.len()));
    }
    for row in rows {
        let guid: String = row.get("provider_guid");
        let (kept, billed, refunded): (i64, i64, i64) =
            (row.get("paid_tyiyn"), row.get("billed_tyiyn"), row.get("refunded_tyiyn"));
        let (at_provider, back) = (paid.get(&guid).copied().unwrap_or(0), returned.get(&guid).copied().unwrap_or(0));
        if kept != at_provider || refunded != back || kept != billed + refunded {
            let phase: String = row.get("phase");
            found.push(format!(
                "order {guid} ({phase}): paid {kept} (provider {at_provider}), billed {billed}, refunded {refunded} (provider {back})"
            ));
        }
    }
    let strange: Vec<String> = sqlx::query_scalar(
        "select format('session %s is %s, billed %s, and has %s receipts', s.id, s.state, s.billed_tyiyn, count(r.id))
        from charging_session s left join receipt r on r.session_id = s.id group by s.id
        having count(r.id) <> case when s.state = 'settled' then 1 else 0 end",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    found.extend(strange);
    found
}
