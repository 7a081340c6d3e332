//! What several messages of 1.6 share.

use crate::{Text, Timestamp};

/// An idToken (§ 7): what a card or an app identifies itself with. Compared without case ([`Text::folded`]).
pub type IdTag = Text<20>;

text_enum! {
    /// The specification's AuthorizationStatus.
    pub enum AuthorizationStatus {
        Accepted = "Accepted",
        Blocked = "Blocked",
        Expired = "Expired",
        Invalid = "Invalid",
        /// Already in another transaction; only a reply to StartTransaction says so.
        ConcurrentTx = "ConcurrentTx",
    }
}

record! {
    /// The specification's IdTagInfo.
    pub struct IdTagInfo {
        status as "status": AuthorizationStatus,
        expiry_date as "expiryDate": Option<Timestamp>,
        parent_id_tag as "parentIdTag": Option<IdTag>,
    }
}

impl IdTagInfo {
    pub const fn new(status: AuthorizationStatus) -> Self {
        Self { status, expiry_date: None, parent_id_tag: None }
    }
}

text_enum! {
    /// The two-valued answer of many messages.
    pub enum Acceptance {
        Accepted = "Accepted",
        Rejected = "Rejected",
    }
}

#[cfg(test)]
pub(crate) use crate::testing;
