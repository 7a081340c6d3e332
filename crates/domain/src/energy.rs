//! Energy in watt-hours and power in watts, whole numbers only.

use serde::{Deserialize, Serialize};

/// Energy in watt-hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wh(i64);

impl Wh {
    pub const ZERO: Self = Self(0);
    pub const fn new(wh: i64) -> Self { Self(wh) }
    pub const fn get(self) -> i64 { self.0 }
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) { Some(v) => Some(Self(v)), None => None }
    }
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) { Some(v) => Some(Self(v)), None => None }
    }
}

/// Power in watts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Watt(i64);

impl Watt {
    pub const ZERO: Self = Self(0);
    pub const fn new(watt: i64) -> Self { Self(watt) }
    pub const fn get(self) -> i64 { self.0 }
}
