//! The PDF, as its reader's tools see it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use domain::charging::session::StopReason;
use domain::receipts::{RECEIPT_FORMAT, TaxLine};
use domain::stations::PlugType;
use domain::tariffs::Band;
use domain::{Tyiyn, Watt, Wh};

use super::*;

const URL: &str = "https://ev.redpetroleum.kg/g/0123456789abcdefghijkl";

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_350_000 + second, 0).unwrap()
}

fn line(kind: LineKind, band: Band, from: i64, to: i64, wh: i64, price: i64, amount: i64) -> BillLine {
    let seconds = if matches!(kind, LineKind::Time | LineKind::Idle) { to - from } else { 0 };
    BillLine {
        kind,
        band,
        from: at(from),
        to: at(to),
        energy: Wh::new(wh),
        seconds,
        unit_price: Tyiyn::new(price),
        amount: Tyiyn::new(amount),
    }
}

/// A receipt with everything on it.
pub(super) fn document(locale: Locale) -> ReceiptDocument {
    ReceiptDocument {
        format: RECEIPT_FORMAT,
        number: "RP-2026-000123".into(),
        corrects: None,
        issued_at: at(9_100),
        locale: locale.tag().into(),
        time_zone: "Asia/Bishkek".into(),
        seller_name: "ОсОО «Ред Петролеум»".into(),
        seller_tin: "01234567890123".into(),
        helpline: "+996312000000".into(),
        station_name: "Ала-Тоо, Өзгөн көчөсү".into(),
        station_address: "г. Бишкек, проспект Чүй, 219, у входа в торговый центр, второй ряд парковки".into(),
        connector_label: "A".into(),
        plug: PlugType::Ccs2,
        max_power: Watt::new(60_000),
        session_id: "01939b5e-3f6e-7c52-8a55-3c8b64d1a001".into(),
        started_at: at(0),
        ended_at: at(9_000),
        stop_reason: StopReason::Limit,
        meter_start: Wh::new(1_234_567),
        meter_stop: Wh::new(1_290_012),
        energy: Wh::new(55_445),
        lines: vec![
            line(LineKind::Energy, Band::Day, 0, 3_600, 30_333, 1_500, 45_500),
            line(LineKind::Energy, Band::Peak, 3_600, 7_200, 25_112, 1_800, 45_202),
            line(LineKind::Idle, Band::Flat, 7_800, 9_000, 0, 200, 4_000),
        ],
        cost: Tyiyn::new(94_702),
        written_off: Tyiyn::ZERO,
        total: Tyiyn::new(94_702),
        paid: Tyiyn::new(100_000),
        refund: Tyiyn::new(5_298),
        taxes: vec![
            TaxLine { code: "vat".into(), rate_bp: 1_200, amount: Tyiyn::new(10_057) },
            TaxLine { code: "sales_tax".into(), rate_bp: 100, amount: Tyiyn::new(838) },
        ],
        payment_reference: Some("6f0d1f1e-2b7c-4a52".into()),
        timeline: Vec::new(),
    }
}

/// What a tool of poppler says of the PDF; `None` where it is not installed.
fn poppler(tool: &str, arguments: &[&str], pdf: &[u8]) -> Option<String> {
    let mut child =
        Command::new(tool).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    let mut stdin = child.stdin.take().unwrap();
    let pdf = pdf.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&pdf));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{tool} complains: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_same_receipt_is_the_same_bytes() {
    for locale in Locale::ALL {
        let document = document(locale);
        assert_eq!(document.check(), Ok(()));
        let first = render(&document, Some(URL)).unwrap();
        assert_eq!(first, render(&document, Some(URL)).unwrap());
        assert!(first.starts_with(b"%PDF-"));
        assert!(first.len() < 150_000, "{} bytes", first.len());
    }
}

#[test]
fn every_letter_of_the_three_languages_is_in_the_file() {
    let pdf = render(&document(Locale::Ky), Some(URL)).unwrap();
    let Some(text) = poppler("pdftotext", &["-layout", "-", "-"], &pdf) else { return };
    let text = text.replace('\u{a0}', " ");
    for expected in [
        "ФИСКАЛДЫК ЭМЕС ДОКУМЕНТ",
        "НЕФИСКАЛЬНЫЙ ДОКУМЕНТ",
        "NON-FISCAL DOCUMENT",
        "№ RP-2026-000123 чек",
        "Ала-Тоо, Өзгөн көчөсү",
        "проспект Чүй, 219",
        "30,333 кВт·саат",
        "Эң жүктөлгөн маал",
        "1 234,567 кВт·саат",
        "947,02 сом",
        "52,98 сом",
        "КНС 12 %",
        "01234567890123",
        "+996 312 000 000",
        URL,
        "01939b5e-3f6e-7c52-8a55-3c8b64d1a001",
    ] {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
    assert!(!text.contains('?'), "a letter is missing in the font:\n{text}");
    let fonts = poppler("pdffonts", &["-"], &pdf).unwrap();
    let rows: Vec<&str> = fonts.lines().skip(2).collect();
    assert_eq!(rows.len(), 2, "{fonts}");
    for row in rows {
        let fields: Vec<&str> = row.split_whitespace().collect();
        // emb sub uni, then the object's number.
        assert_eq!([fields[fields.len() - 5], fields[fields.len() - 3]], ["yes", "yes"], "{fonts}");
    }
    let info = poppler("pdfinfo", &["-"], &pdf).unwrap();
    for expected in ["№ RP-2026-000123 чек", "Pages:           1\n", "419.5"] {
        assert!(info.contains(expected), "{expected} is not in:\n{info}");
    }
}

#[test]
fn a_long_bill_goes_over_several_pages_and_keeps_its_sums_together() {
    let mut long = document(Locale::Ru);
    long.ended_at = at(90 * 600);
    long.lines = (0..90).map(|n| line(LineKind::Energy, Band::Day, n * 600, (n + 1) * 600, 1_000, 1_500, 1_500)).collect();
    long.energy = Wh::new(90_000);
    long.cost = Tyiyn::new(135_000);
    long.written_off = Tyiyn::new(35_000);
    (long.total, long.refund) = (Tyiyn::new(100_000), Tyiyn::ZERO);
    assert_eq!(long.check(), Ok(()));
    let pdf = render(&long, None).unwrap();
    let Some(text) = poppler("pdftotext", &["-layout", "-", "-"], &pdf) else { return };
    let pages: Vec<&str> = text.trim_end_matches('\u{c}').split('\u{c}').collect();
    assert!(pages.len() > 3);
    assert!(pages[0].contains(&format!("Страница 1 из {}", pages.len())));
    let last = pages[pages.len() - 1].replace('\u{a0}', " ");
    for expected in ["–350,00 сом", "Итого", "1 000,00 сом", "Оплачено"] {
        assert!(last.contains(expected), "{expected} is not in:\n{last}");
    }
}

#[test]
fn hostile_names_cannot_break_the_file() {
    let mut hostile = document(Locale::En);
    hostile.station_name = "(\\) <</Type>> 🚗 \u{202e}evil\0 ".repeat(20);
    hostile.connector_label = "漢字".into();
    let pdf = render(&hostile, Some(URL)).unwrap();
    let Some(text) = poppler("pdftotext", &["-layout", "-", "-"], &pdf) else { return };
    assert!(text.contains("<</Type>> ?"), "{text}");
}
