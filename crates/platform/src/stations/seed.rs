//! Stations for the demo and the tests, entered once: run again it finds what is there and only makes new passwords.

use domain::stations::PlugType;
use domain::{ChargePointId, ConnectorCode, ConnectorId, OcppIdentity, TariffId, Watt};

use super::{NewConnector, NewPartner, NewStation, Stations, StationsError, store};
use crate::db;

/// What to enter.
#[derive(Debug, Clone)]
pub struct DemoPlan {
    pub partner: NewPartner,
    pub stations: Vec<SeedStation>,
}

#[derive(Debug, Clone)]
pub struct SeedStation {
    pub name: String,
    pub address: String,
    pub latitude_e7: i32,
    pub longitude_e7: i32,
    pub helpline: String,
    pub seller_name: String,
    pub seller_tin: String,
    pub charge_points: Vec<SeedChargePoint>,
}

#[derive(Debug, Clone)]
pub struct SeedChargePoint {
    pub identity: OcppIdentity,
    /// In the order of their EVSE numbers, from 1.
    pub connectors: Vec<SeedConnector>,
}

#[derive(Debug, Clone)]
pub struct SeedConnector {
    pub label: String,
    pub plug: PlugType,
    pub max_power: Watt,
    pub tariff: TariffId,
    /// The sticker's code; a random one when `None`.
    pub code: Option<ConnectorCode>,
}

/// What there is now. The passwords are new each time.
#[derive(Clone)]
pub struct SeededChargePoint {
    pub id: ChargePointId,
    pub identity: OcppIdentity,
    pub password: String,
    pub connectors: Vec<SeededConnector>,
}

impl std::fmt::Debug for SeededChargePoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("SeededChargePoint");
        shown
            .field("id", &self.id)
            .field("identity", &self.identity)
            .field("connectors", &self.connectors)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeededConnector {
    pub id: ConnectorId,
    pub evse_no: i32,
    pub label: String,
    pub code: ConnectorCode,
}

impl Stations {
    /// Enters what is missing of the plan, in one transaction.
    pub async fn seed(&self, plan: DemoPlan) -> Result<Vec<SeededChargePoint>, StationsError> {
        db::tx(&self.db, move |mut tx| {
            let plan = plan.clone();
            async move {
                let partner = match store::partner_by_tin(&mut tx, &plan.partner.tin).await? {
                    Some(partner) => partner,
                    None => super::add_partner(&mut tx, &plan.partner).await?,
                };
                let mut seeded = vec![];
                for station in plan.stations {
                    let id = match store::station_by_name(&mut tx, partner, &station.name).await? {
                        Some(id) => id,
                        None => {
                            let new = NewStation {
                                partner,
                                name: station.name,
                                address: station.address,
                                latitude_e7: station.latitude_e7,
                                longitude_e7: station.longitude_e7,
                                helpline: station.helpline,
                                seller_name: station.seller_name,
                                seller_tin: station.seller_tin,
                            };
                            super::add_station(&mut tx, &new).await?
                        }
                    };
                    for plan in station.charge_points {
                        let known = store::by_identity(&mut *tx, &plan.identity).await?.is_some();
                        let new = if known {
                            super::reset_password(&mut tx, plan.identity).await?
                        } else {
                            super::add_charge_point(&mut tx, id, plan.identity).await?
                        };
                        let mut connectors = vec![];
                        for (index, connector) in plan.connectors.into_iter().enumerate() {
                            let evse_no =
                                i32::try_from(index + 1).map_err(|_| StationsError::Invalid("too many connectors"))?;
                            let id = match store::connector_id(&mut *tx, new.id, evse_no, 1).await? {
                                Some(id) => id,
                                None => {
                                    let new = NewConnector {
                                        charge_point: new.id,
                                        evse_no,
                                        connector_no: 1,
                                        label: connector.label.clone(),
                                        plug: connector.plug,
                                        max_power: connector.max_power,
                                        tariff: connector.tariff,
                                    };
                                    super::add_connector(&mut tx, &new).await?
                                }
                            };
                            let code = match store::code_of(&mut *tx, id).await? {
                                Some(code) => code,
                                None => super::add_code(&mut tx, id, connector.code).await?,
                            };
                            connectors.push(SeededConnector { id, evse_no, label: connector.label, code });
                        }
                        seeded.push(SeededChargePoint {
                            id: new.id,
                            identity: new.identity,
                            password: new.password,
                            connectors,
                        });
                    }
                }
                Ok(seeded)
            }
        })
        .await
    }
}
