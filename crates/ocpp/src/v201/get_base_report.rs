//! GetBaseReport: send the device model; it comes by NotifyReport (B07).

use super::common::{GenericDeviceModelStatus, StatusInfo};

text_enum! {
    /// The specification's ReportBaseEnumType.
    pub enum ReportBase {
        ConfigurationInventory = "ConfigurationInventory",
        FullInventory = "FullInventory",
        SummaryInventory = "SummaryInventory",
    }
}

record! {
    pub struct Request {
        request_id as "requestId": i64,
        report_base as "reportBase": ReportBase,
    }
}

record! {
    pub struct Response {
        status as "status": GenericDeviceModelStatus,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetBaseReport";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn the_full_inventory() {
        let text = r#"{"requestId":3,"reportBase":"FullInventory"}"#;
        let request: Request = clean(text);
        assert_eq!(request.report_base, ReportBase::FullInventory);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"reportBase":"FullInventory"}"#),
            (ErrorCode::OccurrenceConstraintViolation, "requestId".into())
        );
    }
}
