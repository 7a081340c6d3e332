//! The comparison against the provider's stand-in.

use api::finance::FinanceApi as _;

use super::super::tests::House;
use super::*;

impl House {
    /// A whole comparison, as finance asks for it: how many differences are open.
    async fn reconciled(&self) -> u32 {
        let by = self.person().await;
        self.balance.reconcile(by).await.unwrap();
        self.runs_to_its_end().await
    }

    async fn runs_to_its_end(&self) -> u32 {
        for _ in 0..50 {
            self.jobs().await;
            if let Some(count) = self.balance.reconciliation().await.unwrap().runs.first().and_then(|run| run.differences) {
                return count;
            }
        }
        panic!("it does not end");
    }

    async fn kinds(&self) -> Vec<String> {
        self.balance.reconciliation().await.unwrap().differences.into_iter().map(|difference| difference.kind).collect()
    }
}

#[tokio::test]
async fn what_was_missed_is_made_up_for_and_nothing_differs() {
    let house = House::start().await;
    let person = house.person().await;
    // More than one run of the job takes.
    for _ in 0..4 {
        house.topped_up(person, "500").await;
        house.paid().await;
        house.order().await;
    }
    let missed = house.ordered(person, "700").await;
    house.test.run("delete from job").await;
    house.pays(missed).await;
    assert_eq!(house.reconciled().await, 0, "{:?}", house.kinds().await);
    assert_eq!(house.has(person).await, 4 * 50_000 + 70_000);
    assert_eq!(house.balance.reconciliation().await.unwrap().runs[0].orders_seen, 13);
    house.books_are_right().await;
}

#[tokio::test]
async fn what_the_provider_says_otherwise_is_a_difference_until_it_agrees() {
    let house = House::start().await;
    let person = house.person().await;
    let order = house.topped_up(person, "500").await;
    house.tx(move |mut tx| async move { super::super::request_refund(&mut tx, order, Tyiyn::new(1_000), "why").await }).await;
    house.jobs().await;
    let (refund, _) = house.standins.refunds().await.remove(0);
    house.standins.refund_status(&refund, "COMPLETED").await;
    house.later(TimeDelta::minutes(1)).await;
    assert_eq!(house.reconciled().await, 0, "{:?}", house.kinds().await);

    house.standins.refund_status(&refund, "PROCESSING").await;
    house.standins.order_status(&house.external_id(order).await, "PROCESSING").await;
    assert_eq!(house.reconciled().await, 2);
    let mut kinds = house.kinds().await;
    kinds.sort_unstable();
    assert_eq!(
        (kinds, house.alerts().await),
        (vec!["payment_unknown".to_owned(), "refund_not_done".to_owned()], vec![ALERT.to_owned()])
    );

    house.standins.order_status(&house.external_id(order).await, "COMPLETED").await;
    assert_eq!((house.reconciled().await, house.kinds().await), (1, vec!["refund_not_done".to_owned()]));
    // The stand-in counts it as paid out a second time, as if somebody had done it by hand.
    house.standins.refund_status(&refund, "COMPLETED").await;
    assert_eq!((house.reconciled().await, house.kinds().await), (1, vec!["refund_sum".to_owned()]));
    house.books_are_right().await;
}

#[tokio::test]
async fn a_row_that_was_changed_behind_the_ledgers_back_is_found() {
    let house = House::start().await;
    let person = house.person().await;
    house.topped_up(person, "500").await;
    house.test.run("update payment_order set paid_tyiyn = paid_tyiyn + 1").await;
    assert!(house.reconciled().await >= 3);
    let kinds = house.kinds().await;
    for kind in ["payment_amount", "ledger", "balance.top_ups_are_in_the_ledger"] {
        assert!(kinds.iter().any(|found| found == kind), "{kind} is not in {kinds:?}");
    }
    assert_eq!(house.alerts().await, [ALERT]);
    house.test.run("update payment_order set paid_tyiyn = paid_tyiyn - 1").await;
    assert_eq!(house.reconciled().await, 0);
    assert_eq!(house.alerts().await, [""; 0]);
}

#[tokio::test]
async fn a_provider_that_is_away_delays_the_comparison_and_a_restart_goes_on_with_it() {
    let house = House::start().await;
    let person = house.person().await;
    house.topped_up(person, "500").await;
    house.standins.faults(serde_json::json!({ "payment": "html_500" })).await;
    let by = house.person().await;
    house.balance.reconcile(by).await.unwrap();
    house.jobs().await;
    let run = house.balance.reconciliation().await.unwrap().runs.remove(0);
    assert_eq!((run.finished_at, run.orders_seen), (None, 0));

    house.standins.heal().await;
    house.test.clock.advance(PAUSE);
    assert_eq!(house.runs_to_its_end().await, 0);
    assert_eq!(house.balance.reconciliation().await.unwrap().runs.len(), 1);
    house.balance.plan_reconciliation().await.unwrap();
    assert_eq!(house.test.number("select count(*) from job where kind = 'balance.reconcile'").await, 1);
}

#[test]
fn each_night_at_three_in_bishkek() {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert_eq!(next_night(at("2026-11-24T08:00:00Z")), at("2026-11-24T21:00:00Z"));
    assert_eq!(next_night(at("2026-11-24T20:59:59Z")), at("2026-11-24T21:00:00Z"));
    assert_eq!(next_night(at("2026-11-24T21:00:00Z")), at("2026-11-25T21:00:00Z"));
}
