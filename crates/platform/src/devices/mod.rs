//! What charge points tell of themselves: the device model with its values, and events for staff to read.
//!
//! Knows no sessions and no OCPP. Everything here may be told again, in parts and out of order: the newest value of a variable stands,
//! an event is kept once.

mod store;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ChargePointId;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::db::{self, Db};
use crate::quirks::{self, RateUnit};
use crate::stations::{self, Lease, StationsError};

/// Variables of one charge point that are kept; real ones have some hundred, a thousand with many EVSEs.
const VARIABLES_MAX: i64 = 20_000;
/// Texts of the device model are cut here: the standard's longest value has 2,500 characters.
const TEXT_CHARS_MAX: usize = 2_500;
/// Old events that one transaction deletes.
const EVENTS_FORGOTTEN_AT_ONCE: i64 = 5_000;
/// Events in one answer.
const EVENTS_SHOWN_MAX: i64 = 500;

/// The use cases of devices.
#[derive(Debug, Clone)]
pub struct Devices {
    db: Db,
}

/// Names a variable of a component. Absent instances are empty, absent numbers 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VariableName {
    pub component: String,
    pub component_instance: String,
    pub evse_no: i32,
    pub connector_no: i32,
    pub variable: String,
    pub variable_instance: String,
}

/// A variable as it is reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    pub name: VariableName,
    pub characteristics: Option<Characteristics>,
    pub attributes: Vec<Attribute>,
}

/// What values a variable can have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Characteristics {
    pub data_type: String,
    pub unit: Option<String>,
    pub min_limit: Option<String>,
    pub max_limit: Option<String>,
    pub values_list: Option<String>,
    pub supports_monitoring: bool,
}

/// One of a variable's values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attribute {
    /// `Actual`, `Target`, `MinSet` or `MaxSet`.
    pub kind: String,
    pub value: Option<String>,
    /// `ReadOnly`, `WriteOnly` or `ReadWrite`.
    pub mutability: String,
    pub persistent: bool,
    pub constant: bool,
}

/// A part of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportPart {
    /// The number it was asked for under.
    pub request: i64,
    pub seq_no: i64,
    pub is_last: bool,
    pub variables: Vec<Variable>,
}

/// Something that happened at a charge point.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The message, in snake case.
    pub kind: &'static str,
    pub message_id: String,
    /// What has a time of its own is the same event whenever it is told again; what has none, only as the same message.
    pub claimed_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    pub payload: Value,
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptEvent {
    pub kind: String,
    pub claimed_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    pub payload: Value,
}

impl Devices {
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// A charge point has booted: the number under which to ask for its whole device model, unless that is known for its firmware.
    pub async fn inventory_wanted(&self, lease: Lease, firmware_version: Option<String>) -> Result<Option<i32>, StationsError> {
        // Mostly it is there.
        if store::has_inventory(self.db.pool(), lease.charge_point, firmware_version.as_deref()).await? {
            return Ok(None);
        }
        db::tx(&self.db, move |mut tx| {
            let firmware_version = firmware_version.clone();
            async move {
                let now = tx.now();
                stations::fence(&mut tx, lease, now).await?;
                if store::has_inventory(&mut *tx, lease.charge_point, firmware_version.as_deref()).await? {
                    return Ok(None);
                }
                Ok(Some(store::insert_report(&mut *tx, lease.charge_point, firmware_version.as_deref(), now).await?))
            }
        })
        .await
    }

    /// Takes a part of a report, whichever it was asked for by.
    pub async fn take_report(&self, lease: Lease, part: ReportPart) -> Result<(), StationsError> {
        db::tx(&self.db, move |mut tx| {
            let part = part.clone();
            async move {
                let now = tx.now();
                stations::fence(&mut tx, lease, now).await?;
                let room = VARIABLES_MAX - store::variable_count(&mut *tx, lease.charge_point).await?;
                let variables = cut(part.variables);
                store::save_variables(&mut tx, lease.charge_point, &variables, room, now).await?;
                if variables.iter().any(|variable| is_a_trait(&variable.name)) {
                    let told = store::values(&mut *tx, lease.charge_point, TRAITS).await?;
                    let (smart_charging, shows_cost) = traits(&told);
                    quirks::learn(&mut tx, lease.charge_point, smart_charging, shows_cost).await?;
                }
                if let Ok(request) = i32::try_from(part.request) {
                    let seq_no = i32::try_from(part.seq_no.clamp(0, 1_000_000)).unwrap_or(0);
                    store::note_part(&mut *tx, lease.charge_point, request, seq_no, part.is_last, now).await?;
                }
                Ok(())
            }
        })
        .await
    }

    /// Keeps an event, once.
    pub async fn take_event(&self, lease: Lease, event: Event) -> Result<(), StationsError> {
        db::tx(&self.db, move |mut tx| {
            let event = event.clone();
            async move {
                let now = tx.now();
                stations::fence(&mut tx, lease, now).await?;
                Ok(store::insert_event(&mut *tx, lease.charge_point, &event, &dedupe_key(&event)).await?)
            }
        })
        .await
    }

    /// Forgets events that are older; how many.
    pub async fn forget_events(&self, older_than: TimeDelta) -> Result<u64, StationsError> {
        let before = self.db.now() - older_than;
        let mut forgotten = 0;
        // In parts, so that no transaction is long.
        loop {
            let part = db::tx(&self.db, move |mut tx| async move {
                Ok::<_, StationsError>(store::delete_events(&mut *tx, before, EVENTS_FORGOTTEN_AT_ONCE).await?)
            })
            .await?;
            forgotten += part;
            if part < EVENTS_FORGOTTEN_AT_ONCE.unsigned_abs() {
                return Ok(forgotten);
            }
        }
    }

    /// All variables of a charge point, by name.
    pub async fn variables(&self, charge_point: ChargePointId) -> Result<Vec<Variable>, StationsError> {
        Ok(store::variables(self.db.pool(), charge_point).await?)
    }

    /// The newest events of a charge point, the newest first.
    pub async fn events(&self, charge_point: ChargePointId, at_most: i64) -> Result<Vec<KeptEvent>, StationsError> {
        Ok(store::events(self.db.pool(), charge_point, at_most.clamp(0, EVENTS_SHOWN_MAX)).await?)
    }
}

/// What tells whether a charge point takes caps and shows costs. In the device model's own words (OCPP 2.0.1 appendix 3); the keys of
/// OCPP 1.6 have no component.
const TRAITS: &[(&str, &str)] = &[
    ("", "SupportedFeatureProfiles"),
    ("", "ChargingScheduleAllowedChargingRateUnit"),
    ("SmartChargingCtrlr", "Enabled"),
    ("SmartChargingCtrlr", "RateUnit"),
    ("TariffCostCtrlr", "Enabled"),
];

fn is_a_trait(name: &VariableName) -> bool {
    TRAITS.iter().any(|(component, variable)| name.component == *component && name.variable == *variable)
}

/// A value of the device model, told apart by the variable's instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub component: String,
    pub variable: String,
    pub variable_instance: String,
    pub value: String,
}

fn traits(told: &[Told]) -> (Option<RateUnit>, bool) {
    let value = |component: &str, variable: &str, instance: &str| {
        let is_it = |t: &&Told| {
            t.component == component && t.variable == variable && t.variable_instance.eq_ignore_ascii_case(instance)
        };
        told.iter().find(is_it).map(|t| t.value.trim())
    };
    let is_true = |text: Option<&str>| text.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let lists = |text: Option<&str>, words: &[&str]| {
        text.is_some_and(|text| text.split(',').any(|part| words.iter().any(|word| part.trim().eq_ignore_ascii_case(word))))
    };
    let takes_caps = lists(value("", "SupportedFeatureProfiles", ""), &["SmartCharging"])
        || is_true(value("SmartChargingCtrlr", "Enabled", ""));
    let units = value("SmartChargingCtrlr", "RateUnit", "").or(value("", "ChargingScheduleAllowedChargingRateUnit", ""));
    let unit = match units {
        // Watts are what is meant; most chargers that do not say take both.
        None => RateUnit::Watts,
        Some(_) if lists(units, &["W", "Power"]) => RateUnit::Watts,
        Some(_) => RateUnit::Amperes,
    };
    (takes_caps.then_some(unit), is_true(value("TariffCostCtrlr", "Enabled", "Cost")))
}

fn dedupe_key(event: &Event) -> String {
    match event.claimed_at {
        Some(_) => BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(event.payload.to_string())),
        None => event.message_id.chars().take(255).collect(),
    }
}

/// Each variable once, the last one told; and no text longer than what the standard allows.
fn cut(variables: Vec<Variable>) -> Vec<Variable> {
    let short = |text: &mut String| {
        if let Some((end, _)) = text.char_indices().nth(TEXT_CHARS_MAX) {
            text.truncate(end);
        }
    };
    let mut by_name = std::collections::BTreeMap::new();
    for mut variable in variables {
        let name = &mut variable.name;
        for text in [&mut name.component, &mut name.component_instance, &mut name.variable, &mut name.variable_instance] {
            // A part of the key, which an index must hold; the standard allows 50.
            *text = text.chars().take(255).collect();
        }
        if let Some(characteristics) = &mut variable.characteristics {
            characteristics.values_list.as_mut().map(short).unwrap_or_default();
        }
        let mut attributes = std::collections::BTreeMap::new();
        for mut attribute in variable.attributes {
            attribute.value.as_mut().map(short).unwrap_or_default();
            attributes.insert(attribute.kind.clone(), attribute);
        }
        variable.attributes = attributes.into_values().collect();
        by_name.insert(variable.name.clone(), variable);
    }
    by_name.into_values().collect()
}
