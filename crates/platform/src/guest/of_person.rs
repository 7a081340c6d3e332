//! Charges that belong to a person: begun as a guest, joined by the code that proved the phone.

use api::guest::OwnCharge;
use domain::Phone;
use domain::guest::GuestPhase;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Guest, GuestError, store};
use crate::db::Tx;

/// Charges on a person's page.
const SHOWN_MAX: i64 = 20;
/// Charges in an export: more than anybody drives.
const EXPORTED_MAX: i64 = 10_000;

/// The charges with this phone join the person's account; how many. Only for who has proved the phone.
pub async fn adopt(tx: &mut Tx, person: Uuid, phone: &Phone) -> Result<u64, sqlx::Error> {
    store::adopt(tx, person, phone).await
}

/// Takes the phone out of the person's charges. False when one of them is not over: its end is told by SMS.
pub async fn forget(tx: &mut Tx, person: Uuid) -> Result<bool, sqlx::Error> {
    let phases = store::phases_of_person(tx, person).await?;
    let is_over = |phase: &String| {
        let phase = GuestPhase::parse(phase);
        phase.is_some_and(|phase| phase.is_final() || phase == GuestPhase::Expired)
    };
    if !phases.iter().all(is_over) {
        return Ok(false);
    }
    store::forget_phone(tx, person).await?;
    Ok(true)
}

/// What an export says of the person's charges.
pub async fn export(connection: &mut PgConnection, person: Uuid) -> Result<Vec<Value>, sqlx::Error> {
    let charges = match store::of_person(connection, person, EXPORTED_MAX).await {
        Ok(charges) => charges,
        Err(GuestError::Db(error)) => return Err(error),
        Err(other) => return Err(sqlx::Error::Decode(Box::new(other))),
    };
    let line = |charge: super::Charge| {
        json!({
            "page": format!("/g/{}", charge.token),
            "connector_code": charge.code,
            "order": charge.order,
            "session": charge.session,
            "phase": charge.phase,
            "created_at": charge.created_at,
        })
    };
    Ok(charges.into_iter().map(line).collect())
}

impl Guest {
    pub(super) async fn own_charges(&self, person: Uuid) -> Result<Vec<OwnCharge>, GuestError> {
        let mut connection = self.db.pool().acquire().await?;
        let charges = store::of_person(&mut connection, person, SHOWN_MAX).await?;
        drop(connection);
        let mut own = Vec::with_capacity(charges.len());
        for charge in charges {
            let receipt = match charge.session {
                Some(session) => self.receipts.find(session).await?,
                None => None,
            };
            own.push(OwnCharge {
                token: charge.token,
                code: charge.code,
                created_at: charge.created_at,
                phase: charge.phase,
                total: receipt.as_ref().map(|receipt| receipt.total),
                station_name: receipt.map(|receipt| receipt.station_name),
            });
        }
        Ok(own)
    }
}
