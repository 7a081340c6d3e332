//! Delivery reports that the gateway pushes. They are not signed: the address must be secret, and a report moves nothing but its own row.

use super::xml::{self, XmlError};
use super::{read_report, wire_time_of};
use crate::sms::{DeliveryReport, SmsMessageId};

/// The largest push that is read.
pub const BODY_BYTES_MAX: usize = xml::DOCUMENT_BYTES_MAX;

/// A report of one message at one phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushReport {
    pub id: SmsMessageId,
    pub report: DeliveryReport,
}

/// Reads a push: several messages, several phones each. Entries that make no sense are left out; answer 200 all the same.
pub fn parse(body: &[u8]) -> Result<Vec<PushReport>, XmlError> {
    let root = xml::parse(body)?;
    let mut reports = Vec::new();
    // Some send a single message without the frame around it.
    let single = root.name.eq_ignore_ascii_case("dr").then_some(&root);
    for dr in root.all("dr").chain(single) {
        let Some(id) = dr.value("id").and_then(|id| SmsMessageId::parse(id).ok()) else { continue };
        for phone in dr.all("phone") {
            if let Some(report) = read_report(phone, wire_time_of) {
                reports.push(PushReport { id: id.clone(), report });
            }
        }
    }
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sms::DeliveryState;
    use chrono::{TimeZone as _, Utc};
    use proptest::prelude::*;

    #[test]
    fn several_messages_and_phones_come_in_one_push() {
        let body = br#"<?xml version="1.0" encoding="UTF-8"?>
            <report xmlns="http://Giper.mobi/schema/DeliveryReport">
              <dr><id>A1</id><phone><number>996550123456</number><report>3</report><sendTime>20100921235958</sendTime><rcvTime>20100921235959</rcvTime></phone>
                  <phone><number>996700123456</number><report>4</report></phone></dr>
              <dr><id>not/an/id</id><phone><number>1</number><report>3</report></phone></dr>
              <dr><id>A2</id><phone><number>996555000000</number><report>99</report><rcvTime>nonsense</rcvTime></phone></dr>
            </report>"#;
        let reports = parse(body).unwrap();
        let states: Vec<_> = reports.iter().map(|r| (r.id.as_str(), r.report.state)).collect();
        assert_eq!(
            states,
            [("A1", DeliveryState::Delivered), ("A1", DeliveryState::NotDelivered), ("A2", DeliveryState::Unknown)]
        );
        assert_eq!(reports[0].report.sent_at, Some(Utc.with_ymd_and_hms(2010, 9, 21, 17, 59, 58).unwrap()));
        assert_eq!(reports[2].report.received_at, None);
    }

    proptest! {
        #[test]
        fn no_push_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }
    }
}
