//! ChangeAvailability: take a connector out of service, or back (§ 5.2, § 6.7).

text_enum! {
    /// The specification's AvailabilityType.
    pub enum Availability {
        Inoperative = "Inoperative",
        Operative = "Operative",
    }
}

record! {
    pub struct Request {
        /// 0 is the charge point with all its connectors.
        connector_id as "connectorId": u32,
        availability as "type": Availability,
    }
}

text_enum! {
    /// The specification's AvailabilityStatus.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
        /// When the running transaction ends.
        Scheduled = "Scheduled",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "ChangeAvailability";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v16::common::testing::{clean, json};

    #[test]
    fn out_of_service() {
        let request = Request { connector_id: 0, availability: Availability::Inoperative };
        assert_eq!(json(&request), r#"{"connectorId":0,"type":"Inoperative"}"#);
        assert_eq!(clean::<Response>(r#"{"status":"Scheduled"}"#).status, Status::Scheduled);
    }
}
