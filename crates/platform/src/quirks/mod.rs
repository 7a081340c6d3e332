//! What charge points get wrong, as data: given to one of them, or to all of a vendor, model and firmware. What a charge point shows of itself is
//! proposed to staff, with the frames that show it; nothing is believed until staff says so.
//!
//! A quirk only ever leaves something out or reads something differently: it never lets anybody charge, and never changes a price.

mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::ChargePointId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::audit::{self, Actor, AuditEvent};
use crate::db::{self, Db, Tx};
use crate::stations::StationsError;

/// Evidence of a proposal is cut here: two frames and their times.
const EVIDENCE_CHARS_MAX: usize = 4_000;
/// Names of vendors, models and firmwares; the standards allow 50 at most.
const NAME_CHARS_MAX: usize = 64;

/// What a charge point gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quirk {
    /// Its times are those of its place (Asia/Bishkek), whatever zone they name.
    LocalTime,
    /// Charging profiles disturb it: sessions get no cap of their own.
    NoChargingProfile,
    /// It refuses to be told the interval and the contents of its readings.
    NoMeterConfiguration,
    /// It opens its WebSocket without a subprotocol; OCPP 1.6 is meant.
    NoSubprotocol,
    /// It does not know TriggerMessage.
    NoTriggerMessage,
}

impl Quirk {
    pub const ALL: &'static [Self] =
        &[Self::LocalTime, Self::NoChargingProfile, Self::NoMeterConfiguration, Self::NoSubprotocol, Self::NoTriggerMessage];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LocalTime => "local_time",
            Self::NoChargingProfile => "no_charging_profile",
            Self::NoMeterConfiguration => "no_meter_configuration",
            Self::NoSubprotocol => "no_subprotocol",
            Self::NoTriggerMessage => "no_trigger_message",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|quirk| quirk.as_str() == text)
    }
}

/// All that is believed of a charge point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuirkSet(u8);

impl QuirkSet {
    pub const fn has(self, quirk: Quirk) -> bool {
        self.0 & (1 << quirk as u8) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL.iter().copied().filter(move |quirk| self.has(*quirk))
    }

    pub(crate) fn read(texts: &[String]) -> Self {
        Self(texts.iter().filter_map(|text| Quirk::parse(text)).fold(0, |set, quirk| set | (1 << quirk as u8)))
    }
}

/// In what a charge point counts the power of a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateUnit {
    Watts,
    Amperes,
}

impl RateUnit {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Watts => "watts",
            Self::Amperes => "amperes",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Watts, Self::Amperes].into_iter().find(|unit| unit.as_str() == text)
    }
}

/// What counts when something is sent to a charge point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traits {
    pub quirks: QuirkSet,
    /// It takes caps on power over time.
    pub smart_charging: Option<RateUnit>,
    pub shows_cost: bool,
}

/// Which charge points a profile is for. Compared without case; the firmware by its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileKey {
    pub vendor: String,
    pub model: Option<String>,
    pub firmware_prefix: Option<String>,
}

/// Something that a charge point showed of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    pub quirk: Quirk,
    pub evidence: Value,
    pub times: i32,
    pub first_seen_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    /// What staff said.
    pub accepted: Option<bool>,
}

/// The use cases of quirks.
#[derive(Debug, Clone)]
pub struct Quirks {
    db: Db,
}

impl Quirks {
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// All that is believed of a charge point.
    pub async fn of(&self, charge_point: ChargePointId) -> Result<QuirkSet, StationsError> {
        Ok(store::traits(self.db.pool(), charge_point).await?.quirks)
    }

    /// Says what this very charge point gets wrong, in place of what was said before.
    pub async fn give(&self, charge_point: ChargePointId, quirks: BTreeSet<Quirk>, actor: Actor) -> Result<(), StationsError> {
        db::tx(&self.db, move |mut tx| {
            let (quirks, actor) = (quirks.clone(), actor.clone());
            async move { give(&mut tx, charge_point, &quirks, actor).await }
        })
        .await
    }

    /// Says what all charge points of a kind get wrong; nothing ends the profile.
    pub async fn set_profile(&self, key: ProfileKey, quirks: BTreeSet<Quirk>, actor: Actor) -> Result<(), StationsError> {
        let is_short = |text: &str| (1..=NAME_CHARS_MAX).contains(&text.trim().chars().count());
        if ![Some(&key.vendor), key.model.as_ref(), key.firmware_prefix.as_ref()].into_iter().flatten().all(|t| is_short(t)) {
            return Err(StationsError::Invalid("vendor, model and firmware have 1 to 64 characters"));
        }
        db::tx(&self.db, move |mut tx| {
            let (key, quirks, actor) = (key.clone(), quirks.clone(), actor.clone());
            async move {
                let now = tx.now();
                store::set_profile(&mut *tx, &key, &texts(&quirks), now).await?;
                let event = AuditEvent {
                    actor,
                    action: "quirk_profile.set",
                    subject_kind: "quirk_profile",
                    subject_id: key.vendor.clone(),
                    detail: json!({ "model": key.model, "firmware_prefix": key.firmware_prefix, "quirks": texts(&quirks) }),
                };
                Ok(audit::record(&mut tx, &event).await?)
            }
        })
        .await
    }

    /// A charge point has shown a quirk that is not believed of it. What staff has decided stays decided.
    pub async fn propose(&self, charge_point: ChargePointId, quirk: Quirk, evidence: Value) -> Result<(), StationsError> {
        let text = evidence.to_string();
        let evidence = if text.chars().count() > EVIDENCE_CHARS_MAX {
            Value::String(text.chars().take(EVIDENCE_CHARS_MAX).collect())
        } else {
            evidence
        };
        Ok(store::propose(self.db.pool(), charge_point, quirk, &evidence, self.db.now()).await?)
    }

    /// What a charge point showed of itself, the newest first.
    pub async fn proposals(&self, charge_point: ChargePointId) -> Result<Vec<Proposal>, StationsError> {
        Ok(store::proposals(self.db.pool(), charge_point).await?)
    }

    /// Staff says yes (the quirk is given to the charge point) or no to a proposal.
    pub async fn decide(
        &self,
        charge_point: ChargePointId,
        quirk: Quirk,
        accepted: bool,
        actor: Actor,
    ) -> Result<(), StationsError> {
        db::tx(&self.db, move |mut tx| {
            let actor = actor.clone();
            async move {
                let now = tx.now();
                if !store::decide(&mut *tx, charge_point, quirk, accepted, now).await? {
                    return Err(StationsError::NotFound("proposal"));
                }
                if accepted {
                    let mut quirks: BTreeSet<_> = store::given(&mut *tx, charge_point).await?.iter().collect();
                    quirks.insert(quirk);
                    return give(&mut tx, charge_point, &quirks, actor).await;
                }
                let event = AuditEvent {
                    actor,
                    action: "charge_point.quirk_dismissed",
                    subject_kind: "charge_point",
                    subject_id: charge_point.to_string(),
                    detail: json!({ "quirk": quirk.as_str() }),
                };
                Ok(audit::record(&mut tx, &event).await?)
            }
        })
        .await
    }
}

/// What counts when something is sent to a charge point.
pub(crate) async fn traits(tx: &mut Tx, charge_point: ChargePointId) -> Result<Traits, StationsError> {
    Ok(store::traits(&mut **tx, charge_point).await?)
}

/// What the device model tells of a charge point, in place of what it told before.
pub(crate) async fn learn(
    tx: &mut Tx,
    charge_point: ChargePointId,
    smart_charging: Option<RateUnit>,
    shows_cost: bool,
) -> Result<(), StationsError> {
    Ok(store::learn(&mut **tx, charge_point, smart_charging, shows_cost).await?)
}

async fn give(tx: &mut Tx, charge_point: ChargePointId, quirks: &BTreeSet<Quirk>, actor: Actor) -> Result<(), StationsError> {
    store::give(&mut **tx, charge_point, &texts(quirks)).await?;
    let event = AuditEvent {
        actor,
        action: "charge_point.quirks_given",
        subject_kind: "charge_point",
        subject_id: charge_point.to_string(),
        detail: json!({ "quirks": texts(quirks) }),
    };
    Ok(audit::record(tx, &event).await?)
}

fn texts(quirks: &BTreeSet<Quirk>) -> Vec<String> {
    quirks.iter().map(|quirk| quirk.as_str().to_owned()).collect()
}
