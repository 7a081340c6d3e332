//! Reset: restart the station or an EVSE (B11, B12).

use super::common::StatusInfo;

text_enum! {
    /// The specification's ResetEnumType.
    pub enum Kind {
        Immediate = "Immediate",
        OnIdle = "OnIdle",
    }
}

record! {
    pub struct Request {
        kind as "type": Kind,
        /// Left out: the whole station.
        evse_id as "evseId": Option<u32>,
    }
}

text_enum! {
    /// The specification's ResetStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
        Scheduled = "Scheduled",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "Reset";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_restart_when_idle() {
        let text = r#"{"type":"OnIdle","evseId":1}"#;
        let request: Request = clean(text);
        assert_eq!(request.kind, Kind::OnIdle);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Scheduled"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{"evseId":1}"#), (ErrorCode::OccurrenceConstraintViolation, "type".into()));
    }
}
