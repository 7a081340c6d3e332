//! What the demo shows: two stations in Bishkek and the people who use them.

use domain::auth::Role;
use domain::stations::PlugType;
use domain::{ConnectorCode, OcppIdentity, TariffId, Watt};
use platform::stations::{DemoPlan, NewPartner, SeedChargePoint, SeedConnector, SeedStation};

/// The helpline of the demo.
pub const HELPLINE: &str = "+996312000999";
/// A guest's phone for the demo: it exists only in the stand-in's inbox.
pub const GUEST_PHONE: &str = "0700 123 456";

/// The tax number of the demo's partner.
pub const PARTNER_TIN: &str = "11111111111111";
/// The company of the demo's employees.
pub const COMPANY: uuid::Uuid = uuid::Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);

/// The people of the demo. They sign in by a code that arrives in the stand-in's inbox.
pub const PEOPLE: [(Role, &str); 7] = [
    (Role::Driver, "0700 000 001"),
    (Role::Employee, "0700 000 002"),
    (Role::CorporateAdmin, "0700 000 003"),
    (Role::Partner, "0700 000 004"),
    (Role::Support, "0700 000 005"),
    (Role::Finance, "0700 000 006"),
    (Role::Admin, "0700 000 007"),
];

/// How the cable of a demo connector gets into the car.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cable {
    /// By itself, a few seconds after the payment.
    PlugsItself,
    /// A person presses a button on the virtual charge points' page.
    ByHand,
}

/// What a charge point of the demo speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ocpp {
    V16,
    V201,
}

/// One connector of the demo.
pub struct DemoConnector {
    pub label: &'static str,
    pub plug: PlugType,
    pub max_power: Watt,
    pub code: &'static str,
}

/// One charge point of the demo.
pub struct DemoChargePoint {
    pub identity: &'static str,
    pub ocpp: Ocpp,
    pub cable: Cable,
    pub connectors: &'static [DemoConnector],
}

/// One station of the demo.
pub struct DemoStation {
    pub name: &'static str,
    pub address: &'static str,
    pub latitude_e7: i32,
    pub longitude_e7: i32,
    pub charge_points: &'static [DemoChargePoint],
}

/// Everything that the demo seeds.
pub const STATIONS: &[DemoStation] = &[
    DemoStation {
        name: "Red Petroleum · Чүй",
        address: "Бишкек, проспект Чүй, 219",
        latitude_e7: 428_761_000,
        longitude_e7: 745_880_000,
        charge_points: &[
            DemoChargePoint {
                identity: "RP-CHUY-1",
                ocpp: Ocpp::V16,
                cable: Cable::PlugsItself,
                connectors: &[DemoConnector { label: "A", plug: PlugType::Ccs2, max_power: Watt::new(60_000), code: "CHUYA2" }],
            },
            DemoChargePoint {
                identity: "RP-CHUY-2",
                ocpp: Ocpp::V16,
                cable: Cable::ByHand,
                connectors: &[
                    DemoConnector { label: "B", plug: PlugType::Ccs2, max_power: Watt::new(120_000), code: "CHUYB2" },
                    DemoConnector { label: "C", plug: PlugType::GbtDc, max_power: Watt::new(120_000), code: "CHUYC2" },
                ],
            },
        ],
    },
    DemoStation {
        name: "Red Petroleum · Ала-Тоо",
        address: "Бишкек, улица Ахунбаева, 97",
        latitude_e7: 428_430_000,
        longitude_e7: 745_990_000,
        charge_points: &[DemoChargePoint {
            identity: "RP-ATOO-1",
            ocpp: Ocpp::V201,
            cable: Cable::ByHand,
            connectors: &[
                DemoConnector { label: "A", plug: PlugType::Type2, max_power: Watt::new(22_000), code: "ATAAA2" },
                DemoConnector { label: "B", plug: PlugType::Type2, max_power: Watt::new(22_000), code: "ATAAB2" },
            ],
        }],
    },
];

/// A charge point of the demo by its identity.
pub fn charge_point(identity: &str) -> Option<&'static DemoChargePoint> {
    STATIONS.iter().flat_map(|s| s.charge_points).find(|c| c.identity == identity)
}

/// The same as the platform wants it.
pub fn plan(tariff: TariffId) -> anyhow::Result<DemoPlan> {
    let mut stations = Vec::new();
    for station in STATIONS {
        let mut charge_points = Vec::new();
        for charge_point in station.charge_points {
            let mut connectors = Vec::new();
            for c in charge_point.connectors {
                let code = Some(ConnectorCode::parse(c.code)?);
                connectors.push(SeedConnector { label: c.label.into(), plug: c.plug, max_power: c.max_power, tariff, code });
            }
            charge_points.push(SeedChargePoint { identity: OcppIdentity::parse(charge_point.identity)?, connectors });
        }
        stations.push(SeedStation {
            name: station.name.into(),
            address: station.address.into(),
            latitude_e7: station.latitude_e7,
            longitude_e7: station.longitude_e7,
            helpline: HELPLINE.into(),
            seller_name: "ОсОО «Ред Петролеум EV» (демо)".into(),
            seller_tin: "00000000000000".into(),
            charge_points,
        });
    }
    Ok(DemoPlan {
        partner: NewPartner { name: "ОсОО «Партнёр» (демо)".into(), tin: PARTNER_TIN.into(), share_bp: 7_000 },
        stations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_one_that_the_platform_takes() {
        let tariff = TariffId::from_uuid(uuid::Uuid::nil());
        assert_eq!(plan(tariff).unwrap().stations.len(), STATIONS.len());
        assert_eq!(charge_point("RP-CHUY-1").map(|c| c.cable), Some(Cable::PlugsItself));
        assert!(charge_point("RP-CHUY-9").is_none());
    }
}
