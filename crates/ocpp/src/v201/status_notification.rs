//! StatusNotification: how a connector is (G01). A transaction is no status here: the five are all there are.

use crate::Timestamp;

text_enum! {
    /// The specification's ConnectorStatusEnumType.
    pub enum ConnectorStatus {
        Available = "Available",
        Occupied = "Occupied",
        Reserved = "Reserved",
        Unavailable = "Unavailable",
        Faulted = "Faulted",
    }
}

record! {
    pub struct Request {
        timestamp as "timestamp": Timestamp,
        connector_status as "connectorStatus": ConnectorStatus,
        /// 0 with connector 0 is sent for the station itself by some.
        evse_id as "evseId": u32,
        connector_id as "connectorId": u32,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "StatusNotification";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, noted, refused};

    #[test]
    fn a_connector_is_taken() {
        let text = r#"{"timestamp":"2026-11-22T12:00:00.000Z","connectorStatus":"Occupied","evseId":1,"connectorId":1}"#;
        let request: Request = clean(text);
        assert_eq!(request.connector_status, ConnectorStatus::Occupied);
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn the_station_itself_and_states_of_1_6() {
        let (request, notes) =
            noted::<Request>(r#"{"timestamp":"2026-11-22T12:00:00","connectorStatus":"Charging","evseId":0,"connectorId":0}"#);
        assert_eq!((request.evse_id, request.connector_status.as_str()), (0, "Charging"));
        assert_eq!(notes, ["timestamp: has no time zone, taken for UTC", "connectorStatus: unknown value 'Charging'"]);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"connectorStatus":"Occupied","evseId":1,"connectorId":1}"#),
            (ErrorCode::OccurrenceConstraintViolation, "timestamp".into())
        );
    }
}
