//! The guest's checkout: amounts as a person types them, and where a guest's charge stands.

use serde::{Deserialize, Serialize};

use crate::Tyiyn;
use crate::text_enum::text_enum;

/// Why an amount cannot be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("empty")]
    Empty,
    #[error("not a number")]
    NotANumber,
    #[error("a fraction of a tyiyn")]
    FractionOfTyiyn,
    #[error("negative")]
    Negative,
    #[error("below the minimum")]
    TooSmall,
    #[error("above the maximum")]
    TooLarge,
}

/// The least and the most that a guest may prepay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountLimits {
    pub min: Tyiyn,
    pub max: Tyiyn,
}

impl AmountLimits {
    /// Reads som as a person types them: `500`, `1 000`, `750,50`, `750.5`, `1,000.50`. No exponent, no sign, no other
    /// script. What can be read in two ways is refused: `1,000` is a thousand to one person and one som to another, so
    /// three digits after the only separator are "a fraction of a tyiyn".
    pub fn parse(self, text: &str) -> Result<Tyiyn, AmountError> {
        let text = text.trim_matches(is_space);
        if text.is_empty() {
            return Err(AmountError::Empty);
        }
        if let Some(rest) = text.strip_prefix(['-', '\u{2212}']) {
            // "-500" is negative, "-" and "-abc" are nothing.
            return Err(match tyiyn_of(rest.trim_start_matches(is_space)) {
                Err(AmountError::NotANumber) => AmountError::NotANumber,
                _ => AmountError::Negative,
            });
        }
        let amount = tyiyn_of(text)?;
        if amount < self.min || !amount.is_positive() {
            Err(AmountError::TooSmall)
        } else if amount > self.max {
            Err(AmountError::TooLarge)
        } else {
            Ok(amount)
        }
    }
}

/// Spaces that keyboards and copied text bring: plain, no-break, narrow no-break, thin.
const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}')
}

/// Reads an unsigned number with at most two decimals; what does not fit is `TooLarge`.
fn tyiyn_of(text: &str) -> Result<Tyiyn, AmountError> {
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_digit() || c == ',' || c == '.' || is_space(c)) {
        return Err(AmountError::NotANumber);
    }
    let commas = text.matches(',').count();
    let dots = text.matches('.').count();
    // With a dot, or more than one, commas are English thousands separators; a single one alone is the decimal sign.
    let commas_group = dots == 1 && commas > 0 || commas > 1;
    let (whole, fraction) = match (dots, commas_group) {
        (0, true) => (text, None),
        (0, false) => text.split_once(',').map_or((text, None), |(w, f)| (w, Some(f))),
        (1, _) => text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f))),
        _ => return Err(AmountError::NotANumber),
    };
    let mut groups: Vec<&str> = whole.split(|c| is_space(c) || commas_group && c == ',').collect();
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !groups.iter().all(|g| all_digits(g)) || fraction.is_some_and(|f| !all_digits(f)) {
        return Err(AmountError::NotANumber);
    }
    let first = groups.remove(0);
    if !groups.is_empty() && (first.len() > 3 || groups.iter().any(|g| g.len() != 3)) {
        return Err(AmountError::NotANumber);
    }
    let fraction = fraction.unwrap_or("");
    if fraction.len() > 2 {
        return Err(AmountError::FractionOfTyiyn);
    }
    let mut tyiyn: i64 = 0;
    let decimals = fraction.bytes().chain(std::iter::repeat(b'0')).take(2);
    for digit in first.bytes().chain(groups.iter().flat_map(|g| g.bytes())).chain(decimals) {
        tyiyn = tyiyn.checked_mul(10).and_then(|t| t.checked_add(i64::from(digit - b'0'))).ok_or(AmountError::TooLarge)?;
    }
    Ok(Tyiyn::new(tyiyn))
}

/// Where a guest's charge stands; what the page shows. Stored as text in `guest_charge.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuestPhase {
    /// The order exists; nothing paid.
    AwaitingPayment,
    /// Paid; the cable is awaited and the start is being asked for.
    PlugIn,
    /// Energy flows (or is suspended by car or charger).
    Charging,
    /// A stop was asked for; the last reading is awaited.
    Stopping,
    /// Billed; the rest is on its way back.
    Refunding,
    /// Billed, and nothing is owed to anybody.
    Completed,
    /// The start failed; the whole sum is on its way back.
    FailedRefunding,
    /// The start failed and the whole sum is back.
    FailedRefunded,
    /// Never paid; the link has run out. A payment that still arrives is refunded (or starts, if the connector is free).
    Expired,
}

text_enum!(GuestPhase {
    AwaitingPayment = "awaiting_payment",
    PlugIn = "plug_in",
    Charging = "charging",
    Stopping = "stopping",
    Refunding = "refunding",
    Completed = "completed",
    FailedRefunding = "failed_refunding",
    FailedRefunded = "failed_refunded",
    Expired = "expired",
});

impl GuestPhase {
    /// Whether nothing will change any more, so that a page need not refresh itself. (`Expired` can still be paid late.)
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::FailedRefunded)
    }
}

/// Why a start failed; each is a sentence on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartFailure {
    /// Somebody else's session runs on the connector.
    ConnectorBusy,
    /// The charge point has no link, or did not answer in time.
    Offline,
    /// Faulted or out of service.
    OutOfOrder,
    /// The charge point refused twice.
    Rejected,
    /// No cable within the countdown.
    NoCable,
    /// Paid after the link had run out, and the connector is no longer free.
    PaidTooLate,
    /// Less was paid than the least amount.
    PaidTooLittle,
    /// The payer called it off before anything flowed.
    Cancelled,
}

text_enum!(StartFailure {
    ConnectorBusy = "connector_busy",
    Offline = "offline",
    OutOfOrder = "out_of_order",
    Rejected = "rejected",
    NoCable = "no_cable",
    PaidTooLate = "paid_too_late",
    PaidTooLittle = "paid_too_little",
    Cancelled = "cancelled",
});

#[cfg(test)]
#[allow(clippy::inconsistent_digit_grouping, reason = "500_00 reads as 500 som 00 tyiyn")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: AmountLimits = AmountLimits { min: Tyiyn::new(50_00), max: Tyiyn::new(20_000_00) };

    #[test]
    fn sums_as_people_type_them() {
        for (text, tyiyn) in [
            ("500", 500_00),
            (" 500 ", 500_00),
            ("1 000", 1_000_00),
            ("1\u{a0}000", 1_000_00),
            ("1\u{202f}000,50", 1_000_50),
            ("750,50", 750_50),
            ("750.5", 750_50),
            ("750,5", 750_50),
            ("1,000.50", 1_000_50),
            ("0500", 500_00),
            ("50", 50_00),
            ("20 000,00", 20_000_00),
        ] {
            assert_eq!(LIMITS.parse(text), Ok(Tyiyn::new(tyiyn)), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_paid_says_why() {
        use AmountError::*;
        for (text, why) in [
            ("", Empty),
            (" \u{a0}", Empty),
            ("abc", NotANumber),
            ("500сом", NotANumber),
            ("5e2", NotANumber),
            ("NaN", NotANumber),
            ("inf", NotANumber),
            ("+500", NotANumber),
            ("0x500", NotANumber),
            ("٥٠٠", NotANumber),
            ("\u{ff15}00", NotANumber),
            ("5 00", NotANumber),
            ("1000 000", NotANumber),
            ("1.000.000", NotANumber),
            (".5", NotANumber),
            ("500.", NotANumber),
            ("500,,5", NotANumber),
            ("5 0.5 0", NotANumber),
            ("500\n", NotANumber),
            ("-", NotANumber),
            ("-abc", NotANumber),
            ("-500", Negative),
            ("\u{2212}500", Negative),
            ("-0", Negative),
            ("-0,001", Negative),
            ("500,001", FractionOfTyiyn),
            ("750.505", FractionOfTyiyn),
            ("1,000", FractionOfTyiyn),
            ("0", TooSmall),
            ("0,01", TooSmall),
            ("49,99", TooSmall),
            ("20 000,01", TooLarge),
            ("99999999999999999999999999", TooLarge),
            ("1,000,000", TooLarge),
        ] {
            assert_eq!(LIMITS.parse(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn nothing_is_never_an_amount_even_without_a_minimum() {
        let limits = AmountLimits { min: Tyiyn::ZERO, max: Tyiyn::new(i64::MAX) };
        assert_eq!(limits.parse("0"), Err(AmountError::TooSmall));
    }

    proptest! {
        #[test]
        fn any_text_is_read_within_the_limits_or_refused(text in "\\PC{0,40}|[0-9 ,.\u{a0}-]{0,24}") {
            if let Ok(amount) = LIMITS.parse(&text) {
                prop_assert!(LIMITS.min <= amount && amount <= LIMITS.max);
            }
        }

        #[test]
        fn what_is_written_is_read_back(tyiyn in 50_00_i64..=20_000_00) {
            let text = format!("{},{:02}", tyiyn / 100, tyiyn % 100);
            prop_assert_eq!(LIMITS.parse(&text), Ok(Tyiyn::new(tyiyn)));
        }
    }
}
