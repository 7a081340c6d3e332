//! UpdateFirmware: install this firmware (§ 5.19). How it goes is told by FirmwareStatusNotification.

use crate::{Text, Timestamp};

record! {
    pub struct Request {
        /// The file, a URI.
        location as "location": Text<2500>,
        /// How often to try again; left out, the charge point decides.
        retries as "retries": Option<u32>,
        retrieve_date as "retrieveDate": Timestamp,
        retry_interval_s as "retryInterval": Option<u32>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "UpdateFirmware";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn an_update() {
        let text = r#"{"location":"https://fw.example/2.bin","retrieveDate":"2026-11-22T12:00:00.000Z"}"#;
        let request: Request = clean(text);
        assert_eq!(request.location, "https://fw.example/2.bin");
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"retrieveDate":"2026-11-22T12:00:00.000Z"}"#),
            (crate::ErrorCode::OccurrenceConstraintViolation, "location".into())
        );
    }
}
