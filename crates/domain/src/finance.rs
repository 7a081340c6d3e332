//! The words of finance: which orders and refunds are looked at, and what can disagree between the books.

use serde::{Deserialize, Serialize};

use crate::text_enum::text_enum;

/// Which orders are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderFilter {
    #[default]
    All,
    Paid,
    /// Can still be paid.
    Open,
    /// Failed or expired.
    Unpaid,
    /// Paid, and not settled with us by the provider yet.
    Uncleared,
}

text_enum!(OrderFilter { All = "all", Paid = "paid", Open = "open", Unpaid = "unpaid", Uncleared = "uncleared" });

/// Which refunds are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundFilter {
    #[default]
    All,
    /// Not complete.
    Open,
    /// Somebody has to see to it.
    WithStaff,
}

text_enum!(RefundFilter { All = "all", Open = "open", WithStaff = "with_staff" });

/// What does not agree between the provider, the ledger and the sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The provider has the payment, and we have not credited it.
    PaymentNotCredited,
    /// We have credited it, and the provider does not know it as paid.
    PaymentUnknown,
    PaymentAmount,
    /// Another payment than the one that was credited.
    PaymentOther,
    /// We count it as done, and the provider does not.
    RefundNotDone,
    RefundAmount,
    /// The provider has sent back another sum of the order than we did.
    RefundSum,
    /// The order says something else than its journal entry.
    Ledger,
}

text_enum!(DifferenceKind {
    PaymentNotCredited = "payment_not_credited",
    PaymentUnknown = "payment_unknown",
    PaymentAmount = "payment_amount",
    PaymentOther = "payment_other",
    RefundNotDone = "refund_not_done",
    RefundAmount = "refund_amount",
    RefundSum = "refund_sum",
    Ledger = "ledger",
});
