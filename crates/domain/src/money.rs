//! Money in tyiyn (1 som = 100 tyiyn), whole numbers only. How money looks is the language's business, so there is no `Display`.

use serde::{Deserialize, Serialize};

/// An amount of money in tyiyn. May be negative (a posting); what a person pays never is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tyiyn(i64);

impl Tyiyn {
    pub const ZERO: Self = Self(0);

    /// From tyiyn.
    pub const fn new(tyiyn: i64) -> Self {
        Self(tyiyn)
    }
    /// From whole som; `None` when it does not fit.
    pub const fn from_som(som: i64) -> Option<Self> {
        match som.checked_mul(100) {
            Some(t) => Some(Self(t)),
            None => None,
        }
    }
    /// The bare number, for the database and the wire.
    pub const fn get(self) -> i64 {
        self.0
    }
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(t) => Some(Self(t)),
            None => None,
        }
    }
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(t) => Some(Self(t)),
            None => None,
        }
    }
    pub const fn checked_neg(self) -> Option<Self> {
        match self.0.checked_neg() {
            Some(t) => Some(Self(t)),
            None => None,
        }
    }
    pub const fn checked_mul(self, factor: i64) -> Option<Self> {
        match self.0.checked_mul(factor) {
            Some(t) => Some(Self(t)),
            None => None,
        }
    }
    /// The sum; `None` when it does not fit.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }
    /// `self × numerator / denominator`, rounded down (towards minus infinity). `None` when it does not fit or the
    /// denominator is not positive. For holds and taxes inside a price; prices round with the price engine.
    pub fn checked_share_floor(self, numerator: u32, denominator: u32) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let product = i128::from(self.0) * i128::from(numerator);
        i64::try_from(product.div_euclid(i128::from(denominator))).ok().map(Self)
    }
}

/// `numerator / denominator` to the nearest whole, a half upwards (towards plus infinity). The one rounding of the house.
/// `None` when the result does not fit; the denominator is positive.
pub(crate) fn div_half_up(numerator: i128, denominator: i128) -> Option<i64> {
    debug_assert!(denominator > 0);
    let doubled = numerator.checked_mul(2)?.checked_add(denominator)?;
    i64::try_from(doubled.div_euclid(denominator.checked_mul(2)?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_that_do_not_fit_are_none_never_wrapped() {
        let most = Tyiyn::new(i64::MAX);
        assert_eq!(most.checked_add(Tyiyn::new(1)), None);
        assert_eq!(Tyiyn::new(i64::MIN).checked_sub(Tyiyn::new(1)), None);
        assert_eq!(Tyiyn::new(i64::MIN).checked_neg(), None);
        assert_eq!(most.checked_mul(2), None);
        assert_eq!(Tyiyn::from_som(i64::MAX), None);
        assert_eq!(Tyiyn::checked_sum([most, Tyiyn::new(1)]), None);
        assert_eq!(Tyiyn::checked_sum([Tyiyn::new(2), Tyiyn::new(3)]), Some(Tyiyn::new(5)));
    }

    #[test]
    fn a_share_is_rounded_down() {
        assert_eq!(Tyiyn::new(99).checked_share_floor(95, 100), Some(Tyiyn::new(94)));
        assert_eq!(Tyiyn::new(i64::MAX).checked_share_floor(200, 100), None);
        assert_eq!(Tyiyn::new(1).checked_share_floor(1, 0), None);
    }

    #[test]
    fn a_half_goes_up() {
        assert_eq!(div_half_up(5, 2), Some(3));
        assert_eq!(div_half_up(4, 3), Some(1));
        assert_eq!(div_half_up(-5, 2), Some(-2));
        assert_eq!(div_half_up(0, 7), Some(0));
        assert_eq!(div_half_up(i128::MAX, 1), None);
    }

    #[test]
    fn money_is_a_bare_number_in_json() {
        assert_eq!(serde_json::to_string(&Tyiyn::new(1500)).unwrap(), "1500");
        assert!(serde_json::from_str::<Tyiyn>("15.5").is_err());
    }
}
