//! The six digits that prove a phone, and how often they may be asked for.

use std::fmt;

use chrono::{DateTime, Duration, Utc};

/// Why a text is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not six digits")]
pub struct NotACode;

/// Six ASCII digits. `Debug` hides them.
#[derive(Clone, PartialEq, Eq)]
pub struct SignInCode(String);

impl SignInCode {
    pub const DIGITS: usize = 6;
    /// Longer than any code with spaces; bounds the work on hostile input.
    const TEXT_CHARS_MAX: usize = 32;

    /// Reads what a person types or pastes: spaces and hyphens are passed over, digits of other scripts are not taken.
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        if text.chars().count() > Self::TEXT_CHARS_MAX {
            return Err(NotACode);
        }
        let kept: String = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2011}')).collect();
        if kept.len() == Self::DIGITS && kept.bytes().all(|b| b.is_ascii_digit()) { Ok(Self(kept)) } else { Err(NotACode) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SignInCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignInCode(…)")
    }
}

/// How often codes are sent. An SMS costs money, and whoever owns expensive numbers would like us to send many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeLimits {
    /// To one phone, after the first, the second… code; then always the last of these.
    pub resend_after: Vec<Duration>,
    pub phone_an_hour: usize,
    pub phone_a_day: usize,
    pub address_an_hour: usize,
    /// The network around the address: a mobile operator's customers share few.
    pub network_an_hour: usize,
    /// Numbers of one operator's prefix.
    pub prefix_a_minute: usize,
    /// All together: beyond it nobody is sent a code, and staff is told.
    pub all_a_minute: usize,
    pub all_a_day: usize,
}

impl Default for CodeLimits {
    fn default() -> Self {
        Self {
            resend_after: [1, 2, 5, 15].map(Duration::minutes).to_vec(),
            phone_an_hour: 5,
            phone_a_day: 10,
            address_an_hour: 10,
            network_an_hour: 100,
            prefix_a_minute: 40,
            all_a_minute: 60,
            all_a_day: 5_000,
        }
    }
}

/// What was asked for lately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedLately {
    /// For this phone within a day, the newest first.
    pub phone: Vec<DateTime<Utc>>,
    /// From this address within an hour, the newest first.
    pub address: Vec<DateTime<Utc>>,
    /// From the network within an hour.
    pub network: usize,
    /// For the prefix, and in all, within a minute.
    pub prefix: usize,
    pub all: usize,
    pub all_a_day: usize,
}

/// Why no code is sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotNow {
    /// This phone or this address has asked too often: when to ask again.
    AskAgainAt(DateTime<Utc>),
    /// Too many ask from there, or for numbers like this one: nobody can say when.
    TooMany,
    /// The house's own limit: staff must look.
    Exhausted,
}

impl CodeLimits {
    /// Whether a code may be sent now.
    pub fn check(&self, asked: &AskedLately, now: DateTime<Utc>) -> Result<(), NotNow> {
        if asked.all >= self.all_a_minute || asked.all_a_day >= self.all_a_day {
            return Err(NotNow::Exhausted);
        }
        if asked.network >= self.network_an_hour || asked.prefix >= self.prefix_a_minute {
            return Err(NotNow::TooMany);
        }
        let hour = Duration::hours(1);
        let again = [
            self.resend_at(&asked.phone, now),
            within(&asked.phone, self.phone_an_hour, hour),
            within(&asked.phone, self.phone_a_day, Duration::days(1)),
            within(&asked.address, self.address_an_hour, hour),
        ];
        match again.into_iter().flatten().max() {
            Some(at) if at > now => Err(NotNow::AskAgainAt(at)),
            _ => Ok(()),
        }
    }

    /// When the next code may be sent to a phone that was sent these, the newest first.
    pub fn resend_at(&self, sent: &[DateTime<Utc>], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let newest = *sent.first()?;
        let lately = sent.iter().filter(|at| now - **at < Duration::hours(1)).count();
        let pause = self.resend_after.get(lately.saturating_sub(1)).or(self.resend_after.last())?;
        Some(newest + *pause)
    }
}

/// When fewer than `most` of these (the newest first) are within the stretch.
fn within(times: &[DateTime<Utc>], most: usize, stretch: Duration) -> Option<DateTime<Utc>> {
    times.get(most.saturating_sub(1)).map(|at| *at + stretch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
    }

    #[test]
    fn a_code_is_six_digits_however_it_is_typed() {
        for text in ["123456", " 123 456 ", "123-456", "123\u{a0}456\n"] {
            assert_eq!(SignInCode::parse(text).unwrap().as_str(), "123456");
        }
        for text in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "１２３４５６", "+12345", &"1 ".repeat(40)] {
            assert_eq!(SignInCode::parse(text), Err(NotACode), "{text}");
        }
        assert_eq!(format!("{:?}", SignInCode::parse("123456").unwrap()), "SignInCode(…)");
    }

    #[test]
    fn a_phone_waits_longer_each_time() {
        let limits = CodeLimits::default();
        let mut asked = AskedLately::default();
        let mut waits = vec![];
        let mut minute = 0;
        for _ in 0..6 {
            while limits.check(&asked, at(minute)).is_err() {
                minute += 1;
            }
            waits.push(minute);
            asked.phone.insert(0, at(minute));
        }
        // The sixth waits until the first is an hour ago.
        assert_eq!(waits, [0, 1, 3, 8, 23, 60]);
    }

    #[test]
    fn each_limit_stops_by_itself() {
        let limits = CodeLimits::default();
        let check = |change: fn(&mut AskedLately)| {
            let mut asked = AskedLately::default();
            change(&mut asked);
            limits.check(&asked, at(600))
        };
        assert_eq!(check(|_| ()), Ok(()));
        assert_eq!(check(|a| a.address = vec![at(590); 10]), Err(NotNow::AskAgainAt(at(650))));
        assert_eq!(check(|a| a.phone = (0..10).map(|n| at(500 - n * 30)).collect()), Err(NotNow::AskAgainAt(at(230 + 1440))));
        assert_eq!(check(|a| a.network = 100), Err(NotNow::TooMany));
        assert_eq!(check(|a| a.prefix = 40), Err(NotNow::TooMany));
        assert_eq!(check(|a| a.all = 60), Err(NotNow::Exhausted));
        assert_eq!(check(|a| a.all_a_day = 5_000), Err(NotNow::Exhausted));
    }

    proptest! {
        /// However somebody asks, one phone is never sent more than its hours and days allow.
        #[test]
        fn no_order_of_asking_gets_more(steps in proptest::collection::vec(0_i64..90, 1..80)) {
            let limits = CodeLimits::default();
            let (mut minute, mut sent) = (0, vec![]);
            for step in steps {
                minute += step;
                let asked = AskedLately {
                    phone: sent.iter().rev().copied().filter(|s| at(minute) - *s < Duration::days(1)).collect(),
                    ..AskedLately::default()
                };
                if limits.check(&asked, at(minute)).is_ok() {
                    sent.push(at(minute));
                }
            }
            for (stretch, most) in [(Duration::hours(1), limits.phone_an_hour), (Duration::days(1), limits.phone_a_day)] {
                for first in &sent {
                    let count = sent.iter().filter(|s| **s >= *first && **s - *first < stretch).count();
                    prop_assert!(count <= most, "{count} in {stretch}");
                }
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            if let Ok(code) = SignInCode::parse(&text) {
                prop_assert_eq!(code.as_str().len(), SignInCode::DIGITS);
            }
        }
    }
}
