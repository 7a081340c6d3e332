//! What the demo and the whole-server tests begin with: the standard tariff and the demo's stations.

use anyhow::Result;
use platform::db::Db;
use platform::stations::{SeededChargePoint, Stations};
use platform::tariffs::Tariffs;

use crate::demo::plan;

/// Enters the demo's stations under the standard tariff. Run again it makes new passwords and nothing else.
pub async fn demo(db: &Db) -> Result<Vec<SeededChargePoint>> {
    let tariff = Tariffs::new(db.clone()).ensure_standard("Стандартный").await?;
    let stations = Stations::new(db.clone(), std::sync::Arc::new(platform::LocalBus::new()));
    Ok(stations.seed(plan::plan(tariff)?).await?)
}
