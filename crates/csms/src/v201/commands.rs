//! Our commands in the words of OCPP 2.0.1, and what the charge point's answers mean.

use ocpp::Payload;
use ocpp::v201::certificates::CertificateSigningUse;
use ocpp::v201::common::{GenericDeviceModelStatus, StartStopStatus};
use ocpp::v201::device_model::{Component, Variable};
use ocpp::v201::smart_charging::{ChargingProfile, ChargingRateUnit};
use ocpp::v201::{
    Evse, IdToken, IdTokenType, certificate_signed, cost_updated, get_base_report, request_start_transaction,
    request_stop_transaction, reset, set_charging_profile, set_variables, trigger_message,
};
use platform::charging::{Command, CommandBody, CommandOutcome, PowerCap, ResetKind};
use platform::quirks::RateUnit;
use serde_json::value::RawValue;

use super::transaction_event::som;
use crate::handler::{Call, Unsayable, call, cap_limit};

/// The component of the interval and the contents of readings.
const SAMPLED_DATA: &str = "SampledDataCtrlr";
const METER_INTERVAL: &str = "TxUpdatedInterval";
const METER_CONTENT: &str = "TxUpdatedMeasurands";
/// The component of the password, and its variable (2.0.1 A01.FR.02).
const SECURITY: &str = "SecurityCtrlr";
const PASSWORD: &str = "BasicAuthPassword";
/// The register bills; power makes the projection sharper; the state of charge is for the driver.
const METER_MEASURANDS: &str = "Energy.Active.Import.Register,Power.Active.Import,SoC";

/// Says a command in 2.0.1.
pub(super) fn say(command: &Command) -> Result<Call, Unsayable> {
    let id = command.id.to_string();
    match &command.body {
        CommandBody::Start { evse_no, id_tag, remote_start, cap, .. } => call(
            &id,
            &request_start_transaction::Request {
                evse_id: u32::try_from(*evse_no).ok(),
                // Those of sessions have a number; it is what the charge point names the start by.
                remote_start_id: i64::from(remote_start.unwrap_or_default()),
                id_token: IdToken::new(IdTokenType::Central, id_tag),
                // Of a transaction that has no name yet (F01).
                charging_profile: cap.map(|cap| profile(cap, None)).transpose()?,
                group_id_token: None,
            },
        ),
        CommandBody::Stop { transaction, station_ref } => {
            let transaction_id = station_ref.clone().unwrap_or_else(|| transaction.0.to_string());
            call(&id, &request_stop_transaction::Request { transaction_id: transaction_id.as_str().into() })
        }
        CommandBody::Reset { kind } => call(
            &id,
            &reset::Request {
                kind: match kind {
                    ResetKind::Soft => reset::Kind::OnIdle,
                    ResetKind::Hard => reset::Kind::Immediate,
                },
                evse_id: None,
            },
        ),
        CommandBody::ReportStatus { evse_no } => call(
            &id,
            &trigger_message::Request {
                requested_message: trigger_message::Requested::StatusNotification,
                // 2.0.1 wants the connector beside the EVSE.
                evse: evse_no.filter(|n| *n > 0).map(|evse_no| Evse { id: i64::from(evse_no), connector_id: Some(1) }),
            },
        ),
        CommandBody::ReportBoot => {
            call(&id, &trigger_message::Request { requested_message: trigger_message::Requested::BootNotification, evse: None })
        }
        CommandBody::SetMeterInterval { seconds } => set(&id, SAMPLED_DATA, METER_INTERVAL, &seconds.to_string()),
        CommandBody::SetMeterContent => set(&id, SAMPLED_DATA, METER_CONTENT, METER_MEASURANDS),
        CommandBody::SetPassword { password, .. } => set(&id, SECURITY, PASSWORD, password.expose()),
        CommandBody::ReportInventory { request } => call(
            &id,
            &get_base_report::Request {
                request_id: i64::from(*request),
                report_base: get_base_report::ReportBase::FullInventory,
            },
        ),
        CommandBody::Cap { station_ref, evse_no, cap, .. } => {
            let charging_profile = profile(*cap, station_ref.as_deref())?;
            call(&id, &set_charging_profile::Request { evse_id: u32::try_from(*evse_no).unwrap_or_default(), charging_profile })
        }
        CommandBody::ShowCost { transaction, station_ref, cost } => {
            let transaction_id = station_ref.clone().unwrap_or_else(|| transaction.0.to_string());
            call(&id, &cost_updated::Request { total_cost: som(*cost), transaction_id: transaction_id.as_str().into() })
        }
        CommandBody::DeliverCertificate { pem, .. } => call(
            &id,
            &certificate_signed::Request {
                certificate_chain: pem.as_str().into(),
                certificate_type: Some(CertificateSigningUse::ChargingStationCertificate),
            },
        ),
        // What a person writes does not come here.
        CommandBody::Operator { .. } => Err(Unsayable::NoMessage),
    }
}

fn set(id: &str, component: &str, name: &str, value: &str) -> Result<Call, Unsayable> {
    let data = set_variables::SetVariableData {
        attribute_type: None,
        attribute_value: value.into(),
        component: Component { name: component.into(), instance: None, evse: None },
        variable: Variable { name: name.into(), instance: None },
    };
    call(id, &set_variables::Request { set_variable_data: vec![data].into() })
}

fn profile(cap: PowerCap, transaction: Option<&str>) -> Result<ChargingProfile, Unsayable> {
    let unit = match cap.unit {
        RateUnit::Watts => ChargingRateUnit::W,
        RateUnit::Amperes => ChargingRateUnit::A,
    };
    let (number, limit) = (i64::from(cap.number), cap_limit(cap.max_power_w, cap.unit));
    ChargingProfile::session_cap(number, transaction, limit, unit, Some(cap.ends_after_s)).ok_or(Unsayable::NoMessage)
}

/// What the answer to a command means. An answer that cannot be understood is a failure, not a yes.
pub(super) fn outcome(body: &CommandBody, payload: &RawValue) -> CommandOutcome {
    let accepted = match body {
        CommandBody::Start { .. } => {
            status::<request_start_transaction::Response>(payload, |r| r.status == StartStopStatus::Accepted)
        }
        CommandBody::Stop { .. } => {
            status::<request_stop_transaction::Response>(payload, |r| r.status == StartStopStatus::Accepted)
        }
        CommandBody::Reset { .. } => {
            status::<reset::Response>(payload, |r| matches!(r.status, reset::Status::Accepted | reset::Status::Scheduled))
        }
        CommandBody::ReportStatus { .. } | CommandBody::ReportBoot => {
            status::<trigger_message::Response>(payload, |r| r.status == trigger_message::Status::Accepted)
        }
        CommandBody::SetMeterInterval { .. } | CommandBody::SetMeterContent | CommandBody::SetPassword { .. } => {
            status::<set_variables::Response>(payload, |r| {
                !r.set_variable_result.is_empty()
                    && r.set_variable_result.iter().all(|result| {
                        matches!(
                            result.attribute_status,
                            set_variables::SetVariableStatus::Accepted | set_variables::SetVariableStatus::RebootRequired
                        )
                    })
            })
        }
        CommandBody::ReportInventory { .. } => {
            status::<get_base_report::Response>(payload, |r| r.status == GenericDeviceModelStatus::Accepted)
        }
        CommandBody::Cap { .. } => {
            status::<set_charging_profile::Response>(payload, |r| r.status == set_charging_profile::Status::Accepted)
        }
        CommandBody::ShowCost { .. } => status::<cost_updated::Response>(payload, |_| true),
        CommandBody::DeliverCertificate { .. } => {
            status::<certificate_signed::Response>(payload, |r| r.status == certificate_signed::Status::Accepted)
        }
        CommandBody::Operator { .. } => None,
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
