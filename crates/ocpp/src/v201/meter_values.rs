//! What the meter reads also comes in TransactionEvent; [`normalise`] reads both, as 1.6's reads a 1.6 charger's.

use super::common::Many;
use crate::Violation;
use crate::decode::{Notes, Path};
use crate::v16::meter_values::{self as common_meter, Claimed, Reading, Sample};
use crate::{Decimal, Text};

text_enum! {
    /// The specification's ReadingContextEnumType.
    pub enum Context {
        InterruptionBegin = "Interruption.Begin",
        InterruptionEnd = "Interruption.End",
        OtherContext = "Other",
        SampleClock = "Sample.Clock",
        SamplePeriodic = "Sample.Periodic",
        TransactionBegin = "Transaction.Begin",
        TransactionEnd = "Transaction.End",
        Trigger = "Trigger",
    }
}

text_enum! {
    /// The specification's MeasurandEnumType.
    pub enum Measurand {
        CurrentExport = "Current.Export",
        CurrentImport = "Current.Import",
        CurrentOffered = "Current.Offered",
        EnergyActiveExportRegister = "Energy.Active.Export.Register",
        EnergyActiveImportRegister = "Energy.Active.Import.Register",
        EnergyReactiveExportRegister = "Energy.Reactive.Export.Register",
        EnergyReactiveImportRegister = "Energy.Reactive.Import.Register",
        EnergyActiveExportInterval = "Energy.Active.Export.Interval",
        EnergyActiveImportInterval = "Energy.Active.Import.Interval",
        EnergyActiveNet = "Energy.Active.Net",
        EnergyReactiveExportInterval = "Energy.Reactive.Export.Interval",
        EnergyReactiveImportInterval = "Energy.Reactive.Import.Interval",
        EnergyReactiveNet = "Energy.Reactive.Net",
        EnergyApparentNet = "Energy.Apparent.Net",
        EnergyApparentImport = "Energy.Apparent.Import",
        EnergyApparentExport = "Energy.Apparent.Export",
        Frequency = "Frequency",
        PowerActiveExport = "Power.Active.Export",
        PowerActiveImport = "Power.Active.Import",
        PowerFactor = "Power.Factor",
        PowerOffered = "Power.Offered",
        PowerReactiveExport = "Power.Reactive.Export",
        PowerReactiveImport = "Power.Reactive.Import",
        Soc = "SoC" | "StateOfCharge",
        Voltage = "Voltage",
    }
}

text_enum! {
    /// The specification's PhaseEnumType.
    pub enum Phase {
        L1 = "L1",
        L2 = "L2",
        L3 = "L3",
        N = "N",
        L1N = "L1-N" | "L1N",
        L2N = "L2-N" | "L2N",
        L3N = "L3-N" | "L3N",
        L1L2 = "L1-L2",
        L2L3 = "L2-L3",
        L3L1 = "L3-L1",
    }
}

text_enum! {
    /// The specification's LocationEnumType.
    pub enum Location {
        Body = "Body",
        Cable = "Cable",
        Ev = "EV",
        Inlet = "Inlet",
        Outlet = "Outlet",
    }
}

record! {
    /// The specification's SignedMeterValueType.
    pub struct SignedMeterValue {
        signed_meter_data as "signedMeterData": Text<2500>,
        signing_method as "signingMethod": Text<50>,
        encoding_method as "encodingMethod": Text<50>,
        public_key as "publicKey": Text<2500>,
    }
}

record! {
    /// The specification's UnitOfMeasureType.
    #[derive(Default)]
    pub struct UnitOfMeasure {
        /// Left out means Wh.
        unit as "unit": Option<Text<20>>,
        /// The value is to be multiplied by ten to the power of this. Left out means 0.
        multiplier as "multiplier": Option<i32>,
    }
}

record! {
    /// The specification's SampledValueType.
    #[derive(Default)]
    pub struct SampledValue {
        value as "value": Decimal,
        context as "context": Option<Context>,
        measurand as "measurand": Option<Measurand>,
        phase as "phase": Option<Phase>,
        location as "location": Option<Location>,
        signed_meter_value as "signedMeterValue": Option<SignedMeterValue>,
        unit_of_measure as "unitOfMeasure": Option<UnitOfMeasure>,
    }
}

record! {
    /// The specification's MeterValueType.
    pub struct MeterValue {
        sampled_values as "sampledValue": Many<SampledValue>,
        /// Some leave it out; the standard does not, and neither do we.
        timestamp as "timestamp": Claimed,
    }
}

record! {
    pub struct Request {
        /// 0 is the main meter of the station.
        evse_id as "evseId": u32,
        meter_values as "meterValue": Many<MeterValue>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "MeterValues";
    type Response = Response;
}

impl SampledValue {
    /// The sample in the words of 1.6, which has them all for what is sold, with the multiplier applied; `None` if the
    /// number does not fit.
    fn reading(&self) -> Option<Reading> {
        let unit = self.unit_of_measure.as_ref();
        let exponent = unit.and_then(|unit| unit.multiplier).unwrap_or(0);
        let word = |text: Option<&str>, default| common_meter::Context::from_wire(text.unwrap_or(default));
        Some(Reading {
            measurand: self.measurand.as_ref().map_or(common_meter::Measurand::EnergyActiveImportRegister, |measurand| {
                common_meter::Measurand::from_wire(measurand.as_str())
            }),
            phase: self.phase.as_ref().map(|phase| common_meter::Phase::from_wire(phase.as_str())),
            unit: unit.and_then(|unit| unit.unit.as_deref()).map(common_meter::Unit::from_wire),
            context: word(self.context.as_ref().map(Context::as_str), "Sample.Periodic"),
            location: self
                .location
                .as_ref()
                .map_or(common_meter::Location::Outlet, |location| common_meter::Location::from_wire(location.as_str())),
            value: self.value.times_ten_to(exponent)?,
        })
    }
}

/// Turns meter values into samples, as [`crate::v16::meter_values::normalise`] does.
pub fn normalise(meter_values: &[MeterValue]) -> (Vec<Sample>, Vec<Violation>) {
    let root = Path::ROOT;
    let list = root.name("meterValue");
    let mut notes = Notes::default();
    let mut samples = Vec::with_capacity(meter_values.len());
    for (index, meter_value) in meter_values.iter().enumerate() {
        let element = list.index(index);
        let values = element.name("sampledValue");
        let mut readings = Vec::with_capacity(meter_value.sampled_values.len());
        for (index, sampled) in meter_value.sampled_values.iter().enumerate() {
            let path = values.index(index);
            match sampled.reading() {
                Some(reading) => {
                    common_meter::note_unit(&reading, &path, &mut notes);
                    readings.push(reading);
                }
                None => notes.add(&path.name("value"), "is too large, left out"),
            }
        }
        common_meter::samples_at(meter_value.timestamp.0.as_ref(), &readings, &mut samples);
    }
    (samples, notes.into_violations())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, noted, refused};

    #[test]
    fn a_meter_reads() {
        let text = r#"{"evseId":1,"meterValue":[{"sampledValue":[{"value":1.5,"measurand":"Energy.Active.Import.Register","unitOfMeasure":{"unit":"kWh"}},{"value":7.4,"measurand":"Power.Active.Import","unitOfMeasure":{"unit":"W","multiplier":3}},{"value":55.6,"measurand":"SoC","location":"EV","unitOfMeasure":{"unit":"Percent"}}],"timestamp":"2026-11-22T12:00:00.000Z"}]}"#;
        let request: Request = clean(text);
        let (samples, notes) = normalise(&request.meter_values);
        assert_eq!(notes, []);
        assert_eq!((samples[0].energy_wh, samples[0].power_w, samples[0].soc_percent), (Some(1500), Some(7400), Some(56)));
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    fn energy_wh(sampled: &str) -> Option<i64> {
        let text =
            format!(r#"{{"evseId":1,"meterValue":[{{"timestamp":"2026-11-22T12:00:00Z","sampledValue":[{sampled}]}}]}}"#);
        normalise(&noted::<Request>(&text).0.meter_values).0.first().and_then(|sample| sample.energy_wh)
    }

    #[test]
    fn units_and_multipliers() {
        assert_eq!(energy_wh(r#"{"value":1500}"#), Some(1500));
        assert_eq!(energy_wh(r#"{"value":1.5,"unitOfMeasure":{"multiplier":3}}"#), Some(1500));
        assert_eq!(energy_wh(r#"{"value":1.5,"unitOfMeasure":{"unit":"kWh","multiplier":0}}"#), Some(1500));
        assert_eq!(energy_wh(r#"{"value":15000,"unitOfMeasure":{"unit":"Wh","multiplier":-1}}"#), Some(1500));
        assert_eq!(energy_wh(r#"{"value":1,"unitOfMeasure":{"unit":"Wh","multiplier":2000000000}}"#), None);
        assert_eq!(energy_wh(r#"{"value":0,"unitOfMeasure":{"unit":"Wh","multiplier":2000000000}}"#), Some(0));
        assert_eq!(energy_wh(r#"{"value":1,"unitOfMeasure":{"unit":"Wh","multiplier":-2000000000}}"#), Some(0));
        assert_eq!(energy_wh(r#"{"value":5,"unitOfMeasure":{"unit":"Celsius"}}"#), None);
        assert_eq!(energy_wh(r#"{"value":9,"measurand":"Energy.Active.Net"}"#), None);
    }

    #[test]
    fn phases_are_summed_when_there_is_no_total() {
        let sampled = r#"{"value":10,"phase":"L1"},{"value":20,"phase":"L2-N"},{"value":30,"phase":"L3"}"#;
        assert_eq!(energy_wh(sampled), Some(60));
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(
                r#"{"meterValue":[{"sampledValue":[{"value":1.5,"measurand":"Energy.Active.Import.Register","unitOfMeasure":{"unit":"kWh"}},{"value":7.4,"measurand":"Power.Active.Import","unitOfMeasure":{"unit":"W","multiplier":3}},{"value":55.6,"measurand":"SoC","location":"EV","unitOfMeasure":{"unit":"Percent"}}],"timestamp":"2026-11-22T12:00:00.000Z"}]}"#
            ),
            (ErrorCode::OccurrenceConstraintViolation, "evseId".into())
        );
    }
}
