//! Our commands in the words of OCPP 1.6, and what the charge point's answers mean.

use ocpp::Payload;
use ocpp::v16::common::Acceptance;
use ocpp::v16::{
    certificate_signed, change_configuration, get_configuration, remote_start_transaction, remote_stop_transaction, reset,
    set_charging_profile, trigger_message,
};
use platform::charging::{Command, CommandBody, CommandOutcome, PowerCap, ResetKind};
use platform::quirks::RateUnit;
use serde_json::value::RawValue;

use crate::handler::{Call, Unsayable, call, cap_limit};

/// The key of the interval between readings (1.6 § 9.1.17).
const METER_INTERVAL: &str = "MeterValueSampleInterval";
/// The key of what a reading holds (1.6 § 9.1.14).
const METER_CONTENT: &str = "MeterValuesSampledData";
/// The register bills; power makes the projection sharper; the state of charge is for the driver.
const METER_MEASURANDS: &str = "Energy.Active.Import.Register,Power.Active.Import,SoC";

/// The key of the password (1.6 security whitepaper § 2.2.1).
const PASSWORD: &str = "AuthorizationKey";

/// Says a command in 1.6.
pub(crate) fn say(command: &Command) -> Result<Call, Unsayable> {
    let id = command.id.to_string();
    match &command.body {
        CommandBody::Start { evse_no, id_tag, cap, .. } => call(
            &id,
            &remote_start_transaction::Request {
                connector_id: u32::try_from(*evse_no).ok(),
                id_tag: id_tag.as_str().into(),
                // Of a transaction that has no number yet (1.6 § 5.11).
                charging_profile: cap.map(|cap| profile(cap, None)).transpose()?,
            },
        ),
        CommandBody::Stop { transaction, .. } => {
            call(&id, &remote_stop_transaction::Request { transaction_id: i64::from(transaction.0) })
        }
        CommandBody::Reset { kind } => call(
            &id,
            &reset::Request {
                kind: match kind {
                    ResetKind::Soft => reset::Kind::Soft,
                    ResetKind::Hard => reset::Kind::Hard,
                },
            },
        ),
        CommandBody::ReportStatus { evse_no } => call(
            &id,
            &trigger_message::Request {
                requested_message: trigger_message::Requested::StatusNotification,
                connector_id: evse_no.and_then(|n| u32::try_from(n).ok()),
            },
        ),
        CommandBody::ReportBoot => call(
            &id,
            &trigger_message::Request { requested_message: trigger_message::Requested::BootNotification, connector_id: None },
        ),
        CommandBody::SetMeterInterval { seconds } => set(&id, METER_INTERVAL, &seconds.to_string()),
        CommandBody::SetPassword { password, .. } => set(&id, PASSWORD, password.expose()),
        CommandBody::SetMeterContent => set(&id, METER_CONTENT, METER_MEASURANDS),
        // No key means all of them (1.6 § 5.8).
        CommandBody::ReportInventory { .. } => call(&id, &get_configuration::Request { keys: None }),
        CommandBody::Cap { transaction, evse_no, cap, .. } => {
            let profile = profile(*cap, Some(i64::from(transaction.0)))?;
            call(&id, &set_charging_profile::Request { connector_id: u32::try_from(*evse_no).unwrap_or_default(), profile })
        }
        CommandBody::DeliverCertificate { pem, .. } => {
            call(&id, &certificate_signed::Request { certificate_chain: pem.as_str().into() })
        }
        // The display is 2.0.1's; what a person writes does not come here.
        CommandBody::ShowCost { .. } | CommandBody::Operator { .. } => Err(Unsayable::NoMessage),
    }
}

fn profile(cap: PowerCap, transaction: Option<i64>) -> Result<set_charging_profile::ChargingProfile, Unsayable> {
    let unit = match cap.unit {
        RateUnit::Watts => set_charging_profile::RateUnit::W,
        RateUnit::Amperes => set_charging_profile::RateUnit::A,
    };
    let (number, limit) = (i64::from(cap.number), cap_limit(cap.max_power_w, cap.unit));
    set_charging_profile::ChargingProfile::session_cap(number, transaction, limit, unit, Some(cap.ends_after_s))
        .ok_or(Unsayable::NoMessage)
}

fn set(id: &str, key: &str, value: &str) -> Result<Call, Unsayable> {
    call(id, &change_configuration::Request { key: key.into(), value: value.into() })
}

/// What the answer to a command means. An answer that cannot be understood is a failure, not a yes.
pub(crate) fn outcome(body: &CommandBody, payload: &RawValue) -> CommandOutcome {
    let accepted = match body {
        CommandBody::Start { .. } => {
            status::<remote_start_transaction::Response>(payload, |r| r.status == Acceptance::Accepted)
        }
        CommandBody::Stop { .. } => status::<remote_stop_transaction::Response>(payload, |r| r.status == Acceptance::Accepted),
        CommandBody::Reset { .. } => status::<reset::Response>(payload, |r| r.status == Acceptance::Accepted),
        CommandBody::ReportStatus { .. } | CommandBody::ReportBoot => {
            status::<trigger_message::Response>(payload, |r| r.status == trigger_message::Status::Accepted)
        }
        CommandBody::SetMeterInterval { .. } | CommandBody::SetMeterContent | CommandBody::SetPassword { .. } => {
            status::<change_configuration::Response>(payload, |r| {
                matches!(r.status, change_configuration::Status::Accepted | change_configuration::Status::RebootRequired)
            })
        }
        CommandBody::ReportInventory { .. } => status::<get_configuration::Response>(payload, |_| true),
        CommandBody::Cap { .. } => {
            status::<set_charging_profile::Response>(payload, |r| r.status == set_charging_profile::Status::Accepted)
        }
        CommandBody::DeliverCertificate { .. } => {
            status::<certificate_signed::Response>(payload, |r| r.status == Acceptance::Accepted)
        }
        CommandBody::ShowCost { .. } | CommandBody::Operator { .. } => None,
    };
    match accepted {
        Some(true) => CommandOutcome::Accepted,
        Some(false) => CommandOutcome::Rejected,
        None => CommandOutcome::Failed,
    }
}

fn status<P: Payload>(payload: &RawValue, is_accepted: impl FnOnce(&P) -> bool) -> Option<bool> {
    P::decode(payload).ok().map(|decoded| is_accepted(&decoded.value))
}
