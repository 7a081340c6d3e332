//! Authorize: may this idTag charge? (§ 4.1, § 6.1)

use super::{IdTag, IdTagInfo};

record! {
    pub struct Request {
        id_tag as "idTag": IdTag,
    }
}

record! {
    pub struct Response {
        id_tag_info as "idTagInfo": IdTagInfo,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "Authorize";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::v16::AuthorizationStatus;
    use crate::v16::common::testing::{clean, json, noted, refused};

    #[test]
    fn a_tag_is_asked_about() {
        assert_eq!(clean::<Request>(r#"{"idTag":"04E1A2"}"#).id_tag, "04E1A2");
        assert_eq!(
            json(&Response { id_tag_info: IdTagInfo::new(AuthorizationStatus::Invalid) }),
            r#"{"idTagInfo":{"status":"Invalid"}}"#
        );
    }

    #[test]
    fn field_oddities() {
        let (request, notes) = noted::<Request>(r#"{"idTag":"0123456789012345678901","vendorX":{"a":[1]}}"#);
        assert_eq!(request.id_tag.len(), 22);
        assert_eq!(notes, ["idTag: has 22 characters, at most 20 are allowed", "vendorX: unknown field, ignored"]);
        let (response, notes) = noted::<Response>(r#"{"idTagInfo":{"status":"accepted","expiryDate":"soon"}}"#);
        assert_eq!(response.id_tag_info.status, AuthorizationStatus::Accepted);
        assert_eq!(notes, ["idTagInfo.status: 'accepted' taken for Accepted", "idTagInfo.expiryDate: not a date and time"]);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>("{}"), (ErrorCode::OccurrenceConstraintViolation, "idTag".into()));
        assert_eq!(refused::<Request>(r#"{"idTag":null}"#), (ErrorCode::OccurrenceConstraintViolation, "idTag".into()));
        assert_eq!(refused::<Request>(r#"{"idTag":12}"#), (ErrorCode::TypeConstraintViolation, "idTag".into()));
        assert_eq!(refused::<Request>("[]"), (ErrorCode::FormatViolation, String::new()));
        assert_eq!(refused::<Request>(r#"{"idTag":"\ud800"}"#), (ErrorCode::FormatViolation, String::new()));
        let novel = format!(r#"{{"idTag":"{}"}}"#, "x".repeat(5000));
        assert_eq!(refused::<Request>(&novel), (ErrorCode::PropertyConstraintViolation, "idTag".into()));
    }
}
