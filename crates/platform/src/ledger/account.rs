//! The names of accounts.

use std::fmt;
use std::str::FromStr;

use domain::{OrderId, PartnerId};
use uuid::Uuid;

/// The code of a tax: a lower-case letter, then up to 31 letters, digits and underscores.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaxCode(String);

impl TaxCode {
    pub fn parse(text: &str) -> Result<Self, InvalidAccountCode> {
        let valid = (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidAccountCode) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a sale was of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revenue {
    Energy,
    Idle,
    Booking,
}

/// The accounts of the ledger (DESIGN § 5). A credit balance (positive) is what we owe or have earned, a debit balance
/// (negative) is what we have or are owed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountCode {
    /// `guest_order:{id}`: what a guest has paid and neither used nor got back. Guarded: never below zero.
    GuestOrder(OrderId),
    /// `driver:{id}`: a driver's balance. Guarded.
    Driver(Uuid),
    /// `company:{id}`: what a company can charge for. Guarded, down to minus its credit limit.
    Company(Uuid),
    /// `company:{id}:receivable`: what a company owes us by invoice.
    CompanyReceivable(Uuid),
    /// `partner:{id}:payable`: what we owe a partner.
    PartnerPayable(PartnerId),
    /// `namba:clearing`: paid at the provider, on its way to our bank.
    NambaClearing,
    /// `namba:cash`: arrived.
    NambaCash,
    /// `refunds:clearing`: promised to payers, on its way through the provider.
    RefundsClearing,
    /// `revenue:energy|idle|booking`.
    Revenue(Revenue),
    /// `tax:{code}`: owed to the state.
    Tax(TaxCode),
    /// `write_off`: used by payers beyond what they agreed to.
    WriteOff,
    /// `rounding`.
    Rounding,
}

/// Text that names no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid account code")]
pub struct InvalidAccountCode;

impl AccountCode {
    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Result<Self, InvalidAccountCode> {
        // Only the one spelling that the database knows: hyphenated, lower case.
        let id = |text: &str| {
            let id = Uuid::from_str(text).map_err(|_| InvalidAccountCode)?;
            if id.to_string() == text { Ok(id) } else { Err(InvalidAccountCode) }
        };
        let parts: Vec<&str> = text.split(':').collect();
        Ok(match parts[..] {
            ["guest_order", order] => Self::GuestOrder(OrderId::from_uuid(id(order)?)),
            ["driver", driver] => Self::Driver(id(driver)?),
            ["company", company] => Self::Company(id(company)?),
            ["company", company, "receivable"] => Self::CompanyReceivable(id(company)?),
            ["partner", partner, "payable"] => Self::PartnerPayable(PartnerId::from_uuid(id(partner)?)),
            ["namba", "clearing"] => Self::NambaClearing,
            ["namba", "cash"] => Self::NambaCash,
            ["refunds", "clearing"] => Self::RefundsClearing,
            ["revenue", "energy"] => Self::Revenue(Revenue::Energy),
            ["revenue", "idle"] => Self::Revenue(Revenue::Idle),
            ["revenue", "booking"] => Self::Revenue(Revenue::Booking),
            ["tax", code] => Self::Tax(TaxCode::parse(code)?),
            ["write_off"] => Self::WriteOff,
            ["rounding"] => Self::Rounding,
            _ => return Err(InvalidAccountCode),
        })
    }

    /// Whether it is the money of a payer, which is never spent twice. The database decides it by the same names.
    pub const fn is_guarded(&self) -> bool {
        matches!(self, Self::GuestOrder(_) | Self::Driver(_) | Self::Company(_))
    }
}

impl fmt::Display for AccountCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GuestOrder(order) => write!(f, "guest_order:{order}"),
            Self::Driver(driver) => write!(f, "driver:{driver}"),
            Self::Company(company) => write!(f, "company:{company}"),
            Self::CompanyReceivable(company) => write!(f, "company:{company}:receivable"),
            Self::PartnerPayable(partner) => write!(f, "partner:{partner}:payable"),
            Self::NambaClearing => f.write_str("namba:clearing"),
            Self::NambaCash => f.write_str("namba:cash"),
            Self::RefundsClearing => f.write_str("refunds:clearing"),
            Self::Revenue(Revenue::Energy) => f.write_str("revenue:energy"),
            Self::Revenue(Revenue::Idle) => f.write_str("revenue:idle"),
            Self::Revenue(Revenue::Booking) => f.write_str("revenue:booking"),
            Self::Tax(code) => write!(f, "tax:{}", code.as_str()),
            Self::WriteOff => f.write_str("write_off"),
            Self::Rounding => f.write_str("rounding"),
        }
    }
}

impl FromStr for AccountCode {
    type Err = InvalidAccountCode;
    fn from_str(text: &str) -> Result<Self, InvalidAccountCode> {
        Self::parse(text)
    }
}
