//! SendLocalList: the idTags that a charge point may trust alone (§ 5.15).

use super::{IdTag, IdTagInfo};

text_enum! {
    /// The specification's UpdateType.
    pub enum UpdateType {
        Differential = "Differential",
        Full = "Full",
    }
}

record! {
    /// The specification's AuthorizationData.
    pub struct AuthorizationData {
        id_tag as "idTag": IdTag,
        /// Left out in a Differential: the idTag is removed.
        id_tag_info as "idTagInfo": Option<IdTagInfo>,
    }
}

record! {
    pub struct Request {
        /// The version of the list after this message.
        list_version as "listVersion": i64,
        local_authorization_list as "localAuthorizationList": Option<Vec<AuthorizationData>>,
        update_type as "updateType": UpdateType,
    }
}

text_enum! {
    /// The specification's UpdateStatus.
    pub enum Status {
        Accepted = "Accepted",
        Failed = "Failed",
        NotSupported = "NotSupported",
        VersionMismatch = "VersionMismatch",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "SendLocalList";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn two_cards_are_changed() {
        let text = r#"{"listVersion":2,"localAuthorizationList":[{"idTag":"A","idTagInfo":{"status":"Accepted"}},{"idTag":"B"}],"updateType":"Differential"}"#;
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
                r#"{"localAuthorizationList":[{"idTag":"A","idTagInfo":{"status":"Accepted"}},{"idTag":"B"}],"updateType":"Differential"}"#
            ),
            (crate::ErrorCode::OccurrenceConstraintViolation, "listVersion".into())
        );
    }
}
