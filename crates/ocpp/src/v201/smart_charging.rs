//! Charging profiles: caps on power over time. We use a TxProfile as the cap of a session.

pub use crate::v16::set_charging_profile::Limit;

use super::common::Many;
use crate::{Decimal, Text, Timestamp};

text_enum! {
    /// The specification's ChargingProfilePurposeEnumType.
    pub enum ChargingProfilePurpose {
        ChargingStationExternalConstraints = "ChargingStationExternalConstraints",
        ChargingStationMaxProfile = "ChargingStationMaxProfile",
        TxDefaultProfile = "TxDefaultProfile",
        TxProfile = "TxProfile",
    }
}

text_enum! {
    /// The specification's ChargingProfileKindEnumType.
    pub enum ChargingProfileKind {
        Absolute = "Absolute",
        Recurring = "Recurring",
        Relative = "Relative",
    }
}

text_enum! {
    /// The specification's RecurrencyKindEnumType.
    pub enum RecurrencyKind {
        Daily = "Daily",
        Weekly = "Weekly",
    }
}

text_enum! {
    /// The specification's ChargingRateUnitEnumType.
    pub enum ChargingRateUnit {
        W = "W",
        A = "A",
    }
}

record! {
    /// The specification's ChargingSchedulePeriodType.
    pub struct ChargingSchedulePeriod {
        /// From the start of the schedule.
        start_period_s as "startPeriod": u32,
        limit as "limit": Limit,
        number_phases as "numberPhases": Option<u32>,
        phase_to_use as "phaseToUse": Option<u32>,
    }
}

record! {
    /// The specification's RelativeTimeIntervalType.
    pub struct RelativeTimeInterval {
        start_s as "start": u32,
        duration_s as "duration": Option<u32>,
    }
}

text_enum! {
    /// The specification's CostKindEnumType.
    pub enum CostKind {
        CarbonDioxideEmission = "CarbonDioxideEmission",
        RelativePricePercentage = "RelativePricePercentage",
        RenewableGenerationPercentage = "RenewableGenerationPercentage",
    }
}

record! {
    /// The specification's CostType.
    pub struct Cost {
        cost_kind as "costKind": CostKind,
        amount as "amount": i64,
        amount_multiplier as "amountMultiplier": Option<i32>,
    }
}

record! {
    /// The specification's ConsumptionCostType.
    pub struct ConsumptionCost {
        start_value as "startValue": Decimal,
        cost as "cost": Many<Cost, 3>,
    }
}

record! {
    /// The specification's SalesTariffEntryType.
    pub struct SalesTariffEntry {
        relative_time_interval as "relativeTimeInterval": RelativeTimeInterval,
        e_price_level as "ePriceLevel": Option<u32>,
        consumption_cost as "consumptionCost": Option<Many<ConsumptionCost, 3>>,
    }
}

record! {
    /// The specification's SalesTariffType.
    #[derive(Default)]
    pub struct SalesTariff {
        id as "id": i64,
        sales_tariff_entry as "salesTariffEntry": Many<SalesTariffEntry, 1024>,
        sales_tariff_description as "salesTariffDescription": Option<Text<32>>,
        num_e_price_levels as "numEPriceLevels": Option<u32>,
    }
}

record! {
    /// The specification's ChargingScheduleType.
    pub struct ChargingSchedule {
        id as "id": i64,
        charging_rate_unit as "chargingRateUnit": ChargingRateUnit,
        charging_schedule_period as "chargingSchedulePeriod": Many<ChargingSchedulePeriod, 1024>,
        start_schedule as "startSchedule": Option<Timestamp>,
        /// Left out: the last period goes on.
        duration_s as "duration": Option<u32>,
        min_charging_rate as "minChargingRate": Option<Limit>,
        sales_tariff as "salesTariff": Option<SalesTariff>,
    }
}

record! {
    /// The specification's ChargingProfileType.
    pub struct ChargingProfile {
        id as "id": i64,
        /// A higher level goes before a lower one.
        stack_level as "stackLevel": u32,
        charging_profile_purpose as "chargingProfilePurpose": ChargingProfilePurpose,
        charging_profile_kind as "chargingProfileKind": ChargingProfileKind,
        charging_schedule as "chargingSchedule": Many<ChargingSchedule, 3>,
        recurrency_kind as "recurrencyKind": Option<RecurrencyKind>,
        valid_from as "validFrom": Option<Timestamp>,
        valid_to as "validTo": Option<Timestamp>,
        transaction_id as "transactionId": Option<Text<36>>,
    }
}

text_enum! {
    /// The specification's ChargingLimitSourceEnumType.
    pub enum ChargingLimitSource {
        Ems = "EMS",
        OtherSource = "Other",
        So = "SO",
        Cso = "CSO",
    }
}

impl ChargingProfile {
    /// A cap for one transaction: `limit` from its start, and 0 after `duration_s` if one is given.
    /// `None` when the limit does not fit.
    pub fn session_cap(
        id: i64,
        transaction_id: Option<&str>,
        limit: i64,
        unit: ChargingRateUnit,
        duration_s: Option<u32>,
    ) -> Option<Self> {
        let period = |start_period_s, limit| {
            Some(ChargingSchedulePeriod {
                start_period_s,
                limit: Limit::whole(limit)?,
                number_phases: None,
                phase_to_use: None,
            })
        };
        let mut periods = vec![period(0, limit)?];
        if let Some(duration_s) = duration_s {
            periods.push(period(duration_s, 0)?);
        }
        let schedule = ChargingSchedule {
            id,
            charging_rate_unit: unit,
            charging_schedule_period: periods.into(),
            start_schedule: None,
            duration_s: None,
            min_charging_rate: None,
            sales_tariff: None,
        };
        Some(Self {
            id,
            stack_level: 0,
            charging_profile_purpose: ChargingProfilePurpose::TxProfile,
            charging_profile_kind: ChargingProfileKind::Relative,
            charging_schedule: vec![schedule].into(),
            recurrency_kind: None,
            valid_from: None,
            valid_to: None,
            transaction_id: transaction_id.map(Into::into),
        })
    }
}
