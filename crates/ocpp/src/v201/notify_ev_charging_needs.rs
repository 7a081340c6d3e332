//! NotifyEVChargingNeeds: what a vehicle wants (K15).

use super::common::{Percent, StatusInfo};
use crate::Timestamp;

record! {
    /// The specification's ACChargingParametersType.
    pub struct AcChargingParameters {
        energy_amount_wh as "energyAmount": i64,
        ev_min_current_a as "evMinCurrent": u32,
        ev_max_current_a as "evMaxCurrent": u32,
        ev_max_voltage_v as "evMaxVoltage": u32,
    }
}

record! {
    /// The specification's DCChargingParametersType.
    #[derive(Default)]
    pub struct DcChargingParameters {
        ev_max_current_a as "evMaxCurrent": u32,
        ev_max_voltage_v as "evMaxVoltage": u32,
        energy_amount_wh as "energyAmount": Option<i64>,
        ev_max_power_w as "evMaxPower": Option<i64>,
        soc_percent as "stateOfCharge": Option<Percent>,
        ev_energy_capacity_wh as "evEnergyCapacity": Option<i64>,
        full_soc_percent as "fullSoC": Option<Percent>,
        bulk_soc_percent as "bulkSoC": Option<Percent>,
    }
}

text_enum! {
    /// The specification's EnergyTransferModeEnumType.
    pub enum EnergyTransferMode {
        Dc = "DC",
        AcSinglePhase = "AC_single_phase",
        AcTwoPhase = "AC_two_phase",
        AcThreePhase = "AC_three_phase",
    }
}

record! {
    /// The specification's ChargingNeedsType.
    pub struct ChargingNeeds {
        requested_energy_transfer as "requestedEnergyTransfer": EnergyTransferMode,
        ac_charging_parameters as "acChargingParameters": Option<AcChargingParameters>,
        dc_charging_parameters as "dcChargingParameters": Option<DcChargingParameters>,
        departure_time as "departureTime": Option<Timestamp>,
    }
}

record! {
    pub struct Request {
        charging_needs as "chargingNeeds": ChargingNeeds,
        evse_id as "evseId": u32,
        max_schedule_tuples as "maxScheduleTuples": Option<u32>,
    }
}

text_enum! {
    /// The specification's NotifyEVChargingNeedsStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
        Processing = "Processing",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "NotifyEVChargingNeeds";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, noted, refused};

    #[test]
    fn a_vehicle_wants_energy() {
        let text = r#"{"chargingNeeds":{"requestedEnergyTransfer":"DC","dcChargingParameters":{"evMaxCurrent":200,"evMaxVoltage":400,"stateOfCharge":40}},"evseId":1}"#;
        let request: Request = clean(text);
        let parameters = request.charging_needs.dc_charging_parameters.as_ref().expect("they are there");
        assert_eq!(parameters.soc_percent.map(Percent::get), Some(40));
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Processing"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn no_battery_is_more_than_full() {
        let (request, notes) = noted::<Request>(
            r#"{"evseId":1,"chargingNeeds":{"requestedEnergyTransfer":"DC","dcChargingParameters":{"evMaxCurrent":200,"evMaxVoltage":400,"fullSoC":101}}}"#,
        );
        let parameters = request.charging_needs.dc_charging_parameters.expect("they are there");
        assert_eq!((parameters.full_soc_percent, parameters.ev_max_current_a), (None, 200));
        assert_eq!(notes, ["chargingNeeds.dcChargingParameters.fullSoC: is not between 0 and 100, left out"]);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{"evseId":1}"#), (ErrorCode::OccurrenceConstraintViolation, "chargingNeeds".into()));
    }
}
