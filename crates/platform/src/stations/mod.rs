//! Places, charge points, connectors and the codes on them; who may connect, and which connection counts.
//!
//! Knows no sessions, no money and no OCPP: a charge point's reports come in neutral words. A charge point's *epoch* grows
//! with each authenticated connection; what is written under an older one is refused ([`fence`]).

mod seed;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use api::guest::Neighbour;
use chrono::{DateTime, Utc};
use domain::stations::{ConnectorStatus, CurrentType, PlugType};
use domain::{ChargePointId, ConnectorCode, ConnectorId, OcppIdentity, PartnerId, StationId, TariffId, Watt};
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgExecutor};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

pub(crate) use store::corrupt;

use crate::audit::{self, Actor, AuditEvent};
use crate::bus::{Bus, Topic};
use crate::db::{self, Db, Tx, TxError};
use crate::devices::Devices;
use crate::gather::Gather;
use crate::quirks::QuirkSet;

pub use seed::{DemoPlan, SeedChargePoint, SeedConnector, SeedStation, SeededChargePoint, SeededConnector};

/// Bytes of randomness in a generated password: 144 bits, 24 characters of base64url. OCPP allows 16 to 40 characters.
const PASSWORD_BYTES: usize = 18;
const SALT_BYTES: usize = 16;
/// A longer password is refused unread: the standards allow 40 bytes.
const PASSWORD_BYTES_MAX: usize = 128;
/// OCPP 1.6 (§ 6.3 of OCPP-J) has a key of 20 bytes, which is set as 40 hexadecimal digits.
const RAW_KEY_BYTES: usize = 20;
/// Passwords that were sent and of which it is not known whether they arrived. More: the charge point has a fault that no further password cures.
const SENT_PASSWORDS_MAX: i64 = 4;
/// The characters of a generated code: those of [`ConnectorCode`].
const CODE_ALPHABET: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
/// 31^6: 887 million codes, so that guessing a neighbour's code is no sport.
const CODE_CHARS: usize = 6;
/// A free code is found at the first try; more than this many tries mean that something else is wrong.
const CODE_TRIES_MAX: usize = 10;
/// What a page can show.
const NEIGHBOURS_MAX: i64 = 5;

/// The use cases of stations.
#[derive(Debug, Clone)]
pub struct Stations {
    db: Db,
    bus: Arc<dyn Bus>,
    at_the_door: Gather<OcppIdentity, Option<store::Credentials>>,
    entering: Gather<Connected, Option<(OcppIdentity, Entered)>>,
    leaving: Gather<Lease, ()>,
}

/// A connection to be entered.
#[derive(Debug, Clone)]
struct Connected {
    lease: Lease,
    protocol: String,
    node: String,
}

/// A connection's right to write: the charge point and the epoch it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lease {
    pub charge_point: ChargePointId,
    pub epoch: i64,
}

/// OCPP's security profiles: the least that a charge point is let in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecurityProfile {
    /// A password.
    Basic,
    /// A password, over TLS.
    Tls,
    /// A client certificate of ours.
    Certificate,
}

impl SecurityProfile {
    /// From the standard's number.
    pub fn parse(number: i16) -> Option<Self> {
        match number {
            1 => Some(Self::Basic),
            2 => Some(Self::Tls),
            3 => Some(Self::Certificate),
            _ => None,
        }
    }

    pub const fn number(self) -> i16 {
        match self {
            Self::Basic => 1,
            Self::Tls => 2,
            Self::Certificate => 3,
        }
    }
}

/// What a connection that has just been entered finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entered {
    /// The charge point has booted, and has not been told its settings since.
    pub settings_due: bool,
}

/// What is known of a charge point at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtTheDoor {
    /// What it may enter with. It counts from [`Stations::connected`] on, and only if nobody who came later was faster.
    pub lease: Lease,
    pub quirks: QuirkSet,
    pub security_profile: SecurityProfile,
    pub password_is_right: bool,
}

/// What a charge point may call itself in a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    pub identity: OcppIdentity,
    /// As it reported it.
    pub serial_number: Option<String>,
}

/// What became of an identity and a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    Accepted(ChargePointId),
    WrongPassword,
    UnknownIdentity,
}

/// Why something about stations could not be done.
#[derive(Debug, thiserror::Error)]
pub enum StationsError {
    /// A newer connection has taken over: this one must end.
    #[error("the connection's epoch is over")]
    Fenced,
    #[error("no such {0}")]
    NotFound(&'static str),
    /// It is there already.
    #[error("{0} is taken")]
    Taken(&'static str),
    #[error("{0}")]
    Invalid(&'static str),
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

impl TxError for StationsError {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Db(error) => Some(error),
            _ => None,
        }
    }
}

/// What a charge point tells of itself when it boots. Empty texts are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BootFacts {
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub serial_number: Option<String>,
    pub firmware_version: Option<String>,
}

/// What a charge point reports of a connector, in our words. `evse_no` 0 is the charge point as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    pub evse_no: i32,
    pub connector_no: i32,
    pub status: ConnectorStatus,
    /// As it came; `None` when there is no error.
    pub error_code: Option<String>,
}

/// Everything about a connector that others need; one row of a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorFacts {
    pub connector: ConnectorId,
    pub charge_point: ChargePointId,
    pub identity: OcppIdentity,
    pub evse_no: i32,
    pub connector_no: i32,
    pub label: String,
    pub plug: PlugType,
    pub current: CurrentType,
    pub max_power: Watt,
    pub tariff: TariffId,
    /// What a person may expect: as reported, or `Offline` without a link.
    pub status: ConnectorStatus,
    /// As last reported, whatever the link.
    pub reported: ConnectorStatus,
    pub error_code: Option<String>,
    /// As `status` was when there was a link.
    pub last_known: ConnectorStatus,
    pub online: bool,
    /// When the loss of the link was noticed.
    pub disconnected_at: Option<DateTime<Utc>>,
    pub last_seen_at: Option<DateTime<Utc>>,
    pub meter_interval_s: i32,
    pub station: StationFacts,
}

/// Of the station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StationFacts {
    pub id: StationId,
    pub partner: PartnerId,
    /// The partner's part of the energy revenue net of tax, in basis points.
    pub partner_share_bp: u32,
    pub name: String,
    pub address: String,
    pub time_zone: String,
    pub latitude_e7: i32,
    pub longitude_e7: i32,
    pub helpline: String,
    pub seller_name: String,
    pub seller_tin: String,
}

/// What a code on a sticker means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeTarget {
    Connector(Box<ConnectorFacts>),
    /// The sticker was replaced.
    Moved(ConnectorCode),
    /// It was a code of this connector once.
    Retired(Box<ConnectorFacts>),
    Unknown,
}

/// A partner to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPartner {
    pub name: String,
    /// 14 digits.
    pub tin: String,
    /// Of the energy revenue net of tax: 7000 is 70 %.
    pub share_bp: u32,
}

/// A station to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStation {
    pub partner: PartnerId,
    pub name: String,
    pub address: String,
    pub latitude_e7: i32,
    pub longitude_e7: i32,
    /// E.164.
    pub helpline: String,
    pub seller_name: String,
    /// 14 digits.
    pub seller_tin: String,
}

/// A connector to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConnector {
    pub charge_point: ChargePointId,
    /// OCPP 1.6's connector n is EVSE n, connector 1.
    pub evse_no: i32,
    pub connector_no: i32,
    /// As on the case: `A`.
    pub label: String,
    pub plug: PlugType,
    pub max_power: Watt,
    pub tariff: TariffId,
}

/// A new charge point. The password is here and nowhere else: only its hash is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct NewChargePoint {
    pub id: ChargePointId,
    pub identity: OcppIdentity,
    pub password: String,
}

impl std::fmt::Debug for NewChargePoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewChargePoint").field("id", &self.id).field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Stations {
    pub fn new(db: Db, bus: Arc<dyn Bus>) -> Self {
        let at_the_door = Gather::new(db.clone(), |db: Db, identities: Vec<OcppIdentity>| async move {
            store::credentials(db.pool(), &identities).await
        });
        let entering = Gather::new(db.clone(), |db: Db, news: Vec<Connected>| async move {
            store::connected(db.pool(), &news, db.now()).await
        });
        let leaving = Gather::new(db.clone(), |db: Db, leases: Vec<Lease>| async move {
            store::disconnected(db.pool(), &leases, db.now()).await?;
            Ok(leases.iter().map(|_| ()).collect())
        });
        Self { db, bus, at_the_door, entering, leaving }
    }

    /// The device models of the charge points: the same database.
    pub fn devices(&self) -> Devices {
        Devices::new(self.db.clone())
    }

    /// The database that it stands on.
    pub fn db(&self) -> &Db {
        &self.db
    }

    // The connection.

    /// Checks a password. Takes the same time for a right and a wrong one; that an identity is unknown is no secret
    /// (OCPP-J 1.6 § 3.1.1 wants it told apart).
    pub async fn authenticate(&self, identity: &OcppIdentity, password: &[u8]) -> Result<Authentication, StationsError> {
        Ok(match self.at_the_door(identity, password).await? {
            None => Authentication::UnknownIdentity,
            Some(found) if found.password_is_right => Authentication::Accepted(found.lease.charge_point),
            Some(_) => Authentication::WrongPassword,
        })
    }

    /// The same with what else counts at the door; `None` for an identity that is unknown. A new password that was sent to the charge point
    /// becomes its own when it is seen here, and all others end.
    pub async fn at_the_door(&self, identity: &OcppIdentity, password: &[u8]) -> Result<Option<AtTheDoor>, StationsError> {
        let Some(row) = self.at_the_door.ask(identity.clone()).await? else { return Ok(None) };
        let mut password_is_right = opens(password, &row.password_salt, &row.password_hash);
        if !password_is_right && !password.is_empty() {
            let sent = store::sent_passwords(self.db.pool(), row.id).await?;
            if let Some(seen) = sent.iter().find(|sent| opens(password, &sent.password_salt, &sent.password_hash)) {
                let (charge_point, seen) = (row.id, seen.id);
                password_is_right = db::tx(&self.db, move |mut tx| async move {
                    let is_ours = store::adopt_password(&mut tx, charge_point, seen).await?;
                    if is_ours {
                        password_event(&mut tx, charge_point, "charge_point.password_changed").await?;
                    }
                    Ok::<_, StationsError>(is_ours)
                })
                .await?;
            }
        }
        let lease = Lease { charge_point: row.id, epoch: row.epoch };
        Ok(Some(AtTheDoor { lease, quirks: row.quirks, security_profile: row.security_profile, password_is_right }))
    }

    /// Which protocol a charge point spoke when it connected last.
    pub async fn protocol_of(&self, charge_point: ChargePointId) -> Result<Option<String>, StationsError> {
        Ok(store::protocol_of(self.db.pool(), charge_point).await?)
    }

    /// The firmware that a charge point said it has.
    pub async fn firmware_version(&self, charge_point: ChargePointId) -> Result<Option<String>, StationsError> {
        Ok(store::firmware_version(self.db.pool(), charge_point).await?)
    }

    /// A connection of somebody who need not be asked who it is: newer than all before it.
    pub async fn arrive(&self, charge_point: ChargePointId) -> Result<Lease, StationsError> {
        Ok(Lease { charge_point, epoch: store::next_epoch(self.db.pool()).await? })
    }

    /// A new connection takes over: whatever still writes under an older epoch is refused from now on, and so is this one if a newer
    /// one is already there.
    pub async fn connected(&self, lease: Lease, protocol: &str, node: &str) -> Result<Entered, StationsError> {
        let new = Connected { lease, protocol: protocol.to_owned(), node: node.to_owned() };
        let (identity, entered) = self.entering.ask(new).await?.ok_or(StationsError::Fenced)?;
        // Whoever holds an older socket closes it; without the hint it finds out at its next write.
        self.bus.publish(&Topic::charge_point(&identity), &format!("epoch {}", lease.epoch));
        Ok(entered)
    }

    /// The connection ended. Without effect when a newer one is there.
    pub async fn disconnected(&self, lease: Lease) -> Result<(), StationsError> {
        Ok(self.leaving.ask(lease).await?)
    }

    /// Ends the connections that a node left behind when it died: called when the node of this name starts.
    pub async fn forget_connections_of(&self, node: &str) -> Result<u64, StationsError> {
        let node = node.to_owned();
        db::tx(&self.db, move |mut tx| {
            let node = node.clone();
            async move {
                let now = tx.now();
                Ok::<_, StationsError>(store::disconnect_node(&mut *tx, &node, now).await?)
            }
        })
        .await
    }

    /// The epochs that count now, for those of the leases that are over.
    pub async fn outdated(&self, leases: &[Lease]) -> Result<Vec<Lease>, StationsError> {
        Ok(store::outdated(self.db.pool(), leases).await?)
    }

    pub async fn charge_point_by_identity(&self, identity: &OcppIdentity) -> Result<Option<ChargePointId>, StationsError> {
        Ok(store::by_identity(self.db.pool(), identity).await?)
    }

    // What pages ask.

    pub async fn connector(&self, connector: ConnectorId) -> Result<Option<ConnectorFacts>, StationsError> {
        let mut connection = self.db.pool().acquire().await?;
        self::connector(&mut connection, connector).await
    }

    /// What a code leads to. Any text is answered.
    pub async fn look_up(&self, code: &str) -> Result<CodeTarget, StationsError> {
        let Ok(code) = ConnectorCode::parse(code) else { return Ok(CodeTarget::Unknown) };
        let mut connection = self.db.pool().acquire().await?;
        let Some(row) = store::code(&mut connection, &code).await? else { return Ok(CodeTarget::Unknown) };
        if row.retired_at.is_some()
            && let Some(successor) = row.successor
        {
            return Ok(CodeTarget::Moved(successor));
        }
        let facts = connector(&mut connection, row.connector).await?.ok_or(StationsError::NotFound("connector"))?;
        Ok(if row.retired_at.is_some() { CodeTarget::Retired(facts.into()) } else { CodeTarget::Connector(facts.into()) })
    }

    /// The code on the connector now.
    pub async fn code_of(&self, connector: ConnectorId) -> Result<Option<ConnectorCode>, StationsError> {
        Ok(store::code_of(self.db.pool(), connector).await?)
    }

    /// Connectors with a link that report to be free: first those of the same station, then the nearest ones. `beside` itself
    /// is not among them.
    pub async fn neighbours(&self, beside: Option<ConnectorId>) -> Result<Vec<(ConnectorId, Neighbour)>, StationsError> {
        Ok(store::neighbours(self.db.pool(), beside, NEIGHBOURS_MAX).await?)
    }

    /// The helpline for a page that belongs to no station.
    pub async fn any_helpline(&self) -> Result<Option<String>, StationsError> {
        Ok(store::any_helpline(self.db.pool()).await?)
    }

    // What staff does; the caller has checked the permission and writes the audit row.

    /// The partner with this tax number.
    pub async fn partner_by_tin(&self, tin: &str) -> Result<Option<PartnerId>, StationsError> {
        let mut connection = self.db.pool().acquire().await?;
        Ok(store::partner_by_tin(&mut connection, tin).await?)
    }

    pub async fn add_partner(&self, partner: NewPartner) -> Result<PartnerId, StationsError> {
        db::tx(&self.db, move |mut tx| {
            let partner = partner.clone();
            async move { add_partner(&mut tx, &partner).await }
        })
        .await
    }

    pub async fn add_station(&self, station: NewStation) -> Result<StationId, StationsError> {
        db::tx(&self.db, move |mut tx| {
            let station = station.clone();
            async move { add_station(&mut tx, &station).await }
        })
        .await
    }

    /// Enters a charge point and makes its password, which is told only here.
    pub async fn add_charge_point(&self, station: StationId, identity: OcppIdentity) -> Result<NewChargePoint, StationsError> {
        db::tx(&self.db, move |mut tx| {
            let identity = identity.clone();
            async move { add_charge_point(&mut tx, station, identity).await }
        })
        .await
    }

    /// Makes a new password. A connection that stands goes on; the next one needs the new password.
    pub async fn reset_password(&self, identity: &OcppIdentity) -> Result<NewChargePoint, StationsError> {
        let identity = identity.clone();
        db::tx(&self.db, move |mut tx| {
            let identity = identity.clone();
            async move { reset_password(&mut tx, identity).await }
        })
        .await
    }

    pub async fn add_connector(&self, connector: NewConnector) -> Result<ConnectorId, StationsError> {
        db::tx(&self.db, move |mut tx| {
            let connector = connector.clone();
            async move { add_connector(&mut tx, &connector).await }
        })
        .await
    }

    /// Puts a code on a connector: the given one, or a random one.
    pub async fn add_code(&self, connector: ConnectorId, code: Option<ConnectorCode>) -> Result<ConnectorCode, StationsError> {
        db::tx(&self.db, move |mut tx| {
            let code = code.clone();
            async move { add_code(&mut tx, connector, code).await }
        })
        .await
    }

    /// Retires a code. With a successor it leads there from now on, without one it explains itself.
    pub async fn retire_code(&self, code: &ConnectorCode, successor: Option<ConnectorCode>) -> Result<(), StationsError> {
        let code = code.clone();
        db::tx(&self.db, move |mut tx| {
            let (code, successor) = (code.clone(), successor.clone());
            async move {
                if successor.as_ref() == Some(&code) {
                    return Err(StationsError::Invalid("a code cannot follow itself"));
                }
                let now = tx.now();
                match store::retire_code(&mut tx, &code, successor.as_ref(), now).await {
                    Ok(true) => Ok(()),
                    Ok(false) => Err(StationsError::NotFound("code")),
                    Err(error) if db::constraint(&error) == Some("connector_code_replaced_by_fkey") => {
                        Err(StationsError::NotFound("successor"))
                    }
                    Err(error) => Err(error.into()),
                }
            }
        })
        .await
    }

    /// Sells the connector's energy by another tariff. Sessions that run keep theirs.
    pub async fn assign_tariff(&self, connector: ConnectorId, tariff: TariffId) -> Result<(), StationsError> {
        db::tx(&self.db, move |mut tx| async move {
            match store::assign_tariff(&mut tx, connector, tariff).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(StationsError::NotFound("connector")),
                Err(error) if db::constraint(&error) == Some("connector_tariff_id_fkey") => {
                    Err(StationsError::NotFound("tariff"))
                }
                Err(error) => Err(error.into()),
            }
        })
        .await
    }
}

/// Whether a password is the one of this hash. The 20 random bytes of OCPP 1.6's own key, which it says in hexadecimal digits when it is set and
/// raw when it is used, are the same as their digits.
fn opens(password: &[u8], salt: &[u8], expected: &[u8]) -> bool {
    let is = |password: &[u8]| bool::from(hash(salt, password).as_slice().ct_eq(expected));
    let raw_key = || {
        let digits: String = password.iter().map(|byte| format!("{byte:02X}")).collect();
        is(digits.as_bytes())
    };
    password.len() <= PASSWORD_BYTES_MAX && (is(password) || (password.len() == RAW_KEY_BYTES && raw_key()))
}

fn hash(salt: &[u8], password: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(password).finalize().into()
}

fn new_password(tx: &Tx) -> (String, Vec<u8>, [u8; 32]) {
    let password = tx.ids().token(PASSWORD_BYTES);
    let mut salt = vec![0; SALT_BYTES];
    tx.ids().fill(&mut salt);
    let hash = hash(&salt, password.as_bytes());
    (password, salt, hash)
}

/// A text of the database, or `Taken` when a constraint of this name says so.
fn on_taken<T>(result: Result<T, sqlx::Error>, name: &str, what: &'static str) -> Result<T, StationsError> {
    result.map_err(|error| if db::constraint(&error) == Some(name) { StationsError::Taken(what) } else { error.into() })
}

fn check_text(text: &str, what: &'static str) -> Result<(), StationsError> {
    // Long enough for any name or address; a page must be able to show it.
    let chars = text.chars().count();
    if (1..=200).contains(&chars) && !text.chars().any(char::is_control) { Ok(()) } else { Err(StationsError::Invalid(what)) }
}

fn check_tin(tin: &str) -> Result<(), StationsError> {
    if tin.len() == 14 && tin.bytes().all(|b| b.is_ascii_digit()) {
        Ok(())
    } else {
        Err(StationsError::Invalid("a taxpayer number has 14 digits"))
    }
}

async fn add_partner(tx: &mut Tx, partner: &NewPartner) -> Result<PartnerId, StationsError> {
    check_text(&partner.name, "a partner has a name of at most 200 characters")?;
    check_tin(&partner.tin)?;
    if partner.share_bp > 10_000 {
        return Err(StationsError::Invalid("a share is at most 100 %"));
    }
    let (id, now) = (PartnerId::from_uuid(tx.uuid()), tx.now());
    store::insert_partner(tx, id, partner, now).await?;
    Ok(id)
}

async fn add_station(tx: &mut Tx, station: &NewStation) -> Result<StationId, StationsError> {
    check_text(&station.name, "a station has a name of at most 200 characters")?;
    check_text(&station.address, "a station has an address of at most 200 characters")?;
    check_text(&station.seller_name, "a seller has a name of at most 200 characters")?;
    check_text(&station.helpline, "a station has a helpline")?;
    check_tin(&station.seller_tin)?;
    let (id, now) = (StationId::from_uuid(tx.uuid()), tx.now());
    store::insert_station(tx, id, station, now).await?;
    Ok(id)
}

async fn add_charge_point(tx: &mut Tx, station: StationId, identity: OcppIdentity) -> Result<NewChargePoint, StationsError> {
    let (password, salt, hash) = new_password(tx);
    let (id, now) = (ChargePointId::from_uuid(tx.uuid()), tx.now());
    let inserted = store::insert_charge_point(tx, id, station, &identity, &salt, &hash, now).await;
    on_taken(inserted, "charge_point_identity_key", "the identity")?;
    Ok(NewChargePoint { id, identity, password })
}

async fn password_event(tx: &mut Tx, id: ChargePointId, action: &'static str) -> Result<(), StationsError> {
    let event = AuditEvent {
        actor: Actor::System,
        action,
        subject_kind: "charge_point",
        subject_id: id.to_string(),
        detail: serde_json::json!({}),
    };
    Ok(audit::record(tx, &event).await?)
}

async fn reset_password(tx: &mut Tx, identity: OcppIdentity) -> Result<NewChargePoint, StationsError> {
    let (password, salt, hash) = new_password(tx);
    let id = store::set_password(tx, &identity, &salt, &hash).await?.ok_or(StationsError::NotFound("charge point"))?;
    Ok(NewChargePoint { id, identity, password })
}

async fn add_connector(tx: &mut Tx, connector: &NewConnector) -> Result<ConnectorId, StationsError> {
    check_text(&connector.label, "a connector has a label")?;
    let id = ConnectorId::from_uuid(tx.uuid());
    let inserted = store::insert_connector(tx, id, connector).await;
    on_taken(inserted, "connector_number_key", "the connector's number")?;
    Ok(id)
}

async fn add_code(tx: &mut Tx, connector: ConnectorId, code: Option<ConnectorCode>) -> Result<ConnectorCode, StationsError> {
    let now = tx.now();
    if let Some(code) = code {
        return if store::insert_code(tx, &code, connector, now).await? {
            Ok(code)
        } else {
            Err(StationsError::Taken("the code"))
        };
    }
    for _ in 0..CODE_TRIES_MAX {
        let text = tx.ids().text(CODE_ALPHABET, CODE_CHARS);
        let code = ConnectorCode::parse(&text).map_err(|_| StationsError::Invalid("the code's alphabet is wrong"))?;
        if store::insert_code(tx, &code, connector, now).await? {
            return Ok(code);
        }
    }
    Err(StationsError::Taken("every code that was tried"))
}

// For the other modules, inside their transactions.

/// Makes a new password that opens the door beside the charge point's own one, until one of them is seen ([`Stations::at_the_door`]). Its id
/// and itself: 40 hexadecimal digits, which every version of OCPP takes.
pub(crate) async fn send_password(tx: &mut Tx, charge_point: ChargePointId) -> Result<(Uuid, String), StationsError> {
    // Locks the charge point, so that the count below holds.
    names(tx, charge_point).await?.ok_or(StationsError::NotFound("charge point"))?;
    if store::count_sent_passwords(&mut **tx, charge_point).await? >= SENT_PASSWORDS_MAX {
        return Err(StationsError::Taken("every place for a password that waits to be used"));
    }
    let password = tx.ids().text(b"0123456789ABCDEF", 2 * RAW_KEY_BYTES);
    let mut salt = vec![0; SALT_BYTES];
    tx.ids().fill(&mut salt);
    let (id, now) = (tx.uuid(), tx.now());
    store::insert_sent_password(tx, id, charge_point, &salt, &hash(&salt, password.as_bytes()), now).await?;
    password_event(tx, charge_point, "charge_point.password_sent").await?;
    Ok((id, password))
}

/// The charge point has certainly not taken this password.
pub(crate) async fn forget_sent_password(tx: &mut Tx, id: Uuid) -> Result<(), StationsError> {
    Ok(store::delete_sent_password(tx, id).await?)
}

/// Says what the charge point is let in with from now on. What came in with less comes again with more.
pub(crate) async fn set_security_profile(
    tx: &mut Tx,
    bus: Arc<dyn Bus>,
    id: ChargePointId,
    profile: SecurityProfile,
) -> Result<(), StationsError> {
    store::set_security_profile(&mut *tx, id, profile).await?;
    let event = AuditEvent {
        actor: Actor::System,
        action: "charge_point.security_profile_set",
        subject_kind: "charge_point",
        subject_id: id.to_string(),
        detail: serde_json::json!({ "security_profile": profile.number() }),
    };
    audit::record(tx, &event).await?;
    cut_off(tx, bus, id).await.map(|_| ())
}

/// What a charge point may call itself. Its row stays locked until the transaction ends.
pub(crate) async fn names(c: &mut PgConnection, id: ChargePointId) -> Result<Option<Names>, StationsError> {
    Ok(store::names(c, id).await?)
}

/// Ends the connection of a charge point, wherever it is: what it writes is refused from now on, and its node closes it. It may come again.
pub(crate) async fn cut_off(tx: &mut Tx, bus: Arc<dyn Bus>, id: ChargePointId) -> Result<OcppIdentity, StationsError> {
    let now = tx.now();
    let (identity, epoch) = store::cut_off(&mut *tx, id, now).await?.ok_or(StationsError::NotFound("charge point"))?;
    let topic = Topic::charge_point(&identity);
    tx.after_commit(move || bus.publish(&topic, &format!("epoch {epoch}")));
    Ok(identity)
}

/// The facts of a connector.
pub(crate) async fn connector(c: &mut PgConnection, connector: ConnectorId) -> Result<Option<ConnectorFacts>, StationsError> {
    Ok(store::connector(c, connector).await?)
}

/// The facts of the connector that a charge point calls by these numbers.
pub(crate) async fn connector_by_number(
    c: &mut PgConnection,
    charge_point: ChargePointId,
    evse_no: i32,
    connector_no: i32,
) -> Result<Option<ConnectorFacts>, StationsError> {
    let Some(id) = store::connector_id(&mut *c, charge_point, evse_no, connector_no).await? else { return Ok(None) };
    connector(c, id).await
}

/// Refuses what an outdated connection wants to write, and keeps a newer one from beginning before this transaction ends.
/// The first lock of every transaction that writes for a charge point.
pub(crate) async fn fence(c: &mut PgConnection, lease: Lease, now: DateTime<Utc>) -> Result<(), StationsError> {
    match fence_all(c, &[lease], now).await?.first() {
        Some(Some(_)) => Ok(()),
        _ => Err(StationsError::Fenced),
    }
}

/// The same for many, in one statement: the meter interval in seconds of those that may write, `None` for the others. Also
/// notes that they were heard of.
pub(crate) async fn fence_all(
    c: &mut PgConnection,
    leases: &[Lease],
    now: DateTime<Utc>,
) -> Result<Vec<Option<i32>>, StationsError> {
    let current = store::lock_epochs(c, leases, now).await?;
    let interval = |lease: &Lease| current.get(&lease.charge_point).filter(|row| row.0 == lease.epoch).map(|row| row.1);
    Ok(leases.iter().map(interval).collect())
}

/// What charge points tell of themselves; of each, whether its connection is not over. Its settings are due from then on.
pub(crate) async fn record_boots(
    e: impl PgExecutor<'_>,
    boots: &[(Lease, BootFacts)],
    now: DateTime<Utc>,
) -> Result<Vec<bool>, sqlx::Error> {
    store::record_boots(e, boots, now).await
}

/// A charge point's settings are told.
pub(crate) async fn take_settings_due(e: impl PgExecutor<'_>, id: ChargePointId) -> Result<(), StationsError> {
    Ok(store::take_settings_due(e, id).await?)
}

/// A reported status; the caller has fenced. `None` for a connector that is not ours (and for the charge point as a whole).
pub(crate) async fn record_status(
    c: &mut PgConnection,
    id: ChargePointId,
    report: &StatusReport,
    now: DateTime<Utc>,
) -> Result<Option<ConnectorId>, StationsError> {
    if report.evse_no == 0 {
        store::record_charge_point_status(c, id, report, now).await?;
        return Ok(None);
    }
    Ok(store::record_connector_status(c, id, report, now).await?)
}

/// Statuses of connectors, in one statement with the look at the epochs. `None` for a connection that is over, and for what [`record_status`]
/// has no connector for.
pub(crate) async fn record_fenced_statuses(
    e: impl PgExecutor<'_>,
    reports: &[(Lease, StatusReport)],
    now: DateTime<Utc>,
) -> Result<Vec<Option<ConnectorId>>, sqlx::Error> {
    store::record_fenced_statuses(e, reports, now).await
}

/// The interval between meter readings that a charge point was told.
pub(crate) async fn set_meter_interval(c: &mut PgConnection, id: ChargePointId, seconds: i32) -> Result<(), StationsError> {
    Ok(store::set_meter_interval(c, id, seconds).await?)
}

/// Whether the charge point has ever introduced itself.
pub(crate) async fn has_booted(e: impl PgExecutor<'_>, id: ChargePointId) -> Result<bool, StationsError> {
    Ok(store::has_booted(e, id).await?)
}

/// The status of the connector that a charge point calls by these numbers, as last reported.
pub(crate) async fn reported(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    evse_no: i32,
    connector_no: i32,
) -> Result<Option<ConnectorStatus>, StationsError> {
    Ok(store::reported(e, charge_point, evse_no, connector_no).await?)
}

/// The identity of a charge point, for the hints on the bus.
pub(crate) async fn identity(c: &mut PgConnection, id: ChargePointId) -> Result<Option<OcppIdentity>, StationsError> {
    Ok(store::identity(c, id).await?)
}
