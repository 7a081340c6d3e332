//! SendLocalList: the list of tokens that a station may trust alone (D01).

use super::common::{IdToken, IdTokenInfo, Many, StatusInfo};

record! {
    /// The specification's AuthorizationData.
    pub struct AuthorizationData {
        id_token as "idToken": IdToken,
        /// Left out in a Differential: the token is removed.
        id_token_info as "idTokenInfo": Option<IdTokenInfo>,
    }
}

text_enum! {
    /// The specification's UpdateEnumType.
    pub enum UpdateType {
        Differential = "Differential",
        Full = "Full",
    }
}

record! {
    pub struct Request {
        /// The version of the list after this message.
        version_number as "versionNumber": i64,
        update_type as "updateType": UpdateType,
        local_authorization_list as "localAuthorizationList": Option<Many<AuthorizationData>>,
    }
}

text_enum! {
    /// The specification's SendLocalListStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Failed = "Failed",
        VersionMismatch = "VersionMismatch",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "SendLocalList";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn two_cards_are_changed() {
        let text = r#"{"versionNumber":2,"updateType":"Differential","localAuthorizationList":[{"idToken":{"idToken":"A","type":"ISO14443"},"idTokenInfo":{"status":"Accepted"}},{"idToken":{"idToken":"B","type":"ISO14443"}}]}"#;
        let request: Request = clean(text);
        assert_eq!(request.update_type, UpdateType::Differential);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"VersionMismatch"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(
                r#"{"updateType":"Differential","localAuthorizationList":[{"idToken":{"idToken":"A","type":"ISO14443"},"idTokenInfo":{"status":"Accepted"}},{"idToken":{"idToken":"B","type":"ISO14443"}}]}"#
            ),
            (ErrorCode::OccurrenceConstraintViolation, "versionNumber".into())
        );
    }
}
