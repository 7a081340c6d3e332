//! SetChargingProfile: a cap on power over time (§ 5.16, § 6.43). We use its TxProfile as the cap of a session.

use crate::decode::{Field, Notes, Path};
use crate::{Decimal, DecodeError, Timestamp};

text_enum! {
    /// The specification's ChargingProfilePurposeType.
    pub enum Purpose {
        ChargePointMaxProfile = "ChargePointMaxProfile",
        TxDefaultProfile = "TxDefaultProfile",
        TxProfile = "TxProfile",
    }
}

text_enum! {
    /// The specification's ChargingProfileKindType.
    pub enum ProfileKind {
        Absolute = "Absolute",
        Recurring = "Recurring",
        Relative = "Relative",
    }
}

text_enum! {
    /// The specification's RecurrencyKindType.
    pub enum Recurrency {
        Daily = "Daily",
        Weekly = "Weekly",
    }
}

text_enum! {
    /// The specification's ChargingRateUnitType.
    pub enum RateUnit {
        W = "W",
        A = "A",
    }
}

/// Watts or amperes with at most one decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Limit(pub Decimal);

impl Limit {
    /// `None` when it does not fit.
    pub fn whole(units: i64) -> Option<Self> {
        Decimal::from_whole(units).map(Self)
    }
}

impl Field for Limit {
    fn read(value: &serde_json::Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        let limit = Self(Decimal::read(value, path, notes)?);
        limit.check(path, notes);
        Ok(limit)
    }

    fn check(&self, path: &Path<'_>, notes: &mut Notes) {
        if self.0.milli() % 100 != 0 {
            notes.add(path, "has more than one decimal");
        }
        if self.0.milli() < 0 {
            notes.add(path, "is negative");
        }
    }
}

record! {
    /// The specification's ChargingSchedulePeriod.
    pub struct Period {
        /// Seconds from the start of the schedule.
        start_period_s as "startPeriod": u32,
        limit as "limit": Limit,
        number_phases as "numberPhases": Option<u32>,
    }
}

record! {
    /// The specification's ChargingSchedule.
    pub struct Schedule {
        duration_s as "duration": Option<u32>,
        start_schedule as "startSchedule": Option<Timestamp>,
        charging_rate_unit as "chargingRateUnit": RateUnit,
        periods as "chargingSchedulePeriod": Vec<Period>,
        min_charging_rate as "minChargingRate": Option<Limit>,
    }
}

record! {
    /// The specification's ChargingProfile.
    pub struct ChargingProfile {
        id as "chargingProfileId": i64,
        transaction_id as "transactionId": Option<i64>,
        stack_level as "stackLevel": u32,
        purpose as "chargingProfilePurpose": Purpose,
        kind as "chargingProfileKind": ProfileKind,
        recurrency as "recurrencyKind": Option<Recurrency>,
        valid_from as "validFrom": Option<Timestamp>,
        valid_to as "validTo": Option<Timestamp>,
        schedule as "chargingSchedule": Schedule,
    }
}

impl ChargingProfile {
    /// A cap for one transaction: `limit` from its start, and 0 after `duration_s` if one is given.
    /// `None` when the limit does not fit.
    pub fn session_cap(
        id: i64,
        transaction_id: Option<i64>,
        limit: i64,
        unit: RateUnit,
        duration_s: Option<u32>,
    ) -> Option<Self> {
        let period = |start_period_s, limit| Some(Period { start_period_s, limit: Limit::whole(limit)?, number_phases: None });
        let mut periods = vec![period(0, limit)?];
        if let Some(duration_s) = duration_s {
            periods.push(period(duration_s, 0)?);
        }
        Some(Self {
            id,
            transaction_id,
            stack_level: 0,
            purpose: Purpose::TxProfile,
            kind: ProfileKind::Relative,
            recurrency: None,
            valid_from: None,
            valid_to: None,
            schedule: Schedule {
                duration_s: None,
                start_schedule: None,
                charging_rate_unit: unit,
                periods,
                min_charging_rate: None,
            },
        })
    }
}

record! {
    pub struct Request {
        connector_id as "connectorId": u32,
        profile as "csChargingProfiles": ChargingProfile,
    }
}

text_enum! {
    /// The specification's ChargingProfileStatus.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
        NotSupported = "NotSupported",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "SetChargingProfile";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Payload as _;
    use crate::v16::common::testing::{clean, json};

    #[test]
    fn a_session_is_capped() {
        let profile = ChargingProfile::session_cap(7, Some(42), 11_000, RateUnit::W, Some(3600)).unwrap();
        let text = json(&Request { connector_id: 1, profile });
        assert_eq!(
            text,
            r#"{"connectorId":1,"csChargingProfiles":{"chargingProfileId":7,"transactionId":42,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Relative","chargingSchedule":{"chargingRateUnit":"W","chargingSchedulePeriod":[{"startPeriod":0,"limit":11000},{"startPeriod":3600,"limit":0}]}}}"#
        );
        assert_eq!(clean::<Request>(&text).profile.schedule.periods.len(), 2);
    }

    #[test]
    fn limits_have_one_decimal() {
        let mut request: Request = clean(
            r#"{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Absolute","chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":16.5}]}}}"#,
        );
        assert!(json(&request).contains(r#""limit":16.5"#));
        request.profile.schedule.periods[0].limit = Limit(Decimal::from_milli(16_550));
        assert!(request.encode().is_err());
    }
}
