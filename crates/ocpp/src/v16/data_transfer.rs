//! DataTransfer: vendors' own messages, both ways (§ 4.3, § 5.6).

use serde::Serialize;
use serde_json::Value;

use crate::decode::{Field, Notes, Path};
use crate::text::kept;
use crate::{DecodeError, Text};

/// Any text. Some send an object where the standard has a string: it is kept as its JSON text and noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Data(pub Box<str>);

impl Field for Data {
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        match value {
            Value::String(text) => Ok(Self(kept(text, path, notes))),
            other => {
                notes.add(path, format!("is {}, must be a string", crate::decode::type_name(other)));
                Ok(Self(kept(&crate::storable_json(&other.to_string()), path, notes)))
            }
        }
    }
}

record! {
    pub struct Request {
        vendor_id as "vendorId": Text<255>,
        message_id as "messageId": Option<Text<50>>,
        data as "data": Option<Data>,
    }
}

text_enum! {
    /// The specification's DataTransferStatus.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
        UnknownMessageId = "UnknownMessageId",
        UnknownVendorId = "UnknownVendorId",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        data as "data": Option<Data>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "DataTransfer";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v16::common::testing::{clean, json, noted};

    #[test]
    fn text_and_what_is_sent_for_it() {
        let request: Request = clean(r#"{"vendorId":"kg.petroleum","messageId":"Ping","data":"{\"a\":1}"}"#);
        assert_eq!(request.data, Some(Data(r#"{"a":1}"#.into())));
        let (request, notes) = noted::<Request>(r#"{"vendorId":"v","data":{"a":1}}"#);
        assert_eq!(request.data, Some(Data(r#"{"a":1}"#.into())));
        assert_eq!(notes, ["data: is an object, must be a string"]);
        assert_eq!(json(&Response { status: Status::UnknownVendorId, data: None }), r#"{"status":"UnknownVendorId"}"#);
    }
}
