//! NotifyEvent: a monitored variable speaks up (N07, N08).

use super::common::Many;
use super::device_model::{Component, Variable};
use crate::{Text, Timestamp};

text_enum! {
    /// The specification's EventTriggerEnumType.
    pub enum EventTrigger {
        Alerting = "Alerting",
        Delta = "Delta",
        Periodic = "Periodic",
    }
}

text_enum! {
    /// The specification's EventNotificationEnumType.
    pub enum EventNotification {
        HardWiredNotification = "HardWiredNotification",
        HardWiredMonitor = "HardWiredMonitor",
        PreconfiguredMonitor = "PreconfiguredMonitor",
        CustomMonitor = "CustomMonitor",
    }
}

record! {
    /// The specification's EventDataType.
    pub struct EventData {
        event_id as "eventId": i64,
        timestamp as "timestamp": Timestamp,
        trigger as "trigger": EventTrigger,
        actual_value as "actualValue": Text<2500>,
        component as "component": Component,
        event_notification_type as "eventNotificationType": EventNotification,
        variable as "variable": Variable,
        cause as "cause": Option<i64>,
        tech_code as "techCode": Option<Text<50>>,
        tech_info as "techInfo": Option<Text<500>>,
        cleared as "cleared": Option<bool>,
        transaction_id as "transactionId": Option<Text<36>>,
        variable_monitoring_id as "variableMonitoringId": Option<i64>,
    }
}

record! {
    pub struct Request {
        generated_at as "generatedAt": Timestamp,
        seq_no as "seqNo": i64,
        event_data as "eventData": Many<EventData>,
        /// More parts of this report follow.
        to_be_continued as "tbc": Option<bool>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "NotifyEvent";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_connector_lock_fails() {
        let text = r#"{"generatedAt":"2026-11-22T12:00:00.000Z","seqNo":0,"eventData":[{"eventId":1,"timestamp":"2026-11-22T12:00:00.000Z","trigger":"Alerting","actualValue":"true","component":{"name":"ConnectorPlugRetentionLock","evse":{"id":1,"connectorId":1}},"eventNotificationType":"HardWiredNotification","variable":{"name":"Problem"}}]}"#;
        let request: Request = clean(text);
        assert_eq!(request.event_data[0].component.name, "ConnectorPlugRetentionLock");
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(
                r#"{"seqNo":0,"eventData":[{"eventId":1,"timestamp":"2026-11-22T12:00:00.000Z","trigger":"Alerting","actualValue":"true","component":{"name":"ConnectorPlugRetentionLock","evse":{"id":1,"connectorId":1}},"eventNotificationType":"HardWiredNotification","variable":{"name":"Problem"}}]}"#
            ),
            (ErrorCode::OccurrenceConstraintViolation, "generatedAt".into())
        );
    }
}
