//! What the demo and the whole-server tests begin with: the standard tariff, the demo's stations and people.

use anyhow::{Context, Result};
use api::auth::Grant;
use domain::Phone;
use domain::auth::Role;
use platform::audit::Actor;
use platform::auth::{Auth, AuthSettings};
use platform::db::Db;
use platform::stations::{SeededChargePoint, Stations};
use platform::tariffs::Tariffs;

use crate::demo::plan;

/// Enters the demo's stations under the standard tariff. Run again it makes new passwords and nothing else.
pub async fn demo(db: &Db) -> Result<Vec<SeededChargePoint>> {
    let tariff = Tariffs::new(db.clone()).ensure_standard("Стандартный").await?;
    let stations = Stations::new(db.clone(), std::sync::Arc::new(platform::LocalBus::new()));
    let seeded = stations.seed(plan::plan(tariff)?).await?;
    let partner = stations.partner_by_tin(plan::PARTNER_TIN).await?.context("the demo's partner was just entered")?;
    let auth = Auth::new(db.clone(), AuthSettings::new("seed"));
    for (role, phone) in plan::PEOPLE {
        let person = auth.expect_person(&Phone::parse(phone)?).await?;
        let scope = match role {
            Role::Driver => continue,
            Role::Partner => Some(partner.as_uuid()),
            Role::Employee | Role::CorporateAdmin => Some(plan::COMPANY),
            Role::Support | Role::Finance | Role::Admin => None,
        };
        auth.grant(&Actor::System, person, Grant { role, scope }).await?;
    }
    Ok(seeded)
}
