//! Money, energy, dates and plurals as people of each language write them.
//!
//! Whole numbers only: money and energy are never floats, not even on their way to the eye. Within a text the spaces that
//! belong to a number (between groups and before a unit) are no-break spaces, so that a line never ends between them.
//! No clock in here: "now" is handed in.

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;
use domain::{Tyiyn, Watt, Wh};

use super::Locale;

/// U+00A0: between groups of digits and before a unit.
const NO_BREAK_SPACE: char = '\u{a0}';
/// U+2212: what a minus looks like in a text; a hyphen could end the line.
const MINUS: char = '\u{2212}';
/// The zone of the house, for a name that the time-zone database does not know.
const ZONE_DEFAULT: Tz = Tz::Asia__Bishkek;

/// What to do with decimals that are all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zeros {
    Keep,
    Drop,
}

/// A whole number in units of `10^-decimals`, with groups of three: `1 234,50`, `1,234.50`.
fn number(locale: Locale, value: i128, decimals: u32, zeros: Zeros) -> String {
    let (group, point) = match locale {
        Locale::Ru | Locale::Ky => (NO_BREAK_SPACE, ','),
        Locale::En => (',', '.'),
    };
    let scale = 10_u128.pow(decimals);
    let magnitude = value.unsigned_abs();
    let (whole, fraction) = (magnitude / scale, magnitude % scale);
    let mut text = String::new();
    if value < 0 {
        text.push(MINUS);
    }
    let digits = whole.to_string();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(group);
        }
        text.push(digit);
    }
    if decimals > 0 && (zeros == Zeros::Keep || fraction != 0) {
        text.push(point);
        let width = usize::try_from(decimals).unwrap_or(0);
        text += &format!("{fraction:0width$}");
    }
    text
}

/// `value / 10^drop` to the nearest whole, a half away from zero.
fn rounded(value: i64, drop: u32) -> i128 {
    let scale = 10_i128.pow(drop);
    let value = i128::from(value);
    (value + value.signum() * (scale / 2)) / scale
}

/// A count with groups: `1 234`, `1,234`.
#[must_use]
pub fn count(locale: Locale, n: i64) -> String {
    number(locale, i128::from(n), 0, Zeros::Keep)
}

fn with_currency(locale: Locale, amount: &str) -> String {
    match locale {
        Locale::Ru | Locale::Ky => format!("{amount}{NO_BREAK_SPACE}сом"),
        Locale::En => match amount.strip_prefix(MINUS) {
            Some(positive) => format!("{MINUS}KGS{NO_BREAK_SPACE}{positive}"),
            None => format!("KGS{NO_BREAK_SPACE}{amount}"),
        },
    }
}

/// To the tyiyn, with the currency: `1 234,50 сом`, `KGS 1,234.50`.
#[must_use]
pub fn money(locale: Locale, amount: Tyiyn) -> String {
    with_currency(locale, &money_bare(locale, amount))
}

/// With the currency, and without tyiyn when there are none: `500 сом`, `1 234,50 сом`.
#[must_use]
pub fn money_short(locale: Locale, amount: Tyiyn) -> String {
    with_currency(locale, &number(locale, i128::from(amount.get()), 2, Zeros::Drop))
}

/// To the tyiyn, without the currency, for a column whose head names it: `1 234,50`.
#[must_use]
pub fn money_bare(locale: Locale, amount: Tyiyn) -> String {
    number(locale, i128::from(amount.get()), 2, Zeros::Keep)
}

/// `кВт·ч`, `кВт·саат`, `kWh`.
#[must_use]
pub const fn kwh_unit(locale: Locale) -> &'static str {
    match locale {
        Locale::Ru => "кВт·ч",
        Locale::Ky => "кВт·саат",
        Locale::En => "kWh",
    }
}

/// To ten watt-hours, for a person who watches: `12,34 кВт·ч`.
#[must_use]
pub fn energy(locale: Locale, energy: Wh) -> String {
    format!("{}{NO_BREAK_SPACE}{}", energy_bare(locale, energy), kwh_unit(locale))
}

/// As [`energy`], without the unit: `12,34`.
#[must_use]
pub fn energy_bare(locale: Locale, energy: Wh) -> String {
    number(locale, rounded(energy.get(), 1), 2, Zeros::Keep)
}

/// To the watt-hour, for documents that a person may check with a calculator: `12,345 кВт·ч`.
#[must_use]
pub fn energy_exact(locale: Locale, energy: Wh) -> String {
    format!("{}{NO_BREAK_SPACE}{}", energy_exact_bare(locale, energy), kwh_unit(locale))
}

/// As [`energy_exact`], without the unit: `12,345`.
#[must_use]
pub fn energy_exact_bare(locale: Locale, energy: Wh) -> String {
    number(locale, i128::from(energy.get()), 3, Zeros::Keep)
}

/// To a tenth of a kilowatt, without a zero tenth: `58,5 кВт`, `60 кВт`.
#[must_use]
pub fn power(locale: Locale, power: Watt) -> String {
    let unit = match locale {
        Locale::Ru | Locale::Ky => "кВт",
        Locale::En => "kW",
    };
    format!("{}{NO_BREAK_SPACE}{unit}", number(locale, rounded(power.get(), 2), 1, Zeros::Drop))
}

/// `15 сом/кВт·ч`, `15,50 сом/кВт·саат`, `KGS 15/kWh`.
#[must_use]
pub fn price_per_kwh(locale: Locale, price: Tyiyn) -> String {
    format!("{}/{}", money_short(locale, price), kwh_unit(locale))
}

/// `2 сом/мин`, `2 сом/мүн`, `KGS 2/min`.
#[must_use]
pub fn price_per_minute(locale: Locale, price: Tyiyn) -> String {
    format!("{}/{}", money_short(locale, price), minute_unit(locale))
}

/// Basis points as percent: `12 %`, `12,5 %`, `12%`.
#[must_use]
pub fn percent_bp(locale: Locale, basis_points: u32) -> String {
    let tenth = basis_points.is_multiple_of(10);
    let value = i128::from(if tenth { basis_points / 10 } else { basis_points });
    let digits = number(locale, value, if tenth { 1 } else { 2 }, Zeros::Drop);
    match locale {
        Locale::Ru | Locale::Ky => format!("{digits}{NO_BREAK_SPACE}%"),
        Locale::En => format!("{digits}%"),
    }
}

/// Whole percent: `95 %`, `95%`.
#[must_use]
pub fn percent(locale: Locale, percent: u8) -> String {
    percent_bp(locale, u32::from(percent) * 100)
}

const fn hour_unit(locale: Locale) -> &'static str {
    match locale {
        Locale::Ru => "ч",
        Locale::Ky => "саат",
        Locale::En => "h",
    }
}
const fn minute_unit(locale: Locale) -> &'static str {
    match locale {
        Locale::Ru => "мин",
        Locale::Ky => "мүн",
        Locale::En => "min",
    }
}
const fn second_unit(locale: Locale) -> &'static str {
    match locale {
        Locale::Ru => "с",
        Locale::Ky => "сек",
        Locale::En => "s",
    }
}

/// `1 ч 05 мин`, `5 мин`, `40 с`. Minutes and seconds that are not over are cut off, as on a clock; negative is zero.
#[must_use]
pub fn duration(locale: Locale, seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}{NO_BREAK_SPACE}{}", second_unit(locale)),
        (0, _) => format!("{minutes}{NO_BREAK_SPACE}{}", minute_unit(locale)),
        _ => format!(
            "{}{NO_BREAK_SPACE}{}{NO_BREAK_SPACE}{minutes:02}{NO_BREAK_SPACE}{}",
            count(locale, hours),
            hour_unit(locale),
            minute_unit(locale)
        ),
    }
}

/// For a countdown: `2:05`, `1:00:00`. Negative is `0:00`.
#[must_use]
pub fn countdown(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// `12 с назад`, `12 сек мурун`, `12 s ago`; from a minute on in minutes and hours.
#[must_use]
pub fn ago(locale: Locale, seconds: i64) -> String {
    let time = duration(locale, seconds);
    match locale {
        Locale::Ru => format!("{time} назад"),
        Locale::Ky => format!("{time} мурун"),
        Locale::En => format!("{time} ago"),
    }
}

/// The zone of a name of the time-zone database; Asia/Bishkek for a name that it does not have.
#[must_use]
pub fn zone(name: &str) -> Tz {
    name.parse().unwrap_or(ZONE_DEFAULT)
}

const MONTHS_EN: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `22.11.2026`, `22 Nov 2026`.
#[must_use]
pub fn date(locale: Locale, time_zone: &str, at: DateTime<Utc>) -> String {
    let local = at.with_timezone(&zone(time_zone));
    match locale {
        Locale::Ru | Locale::Ky => format!("{:02}.{:02}.{:04}", local.day(), local.month(), local.year()),
        Locale::En => {
            let month = usize::try_from(local.month0()).ok().and_then(|m| MONTHS_EN.get(m)).copied().unwrap_or("");
            format!("{}{NO_BREAK_SPACE}{month}{NO_BREAK_SPACE}{:04}", local.day(), local.year())
        }
    }
}

/// `18:05`, by the 24-hour clock in all languages.
#[must_use]
pub fn time(time_zone: &str, at: DateTime<Utc>) -> String {
    let local = at.with_timezone(&zone(time_zone));
    format!("{:02}:{:02}", local.hour(), local.minute())
}

/// `18:05:09`
#[must_use]
pub fn time_with_seconds(time_zone: &str, at: DateTime<Utc>) -> String {
    let local = at.with_timezone(&zone(time_zone));
    format!("{:02}:{:02}:{:02}", local.hour(), local.minute(), local.second())
}

/// `22.11.2026, 18:05`, `22 Nov 2026, 18:05`.
#[must_use]
pub fn date_time(locale: Locale, time_zone: &str, at: DateTime<Utc>) -> String {
    format!("{}, {}", date(locale, time_zone, at), time(time_zone, at))
}

/// The time alone when it is today in the zone (`18:05`), else with the date.
#[must_use]
pub fn time_or_date_time(locale: Locale, time_zone: &str, at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let tz = zone(time_zone);
    if at.with_timezone(&tz).date_naive() == now.with_timezone(&tz).date_naive() {
        time(time_zone, at)
    } else {
        date_time(locale, time_zone, at)
    }
}

/// The plural categories of CLDR that whole numbers have in the languages of the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plural {
    One,
    /// Russian: 2–4, 22–24 …
    Few,
    /// Russian: 0, 5–20, 25–30 …
    Many,
    /// Kyrgyz and English: all but one.
    Other,
}

/// The category of a whole number (CLDR 46, cardinal).
#[must_use]
pub const fn plural(locale: Locale, n: u64) -> Plural {
    match locale {
        Locale::Ky | Locale::En => {
            if n == 1 {
                Plural::One
            } else {
                Plural::Other
            }
        }
        Locale::Ru => match (n % 10, n % 100) {
            (1, tail) if tail != 11 => Plural::One,
            (2..=4, tail) if tail < 12 || tail > 14 => Plural::Few,
            _ => Plural::Many,
        },
    }
}

/// The forms of a word in Russian, Kyrgyz and English. (In Kyrgyz a noun after a number stays in the singular.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forms {
    /// One, few, many: `["минута", "минуты", "минут"]`.
    pub ru: [&'static str; 3],
    pub ky: &'static str,
    /// One, other.
    pub en: [&'static str; 2],
}

impl Forms {
    /// The form after a number.
    #[must_use]
    pub const fn form(&self, locale: Locale, n: u64) -> &'static str {
        match (locale, plural(locale, n)) {
            (Locale::Ru, Plural::One) => self.ru[0],
            (Locale::Ru, Plural::Few) => self.ru[1],
            (Locale::Ru, _) => self.ru[2],
            (Locale::Ky, _) => self.ky,
            (Locale::En, Plural::One) => self.en[0],
            (Locale::En, _) => self.en[1],
        }
    }
    /// The number and the form after it: `5 минут`.
    #[must_use]
    pub fn with_count(&self, locale: Locale, n: u32) -> String {
        format!("{}{NO_BREAK_SPACE}{}", count(locale, i64::from(n)), self.form(locale, u64::from(n)))
    }
}

/// `минута`, `мүнөт`, `minute`.
pub const MINUTES: Forms =
    Forms { ru: ["минута", "минуты", "минут"], ky: "мүнөт", en: ["minute", "minutes"] };
/// The Russian accusative, as after "через": `через 1 минуту`.
pub const MINUTES_ACCUSATIVE: Forms = Forms { ru: ["минуту", "минуты", "минут"], ..MINUTES };
/// `секунда`, `секунд`, `second`.
pub const SECONDS: Forms =
    Forms { ru: ["секунда", "секунды", "секунд"], ky: "секунд", en: ["second", "seconds"] };
/// `день`, `күн`, `day`.
pub const DAYS: Forms = Forms { ru: ["день", "дня", "дней"], ky: "күн", en: ["day", "days"] };

#[cfg(test)]
mod tests {
    use super::*;
    use Locale::{En, Ky, Ru};
    use proptest::prelude::*;

    /// No-break spaces as plain ones, so that the expectations can be read.
    fn plain(text: &str) -> String {
        text.replace(NO_BREAK_SPACE, " ")
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn money_in_each_language() {
        for (tyiyn, ru, en) in [
            (0, "0,00 сом", "KGS 0.00"),
            (5, "0,05 сом", "KGS 0.05"),
            (123_450, "1 234,50 сом", "KGS 1,234.50"),
            (100_000_000, "1 000 000,00 сом", "KGS 1,000,000.00"),
            (-123_450, "−1 234,50 сом", "−KGS 1,234.50"),
            (i64::MIN, "−92 233 720 368 547 758,08 сом", "−KGS 92,233,720,368,547,758.08"),
        ] {
            assert_eq!(plain(&money(Ru, Tyiyn::new(tyiyn))), ru);
            assert_eq!(plain(&money(Ky, Tyiyn::new(tyiyn))), ru);
            assert_eq!(plain(&money(En, Tyiyn::new(tyiyn))), en);
        }
        assert_eq!(plain(&money_short(Ru, Tyiyn::new(50_000))), "500 сом");
        assert_eq!(plain(&money_short(Ru, Tyiyn::new(50_010))), "500,10 сом");
        assert_eq!(plain(&money_short(En, Tyiyn::new(200_000))), "KGS 2,000");
        assert!(!money(Ru, Tyiyn::new(123_450)).contains(' '), "a line must not end inside a sum");
    }

    #[test]
    fn energy_and_power() {
        assert_eq!(plain(&energy(Ru, Wh::new(12_345))), "12,35 кВт·ч");
        assert_eq!(plain(&energy(Ky, Wh::new(12_344))), "12,34 кВт·саат");
        assert_eq!(plain(&energy(En, Wh::new(1_234_500))), "1,234.50 kWh");
        assert_eq!(plain(&energy_exact(Ru, Wh::new(12_345))), "12,345 кВт·ч");
        assert_eq!(plain(&energy(Ru, Wh::new(4))), "0,00 кВт·ч");
        assert_eq!(plain(&power(Ru, Watt::new(58_450))), "58,5 кВт");
        assert_eq!(plain(&power(Ru, Watt::new(60_000))), "60 кВт");
        assert_eq!(plain(&power(En, Watt::new(7_400))), "7.4 kW");
    }

    #[test]
    fn prices_and_percents() {
        assert_eq!(plain(&price_per_kwh(Ru, Tyiyn::new(1_500))), "15 сом/кВт·ч");
        assert_eq!(plain(&price_per_kwh(Ky, Tyiyn::new(1_550))), "15,50 сом/кВт·саат");
        assert_eq!(plain(&price_per_kwh(En, Tyiyn::new(1_800))), "KGS 18/kWh");
        assert_eq!(plain(&price_per_minute(Ru, Tyiyn::new(200))), "2 сом/мин");
        assert_eq!(plain(&percent_bp(Ru, 1_200)), "12 %");
        assert_eq!(plain(&percent_bp(Ru, 1_250)), "12,5 %");
        assert_eq!(percent_bp(En, 1_255), "12.55%");
        assert_eq!(percent_bp(En, 5), "0.05%");
        assert_eq!(plain(&percent(Ky, 95)), "95 %");
    }

    #[test]
    fn durations() {
        assert_eq!(plain(&duration(Ru, 3_900)), "1 ч 05 мин");
        assert_eq!(plain(&duration(Ky, 3_900)), "1 саат 05 мүн");
        assert_eq!(plain(&duration(En, 3_900)), "1 h 05 min");
        assert_eq!(plain(&duration(Ru, 359)), "5 мин");
        assert_eq!(plain(&duration(Ru, 40)), "40 с");
        assert_eq!(plain(&duration(Ru, -3)), "0 с");
        assert_eq!(plain(&ago(Ru, 12)), "12 с назад");
        assert_eq!(plain(&ago(Ky, 12)), "12 сек мурун");
        assert_eq!(plain(&ago(En, 75)), "1 min ago");
        assert_eq!(countdown(179), "2:59");
        assert_eq!(countdown(3_600), "1:00:00");
        assert_eq!(countdown(-1), "0:00");
    }

    #[test]
    fn local_dates_by_the_zone_and_not_by_six_hours() {
        let evening = at("2026-11-22T18:05:09Z");
        assert_eq!(date_time(Ru, "Asia/Bishkek", evening), "23.11.2026, 00:05");
        assert_eq!(plain(&date_time(En, "Asia/Bishkek", evening)), "23 Nov 2026, 00:05");
        assert_eq!(time("Asia/Almaty", evening), "23:05");
        assert_eq!(time_with_seconds("Asia/Bishkek", evening), "00:05:09");
        assert_eq!(time("no/such zone", evening), "00:05");
        // Summer time until 2005: five hours in winter.
        assert_eq!(time("Asia/Bishkek", at("2004-01-01T00:00:00Z")), "05:00");
        assert_eq!(time_or_date_time(Ru, "Asia/Bishkek", at("2026-11-22T19:00:00Z"), evening), "01:00");
        assert_eq!(time_or_date_time(Ru, "Asia/Bishkek", at("2026-11-22T17:00:00Z"), evening), "22.11.2026, 23:00");
    }

    #[test]
    fn plurals_after_cldr() {
        for (n, ru) in [
            (0, "0 минут"),
            (1, "1 минута"),
            (2, "2 минуты"),
            (5, "5 минут"),
            (11, "11 минут"),
            (12, "12 минут"),
            (14, "14 минут"),
            (21, "21 минута"),
            (22, "22 минуты"),
            (111, "111 минут"),
            (1_001, "1 001 минута"),
        ] {
            assert_eq!(plain(&MINUTES.with_count(Ru, n)), ru);
        }
        assert_eq!(plain(&MINUTES_ACCUSATIVE.with_count(Ru, 1)), "1 минуту");
        assert_eq!(plain(&MINUTES.with_count(Ky, 5)), "5 мүнөт");
        assert_eq!(plain(&DAYS.with_count(En, 1)), "1 day");
        assert_eq!(plain(&DAYS.with_count(En, 0)), "0 days");
    }

    proptest! {
        #[test]
        fn the_digits_of_a_sum_are_its_tyiyn(tyiyn in any::<i64>(), locale in proptest::sample::select(Locale::ALL.to_vec())) {
            let digits: String = money(locale, Tyiyn::new(tyiyn)).chars().filter(char::is_ascii_digit).collect();
            prop_assert_eq!(digits.parse::<u64>().unwrap(), tyiyn.unsigned_abs());
        }

        #[test]
        fn shown_energy_never_falls_while_it_grows(wh in 0_i64..10_000_000, more in 0_i64..1_000) {
            let digits = |wh| energy(Ru, Wh::new(wh)).chars().filter(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap();
            prop_assert!(digits(wh + more) >= digits(wh));
        }
    }
}
