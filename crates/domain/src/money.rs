//! Money in tyiyn (1 som = 100 tyiyn), whole numbers only.

use serde::{Deserialize, Serialize};

/// An amount of money in tyiyn. May be negative (a posting); what a person pays never is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tyiyn(i64);

impl Tyiyn {
    pub const ZERO: Self = Self(0);

    /// From tyiyn.
    pub const fn new(tyiyn: i64) -> Self { Self(tyiyn) }
    /// From whole som; `None` when it does not fit.
    pub const fn from_som(som: i64) -> Option<Self> {
        match som.checked_mul(100) { Some(t) => Some(Self(t)), None => None }
    }
    /// The bare number, for the database and the wire.
    pub const fn get(self) -> i64 { self.0 }
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) { Some(t) => Some(Self(t)), None => None }
    }
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) { Some(t) => Some(Self(t)), None => None }
    }
    pub const fn checked_neg(self) -> Option<Self> {
        match self.0.checked_neg() { Some(t) => Some(Self(t)), None => None }
    }
}
