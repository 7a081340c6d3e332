//! Stories with numbers that a person can check by hand.

use super::*;

fn t(tyiyn: i64) -> Tyiyn {
    Tyiyn::new(tyiyn)
}

/// Kind, band, from, to (in Bishkek), Wh or seconds, unit price, amount.
fn shown(bill: &Bill) -> String {
    let civil = |at: DateTime<Utc>| (at + Duration::hours(6)).format("%d %H:%M").to_string();
    let mut text = String::new();
    for line in &bill.lines {
        assert!(line.is_exact());
        let quantity = line.energy.get() + line.seconds;
        text += &format!(
            "{} {} {}-{} {quantity} x {} = {}\n",
            line.kind.as_str(),
            line.band.as_str(),
            civil(line.from),
            civil(line.to),
            line.unit_price.get(),
            line.amount.get()
        );
    }
    text + &format!("total {}", bill.total.get())
}

#[test]
fn day_is_15_peak_18_and_night_12_to_the_second() {
    let tariff = standard();
    let price = |at| tariff.price_at(at).map(|now| (now.band, now.price_per_kwh.get())).unwrap();
    for (hour, from_here) in
        [(6, (Band::Day, 1500)), (18, (Band::Peak, 1800)), (22, (Band::Day, 1500)), (23, (Band::Night, 1200))]
    {
        assert_ne!(price(at(hour * 3_600 - 1)), from_here, "before {hour}");
        assert_eq!(price(at(hour * 3_600)), from_here, "at {hour}");
    }
    assert_eq!(price(hm(24, 0)), (Band::Night, 1200));
    assert_eq!(price(hm(29, 59)), (Band::Night, 1200));
}

#[test]
fn the_page_can_say_until_when_a_price_holds() {
    let tariff = standard();
    let until = |at| tariff.price_at(at).unwrap().until;
    assert_eq!(until(hm(12, 30)), Some(hm(18, 0)));
    assert_eq!(until(hm(18, 0)), Some(hm(22, 0)));
    assert_eq!(until(hm(23, 30)), Some(hm(30, 0)));
    let periods = tariff.timetable(hm(12, 0), hm(36, 0)).unwrap();
    let shown: Vec<_> = periods.iter().map(|p| (p.from, p.to, p.price.price_per_kwh.get())).collect();
    assert_eq!(
        shown,
        [
            (hm(12, 0), hm(18, 0), 1500),
            (hm(18, 0), hm(22, 0), 1800),
            (hm(22, 0), hm(23, 0), 1500),
            (hm(23, 0), hm(30, 0), 1200),
            (hm(30, 0), hm(36, 0), 1500)
        ]
    );
}

#[test]
fn a_price_that_never_changes_has_no_until() {
    let flat = TariffElement { tyiyn_per_kwh: Some(PriceRule::Set(t(1500))), ..TariffElement::named("flat") };
    let document = TariffDocument { elements: vec![flat], ..TariffDocument::standard() };
    let now = frozen(document, CurrentType::Ac, 22_000).price_at(hm(0, 0)).unwrap();
    assert_eq!((now.band, now.until), (Band::Flat, None));
}

#[test]
fn a_night_is_cut_at_23_and_at_6() {
    let bill = standard().bill(&usage(&[(hm(22, 0), 0), (hm(31, 0), 9_000)])).unwrap();
    insta::assert_snapshot!(shown(&bill), @r"
    energy day 22 22:00-22 23:00 1000 x 1500 = 1500
    energy night 22 23:00-23 06:00 7000 x 1200 = 8400
    energy day 23 06:00-23 07:00 1000 x 1500 = 1500
    total 11400
    ");
}

#[test]
fn more_than_a_day_goes_round_the_clock() {
    let bill = standard().bill(&usage(&[(hm(17, 0), 0), (hm(43, 0), 26_000)])).unwrap();
    insta::assert_snapshot!(shown(&bill), @r"
    energy day 22 17:00-22 18:00 1000 x 1500 = 1500
    energy peak 22 18:00-22 22:00 4000 x 1800 = 7200
    energy day 22 22:00-22 23:00 1000 x 1500 = 1500
    energy night 22 23:00-23 06:00 7000 x 1200 = 8400
    energy day 23 06:00-23 18:00 12000 x 1500 = 18000
    energy peak 23 18:00-23 19:00 1000 x 1800 = 1800
    total 38400
    ");
}

#[test]
fn a_reading_exactly_at_a_border_belongs_to_what_was_before() {
    let bill = standard().bill(&usage(&[(hm(17, 0), 0), (hm(18, 0), 5_000), (hm(19, 0), 6_000)])).unwrap();
    insta::assert_snapshot!(shown(&bill), @r"
    energy day 22 17:00-22 18:00 5000 x 1500 = 7500
    energy peak 22 18:00-22 19:00 1000 x 1800 = 1800
    total 9300
    ");
}

#[test]
fn two_readings_at_a_border_are_as_good_as_the_last_of_them() {
    let two = standard().bill(&usage(&[(hm(17, 0), 0), (hm(18, 0), 5_000), (hm(18, 0), 6_000), (hm(19, 0), 7_000)]));
    let one = standard().bill(&usage(&[(hm(17, 0), 0), (hm(18, 0), 6_000), (hm(19, 0), 7_000)]));
    assert_eq!(two, one);
}

#[test]
fn nothing_used_costs_nothing() {
    let zero = Bill { lines: vec![], total: Tyiyn::ZERO };
    assert_eq!(standard().bill(&usage(&[(hm(12, 0), 0)])), Ok(zero.clone()));
    assert_eq!(standard().bill(&usage(&[(hm(12, 0), 0), (hm(60, 0), 0)])), Ok(zero.clone()));
    assert_eq!(standard().bill(&Usage { points: vec![], idle_since: None, ended_at: hm(1, 0) }), Ok(zero));
}

#[test]
fn a_line_is_rounded_once_and_a_half_goes_up() {
    let cost = |wh| standard().bill(&usage(&[(hm(12, 0), 0), (hm(13, 0), wh)])).unwrap().total.get();
    assert_eq!([cost(1), cost(2), cost(3), cost(1_001)], [2, 3, 5, 1_502]);
    // A thousand readings of one Wh are one line, not a thousand roundings.
    let points: Vec<_> = (0..=1_000).map(|i| (at(43_200 + i), i)).collect();
    assert_eq!(standard().bill(&usage(&points)).unwrap().total.get(), 1_500);
}

#[test]
fn energy_at_one_instant_is_priced_at_that_instant() {
    let bill = standard().bill(&usage(&[(hm(18, 0), 0), (hm(18, 0), 1_000)])).unwrap();
    assert_eq!(bill.total, t(1_800));
}

#[test]
fn dc_and_power_add_and_night_is_taken_off_before() {
    let price = |current, watt, at| frozen(TariffDocument::standard(), current, watt).price_at(at).unwrap().price_per_kwh.get();
    let day_peak_night = |current, watt| [hm(12, 0), hm(19, 0), hm(2, 0)].map(|at| price(current, watt, at));
    assert_eq!(day_peak_night(CurrentType::Ac, 22_000), [1500, 1800, 1200]);
    assert_eq!(day_peak_night(CurrentType::Dc, 50_000), [1700, 2000, 1400]);
    assert_eq!(day_peak_night(CurrentType::Dc, 59_999), [1700, 2000, 1400]);
    assert_eq!(day_peak_night(CurrentType::Dc, 60_000), [1800, 2100, 1500]);
    assert_eq!(day_peak_night(CurrentType::Dc, 150_000), [1900, 2200, 1600]);
}

#[test]
fn night_follows_day_and_is_never_taken_twice() {
    // Two night rules that both match: only the first counts.
    let mut document = TariffDocument::standard_with(&StandardPrices { day: t(1_999), ..StandardPrices::default() });
    let again = TariffElement { name: "night again".into(), ..document.elements[0].clone() };
    document.elements.insert(1, again);
    assert_eq!(document.validate(), Ok(()));
    // 1999 × 0.8 = 1599.2
    assert_eq!(frozen(document, CurrentType::Ac, 22_000).price_at(hm(2, 0)).unwrap().price_per_kwh, t(1_599));
}

fn with_contract(rule: PriceRule) -> FrozenTariff {
    let mut document = TariffDocument::standard();
    document.elements.push(TariffElement {
        when: Restrictions { contract: Some("TAXI".into()), ..Restrictions::default() },
        tyiyn_per_kwh: Some(rule),
        ..TariffElement::named("taxi")
    });
    assert_eq!(document.validate(), Ok(()));
    let mut tariff = frozen(document, CurrentType::Dc, 60_000);
    tariff.context.contract = Some("TAXI".into());
    tariff
}

#[test]
fn a_contract_replaces_the_price_or_takes_off_it_once() {
    let replaced = with_contract(PriceRule::Replace(t(1_100)));
    let now = replaced.price_at(hm(2, 0)).unwrap();
    assert_eq!((now.band, now.price_per_kwh, now.until), (Band::Contract, t(1_100), None));

    let reduced = with_contract(PriceRule::ChangePercent(-10));
    let price = |at| reduced.price_at(at).map(|now| (now.band, now.price_per_kwh.get())).unwrap();
    assert_eq!([price(hm(12, 0)), price(hm(2, 0))], [(Band::Day, 1_620), (Band::Night, 1_350)]);

    // Another discount behind it changes nothing, and nobody else gets it.
    let mut twice = reduced.clone();
    twice
        .document
        .elements
        .push(TariffElement { name: "taxi again".into(), ..twice.document.elements.last().unwrap().clone() });
    assert_eq!(twice.price_at(hm(12, 0)).unwrap().price_per_kwh, t(1_620));
    let mut other = reduced;
    other.context.contract = Some("taxi".into());
    assert_eq!(other.price_at(hm(12, 0)).unwrap().price_per_kwh, t(1_800));
}

#[test]
fn a_replaced_price_makes_one_line_over_all_borders() {
    let bill = with_contract(PriceRule::Replace(t(1_100))).bill(&usage(&[(hm(17, 0), 0), (hm(31, 0), 14_000)])).unwrap();
    insta::assert_snapshot!(shown(&bill), @r"
    energy contract 22 17:00-23 07:00 14000 x 1100 = 15400
    total 15400
    ");
}

#[test]
fn the_idle_fee_runs_after_the_grace_and_time_until_the_car_is_done() {
    let mut document = TariffDocument::standard_with(&StandardPrices { idle: Some((t(300), 10)), ..StandardPrices::default() });
    document.elements.push(TariffElement {
        tyiyn_per_minute: Some(PriceRule::Set(t(50))),
        tyiyn_per_session: Some(PriceRule::Set(t(1_000))),
        ..TariffElement::named("time and start")
    });
    document.elements.insert(
        0,
        TariffElement {
            band: Some(Band::Night),
            when: Restrictions { from: CivilTime::new(23, 0), to: CivilTime::new(6, 0), ..Restrictions::default() },
            idle_tyiyn_per_minute: Some(PriceRule::Set(t(100))),
            idle_grace_minutes: Some(60),
            ..TariffElement::named("night idle")
        },
    );
    assert_eq!(document.validate(), Ok(()));
    let tariff = frozen(document, CurrentType::Ac, 22_000);
    let mut used = usage(&[(hm(21, 0), 0), (hm(22, 30), 10_000)]);
    used.ended_at = at(23 * 3_600 + 1_830);
    used.idle_since = Some(hm(22, 30));
    insta::assert_snapshot!(shown(&tariff.bill(&used).unwrap()), @r"
    energy peak 22 21:00-22 22:00 6667 x 1800 = 12001
    energy day 22 22:00-22 22:30 3333 x 1500 = 5000
    time flat 22 21:00-22 22:30 5400 x 50 = 4500
    session flat 22 21:00-22 21:00 0 x 1000 = 1000
    idle flat 22 22:40-22 23:00 1200 x 300 = 6000
    idle night 22 23:00-22 23:30 1830 x 100 = 3050
    total 31551
    ");
    used.ended_at = hm(22, 40);
    assert!(tariff.bill(&used).unwrap().lines.iter().all(|line| line.kind != LineKind::Idle));
}

#[test]
fn the_first_matching_element_wins_and_days_are_those_of_the_instant() {
    let at_night = |days: &[Weekday], price| TariffElement {
        when: Restrictions {
            from: CivilTime::new(23, 0),
            to: CivilTime::new(6, 0),
            days: days.to_vec(),
            ..Restrictions::default()
        },
        tyiyn_per_kwh: Some(PriceRule::Set(t(price))),
        ..TariffElement::named(&format!("at {price}"))
    };
    let mut document = TariffDocument::standard();
    document.elements.insert(0, at_night(&[Weekday::Sunday], 700));
    document.elements.insert(1, at_night(&[], 800));
    assert_eq!(document.validate(), Ok(()));
    let tariff = frozen(document, CurrentType::Ac, 22_000);
    let price = |at| tariff.price_at(at).map(|now| (now.price_per_kwh.get(), now.until.unwrap())).unwrap();
    assert_eq!(price(hm(5, 59)), (700, hm(6, 0)));
    assert_eq!(price(hm(23, 0)), (700, hm(24, 0)));
    assert_eq!(price(hm(24, 0)), (800, hm(30, 0)));
}

#[test]
fn what_cannot_be_priced_is_an_error_and_never_a_wrong_number() {
    let bill = |points: &[(DateTime<Utc>, i64)]| standard().bill(&usage(points));
    assert_eq!(bill(&[(hm(13, 0), 0), (hm(12, 0), 5)]), Err(PriceError::OutOfOrder));
    assert_eq!(bill(&[(hm(12, 0), 5), (hm(13, 0), 4)]), Err(PriceError::OutOfOrder));
    assert_eq!(bill(&[(hm(12, 0), -5)]), Err(PriceError::OutOfOrder));
    assert_eq!(bill(&[(hm(12, 0), 0), (hm(24 * 101, 0), 5)]), Err(PriceError::TooLong));
    assert_eq!(bill(&[(hm(12, 0), 0), (hm(13, 0), i64::MAX)]), Err(PriceError::Overflow));
    let early = Usage { ended_at: hm(12, 30), ..usage(&[(hm(12, 0), 0), (hm(13, 0), 5)]) };
    assert_eq!(standard().bill(&early), Err(PriceError::OutOfOrder));

    let mut gap = standard();
    gap.document.elements.retain(|element| element.name == "peak");
    assert_eq!(gap.price_at(hm(12, 0)), Err(PriceError::NoEnergyPrice { at: hm(12, 0) }));
    assert_eq!(gap.bill(&usage(&[(hm(21, 0), 0), (hm(23, 0), 5)])), Err(PriceError::NoEnergyPrice { at: hm(22, 0) }));
    assert!(gap.bill(&usage(&[(hm(21, 0), 0), (hm(21, 59), 5)])).is_ok());
}

#[test]
fn a_refused_reading_changes_nothing() {
    let mut running = RunningBill::new(standard(), hm(12, 0));
    assert_eq!(running.last_point(), None);
    assert_eq!(running.position(), MeterPoint { at: hm(12, 0), energy: Wh::ZERO });
    let good = MeterPoint { at: hm(13, 0), energy: Wh::new(1_000) };
    running.push(good).unwrap();
    let before = running.bill_at(hm(13, 0)).unwrap();
    for (at, wh) in [(hm(12, 59), 2_000), (hm(14, 0), 999), (hm(14, 0), -1), (hm(24 * 102, 0), 2_000)] {
        assert!(running.push(MeterPoint { at, energy: Wh::new(wh) }).is_err());
    }
    assert_eq!(running.bill_at(hm(13, 0)).unwrap(), before);
    assert_eq!(running.last_point(), Some(good));
}

#[test]
fn ten_thousand_readings_are_a_handful_of_lines() {
    let mut running = RunningBill::new(standard(), hm(0, 0));
    for i in 0..10_000 {
        running.push(MeterPoint { at: at(i * 8), energy: Wh::new(i * 10) }).unwrap();
    }
    assert_eq!(running.bill_at(at(80_000)).unwrap().lines.len(), 4);
}

#[test]
fn a_sum_buys_as_much_energy_as_its_bill_allows() {
    let tariff = standard();
    // Noon: 15 som all the way. 500 som are 33.333 kWh.
    assert_eq!(tariff.energy_for(t(50_000), Watt::new(22_000), hm(12, 0)), Ok(Wh::new(33_333)));
    // 17:00 with 10 kW: an hour at 15 som, then 18.
    let bought = tariff.energy_for(t(33_000), Watt::new(10_000), hm(17, 0)).unwrap();
    assert_eq!(bought, Wh::new(20_000));
    assert_eq!(tariff.estimate(bought, Watt::new(10_000), hm(17, 0)).unwrap().total, t(33_000));
    assert_eq!(tariff.energy_for(t(0), Watt::new(22_000), hm(12, 0)), Ok(Wh::ZERO));
    assert_eq!(tariff.energy_for(t(50_000), Watt::ZERO, hm(12, 0)), Ok(Wh::ZERO));
    assert_eq!(tariff.energy_for(t(i64::MAX), Watt::new(1_000), hm(12, 0)), Ok(Wh::new(720_000)));
}

#[test]
fn clocks_that_change_move_the_borders_with_them() {
    // Amsterdam, 29 March 2026: 02:00 becomes 03:00, which is 01:00 UTC. A price from 02:30 to 05:00 begins at 03:00 at once.
    let mut document = TariffDocument { time_zone: "Europe/Amsterdam".into(), ..TariffDocument::standard() };
    document.elements.insert(
        0,
        TariffElement {
            when: Restrictions { from: CivilTime::new(2, 30), to: CivilTime::new(5, 0), ..Restrictions::default() },
            tyiyn_per_kwh: Some(PriceRule::Set(t(700))),
            ..TariffElement::named("small hours")
        },
    );
    let tariff = frozen(document, CurrentType::Ac, 22_000);
    let utc = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
    let now = tariff.price_at(utc("2026-03-29T00:59:59Z")).unwrap();
    assert_eq!((now.price_per_kwh, now.until), (t(1_200), Some(utc("2026-03-29T01:00:00Z"))));
    let now = tariff.price_at(utc("2026-03-29T01:00:00Z")).unwrap();
    assert_eq!((now.price_per_kwh, now.until), (t(700), Some(utc("2026-03-29T03:00:00Z"))));
    // 25 October 2026: 03:00 becomes 02:00 (01:00 UTC). The hour from 02:30 on comes twice.
    let now = tariff.price_at(utc("2026-10-25T00:30:00Z")).unwrap();
    assert_eq!((now.price_per_kwh, now.until), (t(700), Some(utc("2026-10-25T01:00:00Z"))));
    assert_eq!(tariff.price_at(utc("2026-10-25T01:29:59Z")).unwrap().price_per_kwh, t(1_200));
    assert_eq!(tariff.price_at(utc("2026-10-25T01:30:00Z")).unwrap().until, Some(utc("2026-10-25T04:00:00Z")));
}

#[test]
fn the_standard_tariff_is_valid_and_is_plain_json() {
    let document = TariffDocument::standard();
    assert_eq!(document.validate(), Ok(()));
    let text = serde_json::to_string_pretty(&document).unwrap();
    assert_eq!(serde_json::from_str::<TariffDocument>(&text).unwrap(), document);
    let elements: Vec<String> = document.elements.iter().map(|element| serde_json::to_string(element).unwrap()).collect();
    insta::assert_snapshot!(elements.join("\n"), @r#"
    {"name":"night","band":"night","when":{"from":"23:00","to":"06:00"},"tyiyn_per_kwh":{"relative_to":{"element":"day","change_percent":-20}}}
    {"name":"peak","band":"peak","when":{"from":"18:00","to":"22:00"},"tyiyn_per_kwh":{"set":1800}}
    {"name":"day","band":"day","tyiyn_per_kwh":{"set":1500}}
    {"name":"dc","when":{"current":"dc"},"tyiyn_per_kwh":{"add":200}}
    {"name":"from 60000 W","when":{"min_power_w":60000},"tyiyn_per_kwh":{"add":100}}
    {"name":"from 120000 W","when":{"min_power_w":120000},"tyiyn_per_kwh":{"add":100}}
    "#);
}

#[test]
fn a_document_with_a_misspelt_field_or_a_time_that_is_none_is_refused() {
    for (good, bad) in [
        ("\"from\":\"23:00\"", "\"form\":\"23:00\""),
        ("\"from\":\"23:00\"", "\"from\":\"24:00\""),
        ("\"from\":\"23:00\"", "\"from\":\"9:00\""),
        ("{\"set\":1500}", "{\"set\":15.5}"),
        ("{\"set\":1500}", "{\"sett\":1500}"),
        ("\"band\":\"day\"", "\"band\":\"noon\""),
        ("\"format\":1", "\"format\":1,\"min_price\":5"),
    ] {
        let text = serde_json::to_string(&TariffDocument::standard()).unwrap();
        assert!(text.contains(good), "{good}");
        assert!(serde_json::from_str::<TariffDocument>(&text.replace(good, bad)).is_err(), "{bad}");
    }
}

#[test]
fn validation_names_what_is_wrong() {
    type Change = fn(&mut TariffDocument);
    let cases: [(&str, Change); 22] = [
        ("format 2", |d| d.format = 2),
        ("not KGS", |d| d.currency = "EUR".into()),
        ("unknown time zone", |d| d.time_zone = "Asia/Frunze".into()),
        ("unknown time zone", |d| d.time_zone = "+06:00".into()),
        ("not 1 to 64 elements", |d| d.elements.clear()),
        ("not 1 to 64 elements", |d| {
            d.elements = (0..65).map(|i| TariffElement { name: i.to_string(), ..d.elements[2].clone() }).collect();
        }),
        ("name of element 2 is empty", |d| d.elements[2].name.clear()),
        ("name of element 2", |d| d.elements[2].name = "x".repeat(65)),
        ("two elements are named peak", |d| d.elements[3].name = "peak".into()),
        ("element peak: says nothing", |d| d.elements[1].tyiyn_per_kwh = None),
        ("negative", |d| d.elements[2].tyiyn_per_kwh = Some(PriceRule::Set(t(-1)))),
        ("negative", |d| d.elements[3].tyiyn_per_kwh = Some(PriceRule::Add(t(-1)))),
        ("above 100000", |d| d.elements[2].tyiyn_per_kwh = Some(PriceRule::Set(t(100_001)))),
        ("same time", |d| d.elements[1].when.to = d.elements[1].when.from),
        ("power range", |d| d.elements[4].when.max_power_w = Some(Watt::new(60_000))),
        ("power range", |d| d.elements[4].when.min_power_w = Some(Watt::new(-1))),
        ("contract code", |d| d.elements[4].when.contract = Some(" ".into())),
        ("relative to night", |d| {
            d.elements[1].tyiyn_per_kwh = Some(PriceRule::RelativeTo { element: "night".into(), change_percent: -20 });
        }),
        ("not between -100 and 400", |d| {
            d.elements[0].tyiyn_per_kwh = Some(PriceRule::RelativeTo { element: "day".into(), change_percent: -101 });
        }),
        ("grace without an idle price", |d| d.elements[0].idle_grace_minutes = Some(5)),
        ("no energy price on monday 06:00 for dc, 0 W, contract none", |d| d.elements[2].when.current = Some(CurrentType::Ac)),
        ("no energy price on monday 06:00 for ac, 0 W, contract none", |d| d.elements[2].when.from = CivilTime::new(7, 0)),
    ];
    for (expected, change) in cases {
        let mut document = TariffDocument::standard();
        change(&mut document);
        match document.validate() {
            Err(PriceError::InvalidTariff(what)) => assert!(what.contains(expected), "{what} instead of {expected}"),
            other => panic!("{other:?} instead of {expected}"),
        }
    }
}

#[test]
fn a_tariff_that_was_never_validated_is_an_error_and_no_panic() {
    let mut tariff = standard();
    tariff.document.elements.retain(|element| element.name != "day");
    assert!(matches!(tariff.price_at(hm(2, 0)), Err(PriceError::InvalidTariff(_))));
    let mut running = RunningBill::new(tariff, hm(2, 0));
    assert!(matches!(running.push(MeterPoint { at: hm(2, 0), energy: Wh::ZERO }), Err(PriceError::InvalidTariff(_))));
    assert!(matches!(running.bill_at(hm(3, 0)), Err(PriceError::InvalidTariff(_))));
}
