//! Statements: what a driver reads adds up.

use api::balance::{BalanceApi as _, StatementQuery};
use api::i18n::Locale;
use chrono::{NaiveDate, TimeDelta};
use domain::Tyiyn;
use domain::balance::{MovementKind, Period};

use super::statement::instants;
use super::tests::House;

fn days(from: &str, to: &str) -> Period {
    Period::of_days(from.parse().unwrap(), to.parse().unwrap()).unwrap()
}

impl House {
    /// The day in Bishkek.
    fn today(&self) -> NaiveDate {
        self.test.db.now().with_timezone(&chrono_tz::Asia::Bishkek).date_naive()
    }
}

#[test]
fn a_day_is_one_in_bishkek() {
    let (from, to) = instants(days("2026-11-22", "2026-11-22"));
    assert_eq!(from.to_rfc3339(), "2026-11-21T18:00:00+00:00");
    assert_eq!(to - from, TimeDelta::days(1));
}

#[tokio::test]
async fn opening_and_movements_are_the_closing_page_by_page() {
    let house = House::start().await;
    let person = house.person().await;
    house.topped_up(person, "1000").await;
    house.test.clock.advance(TimeDelta::days(3));
    let from = house.today();
    for _ in 0..55 {
        house.balance.ask_refund(person, &house.form("1")).await.unwrap();
    }
    let period = Period::of_days(from, house.today()).unwrap();
    let mut query = StatementQuery { period, kind: None, after: None };
    let (mut sum, mut count, mut pages) = (0, 0, 0);
    let first = house.balance.statement(person, query).await.unwrap();
    loop {
        let page = house.balance.statement(person, query).await.unwrap();
        assert_eq!((page.opening, page.closing), (Tyiyn::new(100_000), Tyiyn::new(94_500)));
        for pair in page.movements.windows(2) {
            assert_eq!(pair[1].balance.get() + pair[0].amount.get(), pair[0].balance.get());
        }
        sum += page.movements.iter().map(|movement| movement.amount.get()).sum::<i64>();
        count += page.movements.len();
        pages += 1;
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    assert_eq!((count, pages, 100_000 + sum), (55, 2, 94_500));
    assert_eq!(first.movements[0].balance, Tyiyn::new(94_500));
}

#[tokio::test]
async fn a_filter_hides_rows_and_changes_no_balance() {
    let house = House::start().await;
    let person = house.person().await;
    house.topped_up(person, "500").await;
    house.balance.ask_refund(person, &house.form("100")).await.unwrap();
    let period = Period::of_days(house.today(), house.today()).unwrap();
    let of = |kind| house.balance.statement(person, StatementQuery { period, kind: Some(kind), after: None });
    let top_ups = of(MovementKind::TopUp).await.unwrap();
    assert_eq!(top_ups.movements.len(), 1);
    assert_eq!((top_ups.movements[0].balance, top_ups.closing), (Tyiyn::new(50_000), Tyiyn::new(40_000)));
    assert_eq!(of(MovementKind::Refund).await.unwrap().movements[0].balance, Tyiyn::new(40_000));
    assert!(of(MovementKind::Charge).await.unwrap().movements.is_empty());
}

#[tokio::test]
async fn the_table_is_for_a_spreadsheet_and_holds_no_formula() {
    let house = House::start().await;
    let person = house.person().await;
    house.topped_up(person, "500").await;
    let period = Period::of_days(house.today(), house.today()).unwrap();
    for locale in Locale::ALL {
        let file = house.balance.statement_csv(person, period, locale).await.unwrap();
        let text = String::from_utf8(file.bytes).unwrap();
        assert!(text.starts_with('\u{feff}') && file.file_name.ends_with(".csv"));
        let bare = text.trim_start_matches('\u{feff}');
        for cell in bare.lines().flat_map(|line| line.split(';')) {
            assert!(!cell.trim_matches('"').starts_with(['=', '+', '@', '\t']), "{cell}");
        }
        assert!(bare.contains("500"), "{bare}");
    }
}
