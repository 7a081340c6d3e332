//! CustomerInformation: tell or forget what is known about a customer (N09, N10).

use super::certificates::CertificateHashData;
use super::common::{IdToken, StatusInfo};
use crate::Text;

record! {
    #[derive(Default)]
    pub struct Request {
        request_id as "requestId": i64,
        report as "report": bool,
        clear as "clear": bool,
        customer_certificate as "customerCertificate": Option<CertificateHashData>,
        id_token as "idToken": Option<IdToken>,
        customer_identifier as "customerIdentifier": Option<Text<64>>,
    }
}

text_enum! {
    /// The specification's CustomerInformationStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
        Invalid = "Invalid",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "CustomerInformation";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_customer_is_forgotten() {
        let text = r#"{"requestId":5,"report":false,"clear":true,"customerIdentifier":"c-1"}"#;
        let request: Request = clean(text);
        assert_eq!((request.report, request.clear), (false, true));
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"report":false,"clear":true,"customerIdentifier":"c-1"}"#),
            (ErrorCode::OccurrenceConstraintViolation, "requestId".into())
        );
    }
}
