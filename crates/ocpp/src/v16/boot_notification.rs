//! BootNotification: a charge point says who it is and asks for the time (§ 4.2, § 6.3).

use crate::{Text, Timestamp};

record! {
    #[derive(Default)]
    pub struct Request {
        charge_point_vendor as "chargePointVendor": Text<20>,
        charge_point_model as "chargePointModel": Text<20>,
        charge_point_serial_number as "chargePointSerialNumber": Option<Text<25>>,
        charge_box_serial_number as "chargeBoxSerialNumber": Option<Text<25>>,
        firmware_version as "firmwareVersion": Option<Text<50>>,
        iccid as "iccid": Option<Text<20>>,
        imsi as "imsi": Option<Text<20>>,
        meter_type as "meterType": Option<Text<25>>,
        meter_serial_number as "meterSerialNumber": Option<Text<25>>,
    }
}

text_enum! {
    /// The specification's RegistrationStatus.
    pub enum RegistrationStatus {
        Accepted = "Accepted",
        Pending = "Pending",
        Rejected = "Rejected",
    }
}

record! {
    pub struct Response {
        status as "status": RegistrationStatus,
        current_time as "currentTime": Timestamp,
        /// Seconds: between heartbeats when accepted, before the next BootNotification when not. 0 leaves it to the charge point.
        interval_s as "interval": u32,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "BootNotification";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v16::common::testing::{clean, json, noted, refused};
    use crate::{ErrorCode, Payload as _};

    #[test]
    fn a_charger_introduces_itself() {
        let request: Request = clean(r#"{"chargePointVendor":"Petroleum","chargePointModel":"DC-60","firmwareVersion":"1.2"}"#);
        assert_eq!(request.firmware_version.as_deref(), Some("1.2"));
        assert_eq!(request.iccid, None);
        assert_eq!(
            json(&Response {
                status: RegistrationStatus::Accepted,
                current_time: chrono::DateTime::from_timestamp(1_795_348_800, 0).unwrap().into(),
                interval_s: 300,
            }),
            r#"{"status":"Accepted","currentTime":"2026-11-22T12:00:00.000Z","interval":300}"#
        );
    }

    #[test]
    fn an_empty_vendor_a_null_and_a_nul_are_survived() {
        let (request, notes) = noted::<Request>(
            r#"{"chargePointVendor":"","chargePointModel":"M\u0000","iccid":null,"imsi":5,"chargerType":"AC"}"#,
        );
        assert_eq!((request.charge_point_vendor.as_str(), request.charge_point_model.as_str()), ("", "M\u{fffd}"));
        assert_eq!(
            notes,
            [
                "chargePointModel: has a U+0000, replaced",
                "iccid: null instead of being left out",
                "imsi: is a number, must be a string, left out",
                "chargerType: unknown field, ignored",
            ]
        );
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"chargePointVendor":"V"}"#),
            (ErrorCode::OccurrenceConstraintViolation, "chargePointModel".into())
        );
        let long = Request { charge_point_vendor: "x".repeat(21).into(), ..Request::default() };
        assert!(long.encode().is_err());
    }
}
