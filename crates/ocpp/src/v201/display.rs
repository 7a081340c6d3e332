//! Messages on the display of a station.

use super::common::MessageContent;
use super::device_model::Component;
use crate::{Text, Timestamp};

text_enum! {
    /// The specification's MessagePriorityEnumType.
    pub enum MessagePriority {
        AlwaysFront = "AlwaysFront",
        InFront = "InFront",
        NormalCycle = "NormalCycle",
    }
}

text_enum! {
    /// The specification's MessageStateEnumType.
    pub enum MessageState {
        Charging = "Charging",
        Faulted = "Faulted",
        Idle = "Idle",
        Unavailable = "Unavailable",
    }
}

record! {
    /// The specification's MessageInfoType.
    pub struct MessageInfo {
        id as "id": i64,
        priority as "priority": MessagePriority,
        message as "message": MessageContent,
        display as "display": Option<Component>,
        state as "state": Option<MessageState>,
        start_date_time as "startDateTime": Option<Timestamp>,
        end_date_time as "endDateTime": Option<Timestamp>,
        transaction_id as "transactionId": Option<Text<36>>,
    }
}
