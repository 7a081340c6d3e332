//! Tariffs and their versions, and the taxes inside the prices.
//!
//! Knows no sessions and no money: which version is valid for a connector at an instant, frozen with its context. What a
//! version costs is the price engine's business (`domain::tariffs`).

mod store;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use domain::tariffs::{FrozenTariff, PriceContext, PriceError, PriceNow, TariffDocument};
use domain::{TariffId, TariffVersionId, Tyiyn, Wh};
use sqlx::PgConnection;

use crate::db::{self, Db, TxError};
use crate::stations::ConnectorFacts;

/// The example on the first screen.
const EXAMPLE: Wh = Wh::new(20_000);

/// The use cases of tariffs.
#[derive(Debug, Clone)]
pub struct Tariffs {
    db: Db,
}

/// A version bound to a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrozenVersion {
    pub version: TariffVersionId,
    pub tariff: FrozenTariff,
}

/// The prices of a connector for its page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceView {
    pub tariff: FrozenTariff,
    pub price: PriceNow,
    /// What comes after `price.until`.
    pub next_price: Option<PriceNow>,
    /// What 20 kWh cost from now at full power.
    pub example_20_kwh: Tyiyn,
}

/// A tax that is inside the price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxRate {
    pub code: String,
    /// Of the net, in basis points: 1200 is 12 %.
    pub rate_bp: u32,
}

/// Why something about tariffs could not be done.
#[derive(Debug, thiserror::Error)]
pub enum TariffsError {
    #[error("no such tariff")]
    NotFound,
    /// Nothing can be sold by it.
    #[error("the tariff has no version that is valid at {at}")]
    NoVersion { at: DateTime<Utc> },
    #[error("a version of that instant exists")]
    Taken,
    #[error(transparent)]
    Price(#[from] PriceError),
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

impl TxError for TariffsError {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Db(error) => Some(error),
            _ => None,
        }
    }
}

impl Tariffs {
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Enters a tariff without any version yet; the one of that name if there is one.
    pub async fn create(&self, name: &str) -> Result<TariffId, TariffsError> {
        let name = name.to_owned();
        db::tx(&self.db, move |mut tx| {
            let name = name.clone();
            async move {
                if let Some(id) = store::by_name(&mut tx, &name).await? {
                    return Ok(id);
                }
                let (id, now) = (TariffId::from_uuid(tx.uuid()), tx.now());
                store::insert_tariff(&mut tx, id, &name, now).await?;
                Ok::<_, TariffsError>(id)
            }
        })
        .await
    }

    /// Publishes the next version. Sessions that run keep theirs; pages show the change before it comes.
    pub async fn publish(
        &self,
        tariff: TariffId,
        document: TariffDocument,
        valid_from: DateTime<Utc>,
    ) -> Result<TariffVersionId, TariffsError> {
        document.validate()?;
        db::tx(&self.db, move |mut tx| {
            let document = document.clone();
            async move {
                if !store::lock_tariff(&mut tx, tariff).await? {
                    return Err(TariffsError::NotFound);
                }
                let (id, now) = (TariffVersionId::from_uuid(tx.uuid()), tx.now());
                match store::insert_version(&mut tx, id, tariff, &document, valid_from, now).await {
                    Ok(()) => Ok(id),
                    Err(error) if db::constraint(&error) == Some("tariff_version_valid_from_key") => Err(TariffsError::Taken),
                    Err(error) => Err(error.into()),
                }
            }
        })
        .await
    }

    /// The standard tariff under this name, with a first version from the beginning of time if it has none.
    pub async fn ensure_standard(&self, name: &str) -> Result<TariffId, TariffsError> {
        let id = self.create(name).await?;
        match self.publish(id, TariffDocument::standard(), DateTime::UNIX_EPOCH).await {
            Ok(_) | Err(TariffsError::Taken) => Ok(id),
            Err(error) => Err(error),
        }
    }

    /// The prices of a connector now, and what comes next; also when the next is another version.
    pub async fn price_view(&self, connector: &ConnectorFacts, at: DateTime<Utc>) -> Result<PriceView, TariffsError> {
        let mut connection = self.db.pool().acquire().await?;
        let frozen = freeze(&mut connection, connector, None, at).await?;
        let mut price = frozen.tariff.price_at(at)?;
        let mut next_price = None;
        let change = store::next_valid_from(&mut connection, connector.tariff, at).await?;
        match (price.until, change) {
            (until, Some(change)) if until.is_none_or(|until| change <= until) => {
                price.until = Some(change);
                next_price = Some(freeze(&mut connection, connector, None, change).await?.tariff.price_at(change)?);
            }
            (Some(until), _) => next_price = Some(frozen.tariff.price_at(until)?),
            (None, _) => {}
        }
        let example_20_kwh = frozen.tariff.estimate(EXAMPLE, connector.max_power, at)?.total;
        Ok(PriceView { tariff: frozen.tariff, price, next_price, example_20_kwh })
    }
}

/// The version that is valid for a connector at an instant, with its context: what a session freezes.
pub(crate) async fn freeze(
    c: &mut PgConnection,
    connector: &ConnectorFacts,
    contract: Option<String>,
    at: DateTime<Utc>,
) -> Result<FrozenVersion, TariffsError> {
    let (version, document) = store::version_at(c, connector.tariff, at).await?.ok_or(TariffsError::NoVersion { at })?;
    let context = PriceContext { current: connector.current, max_power: connector.max_power, contract };
    Ok(FrozenVersion { version, tariff: FrozenTariff { document, context } })
}

/// The taxes inside a price at an instant, in the order of their codes.
pub(crate) async fn taxes_at(c: &mut PgConnection, at: DateTime<Utc>) -> Result<Vec<TaxRate>, sqlx::Error> {
    store::taxes_at(c, at).await
}
