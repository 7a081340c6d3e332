//! MeterValues: what the meter reads (§ 4.7, § 6.31), and what it means in whole watt-hours, watts and percent.
//!
//! Chargers differ in units, phases, contexts and spellings (field case 6). [`normalise`] takes the differences away; what
//! the *register* does over a session (resets, session-relative values) is for the receiver to judge.

use serde::Serialize;
use serde_json::Value;

use crate::decode::{Field, Notes, Path, wrong_type};
use crate::text::kept;
use crate::{Decimal, DecodeError, Timestamp, Violation};

text_enum! {
    /// The specification's ReadingContext. Left out means Sample.Periodic.
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
    /// The specification's ValueFormat. Left out means Raw.
    pub enum Format {
        Raw = "Raw",
        SignedData = "SignedData",
    }
}

text_enum! {
    /// The specification's Measurand. Left out means Energy.Active.Import.Register.
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
        EnergyReactiveExportInterval = "Energy.Reactive.Export.Interval",
        EnergyReactiveImportInterval = "Energy.Reactive.Import.Interval",
        Frequency = "Frequency",
        PowerActiveExport = "Power.Active.Export",
        PowerActiveImport = "Power.Active.Import",
        PowerFactor = "Power.Factor",
        PowerOffered = "Power.Offered",
        PowerReactiveExport = "Power.Reactive.Export",
        PowerReactiveImport = "Power.Reactive.Import",
        Rpm = "RPM",
        Soc = "SoC" | "StateOfCharge",
        Temperature = "Temperature",
        Voltage = "Voltage",
    }
}

text_enum! {
    /// The specification's Phase. Left out means the total.
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
    /// The specification's Location. Left out means Outlet.
    pub enum Location {
        Body = "Body",
        Cable = "Cable",
        Ev = "EV",
        Inlet = "Inlet",
        Outlet = "Outlet",
    }
}

text_enum! {
    /// The specification's UnitOfMeasure. Left out means Wh for energy.
    pub enum Unit {
        Wh = "Wh",
        Kwh = "kWh",
        Varh = "varh",
        Kvarh = "kvarh",
        W = "W" | "Watt" | "Watts",
        Kw = "kW",
        Va = "VA",
        Kva = "kVA",
        Var = "var",
        Kvar = "kvar",
        A = "A" | "Amp" | "Amps" | "Ampere",
        V = "V" | "Volt" | "Volts",
        /// The standard itself spells it so.
        Celsius = "Celcius" | "Celsius" | "C" | "°C",
        Fahrenheit = "Fahrenheit",
        K = "K" | "Kelvin",
        Percent = "Percent" | "%",
        Hertz = "Hertz" | "Hz",
    }
}

/// The value of a sample: text in the standard, a number with some chargers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct SampleText(Box<str>);

/// A signed value can be long; the frame is the only other limit.
const SAMPLE_TEXT_MAX_BYTES: usize = 8 * 1024;

impl SampleText {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SampleText {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for SampleText {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<i64> for SampleText {
    fn from(number: i64) -> Self {
        number.to_string().into()
    }
}

impl From<Decimal> for SampleText {
    fn from(number: Decimal) -> Self {
        number.to_string().into()
    }
}

impl Field for SampleText {
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        match value {
            Value::String(text) if text.len() <= SAMPLE_TEXT_MAX_BYTES => Ok(Self(kept(text, path, notes))),
            Value::String(_) => Err(DecodeError::new(crate::ErrorCode::PropertyConstraintViolation, path, "is too long")),
            Value::Number(number) => {
                notes.add(path, "a number, must be a string");
                Ok(Self(number.to_string().into()))
            }
            other => Err(wrong_type(other, path, "a string")),
        }
    }
}

record! {
    /// The specification's SampledValue.
    #[derive(Default)]
    pub struct SampledValue {
        value as "value": SampleText,
        context as "context": Option<Context>,
        format as "format": Option<Format>,
        measurand as "measurand": Option<Measurand>,
        phase as "phase": Option<Phase>,
        location as "location": Option<Location>,
        unit as "unit": Option<Unit>,
    }
}

record! {
    /// The specification's MeterValue.
    pub struct MeterValue {
        /// Some leave it out; the standard does not, and neither do we.
        timestamp as "timestamp": Claimed,
        sampled_values as "sampledValue": Vec<SampledValue>,
    }
}

/// The time of a sample. A sample without one is kept and noted; the time of arrival has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Claimed(pub Option<Timestamp>);

impl Claimed {
    pub fn instant(&self) -> Option<chrono::DateTime<chrono::Utc>> {
        self.0.as_ref().and_then(Timestamp::instant)
    }
}

impl From<chrono::DateTime<chrono::Utc>> for Claimed {
    fn from(at: chrono::DateTime<chrono::Utc>) -> Self {
        Self(Some(at.into()))
    }
}

impl Field for Claimed {
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        Option::<Timestamp>::read(value, path, notes).map(Self)
    }

    fn absent(path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        notes.add(path, "is required");
        Ok(Self(None))
    }

    fn check(&self, path: &Path<'_>, notes: &mut Notes) {
        match &self.0 {
            Some(timestamp) => timestamp.check(path, notes),
            None => notes.add(path, "is required"),
        }
    }
}

record! {
    pub struct Request {
        /// 0 is the main meter of the charge point.
        connector_id as "connectorId": u32,
        transaction_id as "transactionId": Option<i64>,
        meter_values as "meterValue": Vec<MeterValue>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "MeterValues";
    type Response = Response;
}

/// One sampled value, read: what was measured, where, and how much in thousandths of `unit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub measurand: Measurand,
    pub phase: Option<Phase>,
    /// As sent; `None` is the measurand's own (Wh for energy, W for power).
    pub unit: Option<Unit>,
    pub context: Context,
    pub location: Location,
    pub value: Decimal,
}

impl SampledValue {
    /// The sample with the standard's defaults filled in; `None` if its value is no number (signed data, "NaN", empty).
    pub fn reading(&self) -> Option<Reading> {
        if self.format == Some(Format::SignedData) {
            return None;
        }
        Some(Reading {
            measurand: self.measurand.clone().unwrap_or(Measurand::EnergyActiveImportRegister),
            phase: self.phase.clone(),
            unit: self.unit.clone(),
            context: self.context.clone().unwrap_or(Context::SamplePeriodic),
            location: self.location.clone().unwrap_or(Location::Outlet),
            value: Decimal::parse(self.value.as_str())?,
        })
    }
}

impl Reading {
    /// The value in thousandths of `to`'s base unit; `None` if the unit is of another kind or the number does not fit.
    fn in_base(&self, to: Base) -> Option<Decimal> {
        let kilo = match (to, &self.unit) {
            // Energy in W and kW, power in Wh and kWh: slips that can only mean one thing.
            (Base::WattHour | Base::Watt, None | Some(Unit::Wh | Unit::W)) => false,
            (Base::WattHour | Base::Watt, Some(Unit::Kwh | Unit::Kw)) => true,
            (Base::Percent, None | Some(Unit::Percent)) => false,
            _ => return None,
        };
        if kilo { self.value.milli().checked_mul(1000).map(Decimal::from_milli) } else { Some(self.value) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    WattHour,
    Watt,
    Percent,
}

/// What one moment of a meter says, in whole units. What a charger did not send, or sent unreadably, is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The time as the charger claims it.
    pub claimed_at: Option<Timestamp>,
    pub context: Context,
    /// Energy.Active.Import.Register, cut down to whole watt-hours.
    pub energy_wh: Option<i64>,
    /// Energy.Active.Import.Interval, cut down to whole watt-hours: the energy since the last sample.
    pub interval_wh: Option<i64>,
    /// Power.Active.Import.
    pub power_w: Option<i64>,
    /// Power.Offered.
    pub offered_w: Option<i64>,
    /// 0 to 100.
    pub soc_percent: Option<u8>,
}

impl Sample {
    /// Whether nothing that we know was in it.
    pub const fn is_empty(&self) -> bool {
        self.energy_wh.is_none()
            && self.interval_wh.is_none()
            && self.power_w.is_none()
            && self.offered_w.is_none()
            && self.soc_percent.is_none()
    }
}

/// Turns meter values into samples: one for each time and context, in the order sent, except that within one time
/// Transaction.Begin comes first and Transaction.End last. A sample in which nothing is known is left out.
///
/// The violations say what could not be used; their paths continue `meterValue`.
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
                    note_unit(&reading, &path, &mut notes);
                    readings.push(reading);
                }
                None if sampled.format == Some(Format::SignedData) => {}
                None => notes.add(&path.name("value"), "is no number, left out"),
            }
        }
        if meter_value.sampled_values.is_empty() {
            notes.add(&values, "is empty");
        }
        samples_at(meter_value.timestamp.0.as_ref(), &readings, &mut samples);
    }
    (samples, notes.into_violations())
}

/// The samples of one time: one for each context in which something is known.
pub(crate) fn samples_at(claimed_at: Option<&Timestamp>, readings: &[Reading], samples: &mut Vec<Sample>) {
    let mut contexts: Vec<&Context> = Vec::new();
    for reading in readings {
        if !contexts.contains(&&reading.context) {
            contexts.push(&reading.context);
        }
    }
    contexts.sort_by_key(|context| match context {
        Context::TransactionBegin => 0,
        Context::TransactionEnd => 2,
        _ => 1,
    });
    for context in contexts {
        let of = |measurand, base| total(readings, context, measurand, base);
        let sample = Sample {
            claimed_at: claimed_at.cloned(),
            context: context.clone(),
            energy_wh: of(Measurand::EnergyActiveImportRegister, Base::WattHour).map(Decimal::trunc),
            interval_wh: of(Measurand::EnergyActiveImportInterval, Base::WattHour).map(Decimal::trunc),
            power_w: of(Measurand::PowerActiveImport, Base::Watt).map(Decimal::round),
            offered_w: of(Measurand::PowerOffered, Base::Watt).map(Decimal::round),
            soc_percent: of(Measurand::Soc, Base::Percent)
                .and_then(|percent| u8::try_from(percent.round()).ok())
                .filter(|percent| *percent <= 100),
        };
        if !sample.is_empty() {
            samples.push(sample);
        }
    }
}

/// The base of a measurand that we use.
fn base_of(measurand: &Measurand) -> Option<Base> {
    Some(match measurand {
        Measurand::EnergyActiveImportRegister | Measurand::EnergyActiveImportInterval => Base::WattHour,
        Measurand::PowerActiveImport | Measurand::PowerOffered => Base::Watt,
        Measurand::Soc => Base::Percent,
        _ => return None,
    })
}

pub(crate) fn note_unit(reading: &Reading, path: &Path<'_>, notes: &mut Notes) {
    let Some(base) = base_of(&reading.measurand) else { return };
    let slip =
        matches!((base, &reading.unit), (Base::WattHour, Some(Unit::W | Unit::Kw)) | (Base::Watt, Some(Unit::Wh | Unit::Kwh)));
    let unit = reading.unit.as_ref().map(Unit::as_str).unwrap_or_default();
    if slip {
        notes.add(&path.name("unit"), format!("{unit} for {}, taken as meant", reading.measurand));
    } else if reading.in_base(base).is_none() {
        notes.add(&path.name("unit"), format!("{unit} for {}, or the value is too large: left out", reading.measurand));
    }
}

/// The total of a measurand within one context: the value without a phase, else the sum over L1, L2, L3 (a phase to neutral
/// counts as the phase). The outlet's meter goes before the others.
fn total(readings: &[Reading], context: &Context, measurand: Measurand, base: Base) -> Option<Decimal> {
    let matching = || readings.iter().filter(|reading| reading.measurand == measurand && reading.context == *context);
    // In this order a location is asked: what leaves the outlet is what is sold.
    let locations = [Location::Outlet, Location::Cable, Location::Ev, Location::Body, Location::Inlet];
    let other = |reading: &&Reading| !locations.contains(&reading.location);
    let at_location = |location: &Location| total_of(matching().filter(|reading| reading.location == *location), base);
    locations.iter().find_map(at_location).or_else(|| total_of(matching().filter(other), base))
}

fn total_of<'a>(readings: impl Iterator<Item = &'a Reading> + Clone, base: Base) -> Option<Decimal> {
    if let Some(value) = readings.clone().filter(|reading| reading.phase.is_none()).find_map(|reading| reading.in_base(base)) {
        return Some(value);
    }
    let of_phase = |phases: [Phase; 2]| {
        readings
            .clone()
            .filter(|reading| reading.phase.as_ref().is_some_and(|phase| phases.contains(phase)))
            .find_map(|reading| reading.in_base(base))
    };
    let phases = [of_phase([Phase::L1, Phase::L1N]), of_phase([Phase::L2, Phase::L2N]), of_phase([Phase::L3, Phase::L3N])];
    let mut known = phases.into_iter().flatten();
    let first = known.next()?;
    // State of charge has no phases to add up.
    if base == Base::Percent {
        return Some(first);
    }
    known.try_fold(first.milli(), |sum, phase| sum.checked_add(phase.milli())).map(Decimal::from_milli)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::v16::common::testing::{clean, json, noted, refused};

    fn samples(sampled: &str) -> Vec<Sample> {
        let (request, _) = noted::<Request>(&format!(
            r#"{{"connectorId":1,"transactionId":42,"meterValue":[{{"timestamp":"2026-11-22T12:00:00Z","sampledValue":[{sampled}]}}]}}"#
        ));
        normalise(&request.meter_values).0
    }

    fn energy_wh(sampled: &str) -> Option<i64> {
        samples(sampled).first().and_then(|sample| sample.energy_wh)
    }

    #[test]
    fn a_clean_message() {
        let request: Request = clean(
            r#"{"connectorId":1,"transactionId":42,"meterValue":[{"timestamp":"2026-11-22T12:00:00Z","sampledValue":[
                {"value":"1500","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register","unit":"Wh"},
                {"value":"7.4","measurand":"Power.Active.Import","unit":"kW"},
                {"value":"11000","measurand":"Power.Offered","unit":"W"},
                {"value":"55.6","measurand":"SoC","unit":"Percent","location":"EV"}]}]}"#,
        );
        let (samples, notes) = normalise(&request.meter_values);
        assert_eq!(notes, []);
        let sample = &samples[0];
        assert_eq!(
            (sample.energy_wh, sample.power_w, sample.offered_w, sample.soc_percent),
            (Some(1500), Some(7400), Some(11_000), Some(56))
        );
    }

    #[test]
    fn units() {
        assert_eq!(energy_wh(r#"{"value":"12.3456","unit":"kWh"}"#), Some(12_345));
        assert_eq!(energy_wh(r#"{"value":"1500"}"#), Some(1_500));
        assert_eq!(energy_wh(r#"{"value":"1500.9","unit":"wh"}"#), Some(1_500));
        assert_eq!(energy_wh(r#"{"value":"1.5","unit":"KWH"}"#), Some(1_500));
        assert_eq!(energy_wh(r#"{"value":"1,5","unit":" kWh "}"#), Some(1_500));
        assert_eq!(energy_wh(r#"{"value":1500.5}"#), Some(1_500));
        assert_eq!(energy_wh(r#"{"value":"1.5","unit":"kW"}"#), Some(1_500));
        assert_eq!(energy_wh(r#"{"value":"1.5","unit":"MWh"}"#), None);
        assert_eq!(energy_wh(r#"{"value":"1.5","unit":"Celcius"}"#), None);
        assert_eq!(energy_wh(r#"{"value":"999999999999999","unit":"kWh"}"#), None);
        assert_eq!(energy_wh(r#"{"value":"-4076","unit":"kWh"}"#), Some(-4_076_000));
    }

    #[test]
    fn phases_are_summed_when_there_is_no_total() {
        let l = |phase: &str, value: u32| format!(r#"{{"value":"{value}","phase":"{phase}"}}"#);
        assert_eq!(energy_wh(&[l("L1", 10), l("L2", 20), l("L3", 30)].join(",")), Some(60));
        assert_eq!(energy_wh(&[l("L1-N", 10), l("L2-N", 20), l("L3-N", 30), l("N", 5)].join(",")), Some(60));
        assert_eq!(energy_wh(&[l("L1", 10), l("L2", 20), l("L3", 30), r#"{"value":"61"}"#.into()].join(",")), Some(61));
        assert_eq!(energy_wh(&l("L1", 10)), Some(10));
        assert_eq!(energy_wh(&[l("L1-L2", 10), l("N", 5)].join(",")), None);
    }

    #[test]
    fn contexts_are_samples_of_their_own() {
        let samples = samples(
            r#"{"value":"200","context":"Sample.Periodic"},{"value":"300","context":"Transaction.End"},{"value":"100","context":"Transaction.Begin"}"#,
        );
        let energies: Vec<_> = samples.iter().map(|sample| (sample.context.as_str(), sample.energy_wh)).collect();
        assert_eq!(
            energies,
            [("Transaction.Begin", Some(100)), ("Sample.Periodic", Some(200)), ("Transaction.End", Some(300)),]
        );
    }

    #[test]
    fn the_outlet_is_what_is_sold() {
        assert_eq!(energy_wh(r#"{"value":"900","location":"Inlet"},{"value":"100","location":"Outlet"}"#), Some(100));
        assert_eq!(energy_wh(r#"{"value":"900","location":"Inlet"}"#), Some(900));
        assert_eq!(energy_wh(r#"{"value":"900","location":"Roof"}"#), Some(900));
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        for value in [r#""""#, r#""NaN""#, r#"null"#, r#"true"#, r#""1e400""#] {
            assert_eq!(energy_wh(&format!(r#"{{"value":{value}}}"#)), None, "{value}");
        }
        assert_eq!(energy_wh(r#"{"value":"DEADBEEF","format":"SignedData"},{"value":"7"}"#), Some(7));
        assert_eq!(samples(r#"{"value":"155","measurand":"SoC"}"#), []);
        assert_eq!(samples(r#"{"value":"230","measurand":"Voltage","unit":"V"}"#), []);
    }

    #[test]
    fn one_bad_sample_does_not_cost_the_others() {
        let (request, notes) = noted::<Request>(
            r#"{"connectorId":0,"transactionId":"42","meterValue":[
                {"sampledValue":[{"value":"5","unit":"Celsius","measurand":"Temperature"},{"unit":"Wh"},"x",{"value":12,"phase":"L9"}]},
                {"timestamp":"2026-11-22T12:00:00","sampledValue":[]},
                7]}"#,
        );
        assert_eq!((request.transaction_id, request.meter_values.len()), (None, 2));
        assert_eq!(
            notes,
            [
                "transactionId: is a string, must be an integer, left out",
                "meterValue[0].timestamp: is required",
                "meterValue[0].sampledValue[0].unit: 'Celsius' taken for Celcius",
                "meterValue[0].sampledValue[1].value: is required, left out",
                "meterValue[0].sampledValue[2]: is a string, must be an object, left out",
                "meterValue[0].sampledValue[3].value: a number, must be a string",
                "meterValue[0].sampledValue[3].phase: unknown value 'L9'",
                "meterValue[1].timestamp: has no time zone, taken for UTC",
                "meterValue[2]: is a number, must be an object, left out",
            ]
        );
        let (samples, notes) = normalise(&request.meter_values);
        assert_eq!(samples, []);
        assert_eq!(notes[0].to_string(), "meterValue[1].sampledValue: is empty");
    }

    #[test]
    fn refusals() {
        let occurrence = ErrorCode::OccurrenceConstraintViolation;
        assert_eq!(refused::<Request>(r#"{"meterValue":[]}"#), (occurrence, "connectorId".into()));
        assert_eq!(refused::<Request>(r#"{"connectorId":1}"#), (occurrence, "meterValue".into()));
        assert_eq!(
            refused::<Request>(r#"{"connectorId":1,"meterValue":{}}"#),
            (ErrorCode::TypeConstraintViolation, "meterValue".into())
        );
    }

    #[test]
    fn written_strictly() {
        let at = chrono::DateTime::from_timestamp(1_795_348_800, 0).unwrap();
        let sampled = SampledValue { value: 1500.into(), unit: Some(Unit::Wh), ..SampledValue::default() };
        let request = Request {
            connector_id: 1,
            transaction_id: Some(42),
            meter_values: vec![MeterValue { timestamp: at.into(), sampled_values: vec![sampled] }],
        };
        assert_eq!(
            json(&request),
            r#"{"connectorId":1,"transactionId":42,"meterValue":[{"timestamp":"2026-11-22T12:00:00.000Z","sampledValue":[{"value":"1500","unit":"Wh"}]}]}"#
        );
    }

    proptest::proptest! {
        #[test]
        fn normalise_never_panics(value in "[-+0-9.,eE]{0,24}", unit in "[a-zA-Z%]{0,4}", phase in "L?[1-3N](-[N1-3])?") {
            let sampled = SampledValue {
                value: value.into(),
                unit: Some(Unit::from_wire(&unit)),
                phase: Some(Phase::from_wire(&phase)),
                ..SampledValue::default()
            };
            let _ = normalise(&[MeterValue { timestamp: Claimed(None), sampled_values: vec![sampled.clone(), sampled] }]);
        }
    }
}
