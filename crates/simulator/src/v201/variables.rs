//! The device model: what a station of this kind consists of, and what can be changed (part 2, B05–B08; part 2 appendices).

use serde_json::{Value, json};

use super::messages::{connector_status, first};
use crate::Current;
use crate::charger::Charger;
use crate::profile::MAX_PERIODS;
use crate::settings::{Measurand, flag, seconds, whole_seconds};

/// Rows of one NotifyReport, and items of one Get- or SetVariables.
pub(crate) const ITEMS_PER_MESSAGE: usize = 20;
/// BasicAuthPassword (A01).
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 16..=40;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mutability {
    ReadOnly,
    ReadWrite,
    WriteOnly,
}

use Mutability::{ReadOnly, ReadWrite, WriteOnly};

/// One variable of one component.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    component: &'static str,
    /// Whether it is one of an EVSE, and of its connector.
    evse: Option<u32>,
    is_connector: bool,
    name: &'static str,
    instance: Option<&'static str>,
    value: String,
    mutability: Mutability,
    data_type: &'static str,
    unit: Option<&'static str>,
    /// What an OptionList or MemberList may hold.
    values: Option<&'static str>,
}

impl Variable {
    fn of(component: &'static str, name: &'static str, data_type: &'static str, value: impl ToString) -> Self {
        Self {
            component,
            evse: None,
            is_connector: false,
            name,
            instance: None,
            value: value.to_string(),
            mutability: ReadOnly,
            data_type,
            unit: None,
            values: None,
        }
    }

    fn settable(self) -> Self {
        Self { mutability: ReadWrite, ..self }
    }

    fn seconds(self) -> Self {
        Self { unit: Some("s"), ..self }
    }

    fn instance(self, instance: &'static str) -> Self {
        Self { instance: Some(instance), ..self }
    }

    fn values(self, values: &'static str) -> Self {
        Self { values: Some(values), ..self }
    }

    fn at(self, evse: u32) -> Self {
        Self { evse: Some(evse), ..self }
    }

    fn on_connector(self) -> Self {
        Self { is_connector: true, ..self }
    }

    fn component_json(&self) -> Value {
        let mut component = json!({ "name": self.component });
        if let Some(evse) = self.evse {
            component["evse"] = json!({ "id": evse });
            if self.is_connector {
                component["evse"]["connectorId"] = 1.into();
            }
        }
        component
    }

    /// The row of a report.
    pub(crate) fn report(&self) -> Value {
        let mut variable = json!({ "name": self.name });
        if let Some(instance) = self.instance {
            variable["instance"] = instance.into();
        }
        let mut attribute = json!({ "type": "Actual", "mutability": format!("{:?}", self.mutability) });
        if self.mutability != WriteOnly {
            attribute["value"] = self.value.as_str().into();
        }
        let mut characteristics = json!({ "dataType": self.data_type, "supportsMonitoring": false });
        if let Some(unit) = self.unit {
            characteristics["unit"] = unit.into();
        }
        if let Some(values) = self.values {
            characteristics["valuesList"] = values.into();
        }
        json!({
            "component": self.component_json(),
            "variable": variable,
            "variableAttribute": [attribute],
            "variableCharacteristics": characteristics,
        })
    }

    pub(crate) fn is_settable(&self) -> bool {
        self.mutability != ReadOnly
    }

    /// Whether it says how the station is doing (SummaryInventory).
    pub(crate) fn is_summary(&self) -> bool {
        matches!(self.name, "AvailabilityState" | "Available")
    }

    /// Whether a ComponentVariable of a request means it.
    pub(crate) fn is_meant(&self, component: &Value, variable: Option<&Value>) -> bool {
        self.is_of(component) && variable.is_none_or(|variable| self.is_named(variable))
    }

    fn is_of(&self, component: &Value) -> bool {
        let is_same = |name: &str| name.eq_ignore_ascii_case(self.component);
        let number = |value: &Value, name: &str| value.get(name).and_then(Value::as_u64);
        let evse = component.get("evse").unwrap_or(&Value::Null);
        component["name"].as_str().is_some_and(is_same)
            && number(evse, "id") == self.evse.map(u64::from)
            && number(evse, "connectorId") == self.is_connector.then_some(1)
    }

    fn is_named(&self, variable: &Value) -> bool {
        let is_same = |name: &str| name.eq_ignore_ascii_case(self.name);
        let instance = variable.get("instance").and_then(Value::as_str);
        variable["name"].as_str().is_some_and(is_same)
            && match (instance, self.instance) {
                (Some(asked), Some(own)) => asked.eq_ignore_ascii_case(own),
                (asked, own) => asked == own,
            }
    }
}

impl Charger {
    /// The whole device model.
    pub(crate) fn device_model(&self) -> Vec<Variable> {
        const MEASURANDS: &str = "Energy.Active.Import.Register,Power.Active.Import,Power.Offered,Current.Import,Voltage,SoC";
        let settings = &self.settings;
        let kept = |name: &str, default: &str| self.variables.get(name).cloned().unwrap_or_else(|| default.to_owned());
        let mut all = vec![
            Variable::of("AlignedDataCtrlr", "Interval", "integer", 0).seconds(),
            Variable::of("AlignedDataCtrlr", "Measurands", "MemberList", "").values(MEASURANDS),
            Variable::of("AlignedDataCtrlr", "TxEndedInterval", "integer", 0).seconds(),
            Variable::of("AlignedDataCtrlr", "TxEndedMeasurands", "MemberList", "").values(MEASURANDS),
            Variable::of("AuthCtrlr", "AuthorizeRemoteStart", "boolean", settings.authorize_remote).settable(),
            Variable::of("AuthCtrlr", "LocalAuthorizeOffline", "boolean", true),
            Variable::of("AuthCtrlr", "LocalPreAuthorize", "boolean", false),
            Variable::of("AuthCtrlr", "OfflineTxForUnknownIdEnabled", "boolean", settings.allow_offline_unknown).settable(),
            Variable::of("ClockCtrlr", "TimeSource", "SequenceList", "Heartbeat").values("Heartbeat"),
            Variable::of("DeviceDataCtrlr", "BytesPerMessage", "integer", ocpp::frame::MAX_FRAME_BYTES).instance("GetReport"),
            Variable::of("DeviceDataCtrlr", "BytesPerMessage", "integer", ocpp::frame::MAX_FRAME_BYTES)
                .instance("GetVariables"),
            Variable::of("DeviceDataCtrlr", "BytesPerMessage", "integer", ocpp::frame::MAX_FRAME_BYTES)
                .instance("SetVariables"),
            Variable::of("DeviceDataCtrlr", "ItemsPerMessage", "integer", ITEMS_PER_MESSAGE).instance("GetReport"),
            Variable::of("DeviceDataCtrlr", "ItemsPerMessage", "integer", ITEMS_PER_MESSAGE).instance("GetVariables"),
            Variable::of("DeviceDataCtrlr", "ItemsPerMessage", "integer", ITEMS_PER_MESSAGE).instance("SetVariables"),
            Variable::of("OCPPCommCtrlr", "FileTransferProtocols", "MemberList", "HTTPS").values("FTP,FTPS,HTTP,HTTPS,SFTP"),
            Variable::of("OCPPCommCtrlr", "HeartbeatInterval", "integer", whole_seconds(settings.heartbeat_interval_ms))
                .settable()
                .seconds(),
            Variable::of("OCPPCommCtrlr", "MessageAttempts", "integer", settings.attempts)
                .instance("TransactionEvent")
                .settable(),
            Variable::of("OCPPCommCtrlr", "MessageAttemptInterval", "integer", settings.retry_interval_s)
                .instance("TransactionEvent")
                .settable()
                .seconds(),
            Variable::of("OCPPCommCtrlr", "MessageTimeout", "integer", whole_seconds(self.config.call_timeout_ms.into()))
                .instance("Default")
                .seconds(),
            Variable::of("OCPPCommCtrlr", "NetworkConfigurationPriority", "SequenceList", "0").values("0"),
            Variable::of("OCPPCommCtrlr", "NetworkProfileConnectionAttempts", "integer", 3),
            Variable::of("OCPPCommCtrlr", "OfflineThreshold", "integer", kept("OfflineThreshold", "0")).settable().seconds(),
            Variable::of("OCPPCommCtrlr", "ResetRetries", "integer", 0),
            Variable::of("OCPPCommCtrlr", "UnlockOnEVSideDisconnect", "boolean", true),
            Variable::of("SampledDataCtrlr", "TxEndedInterval", "integer", 0).seconds(),
            Variable::of("SampledDataCtrlr", "TxEndedMeasurands", "MemberList", Measurand::list(&settings.stop_data))
                .values(MEASURANDS)
                .settable(),
            Variable::of("SampledDataCtrlr", "TxStartedMeasurands", "MemberList", Measurand::Energy.name()).values(MEASURANDS),
            Variable::of("SampledDataCtrlr", "TxUpdatedInterval", "integer", whole_seconds(settings.meter_interval_ms))
                .settable()
                .seconds(),
            Variable::of("SampledDataCtrlr", "TxUpdatedMeasurands", "MemberList", Measurand::list(&settings.sampled_data))
                .values(MEASURANDS)
                .settable(),
            Variable { mutability: WriteOnly, ..Variable::of("SecurityCtrlr", "BasicAuthPassword", "string", "") },
            Variable::of("SecurityCtrlr", "CertificateEntries", "integer", 0),
            Variable::of("SecurityCtrlr", "Identity", "string", first(&self.config.identity, 48)),
            Variable::of("SecurityCtrlr", "OrganizationName", "string", kept("OrganizationName", "Virtual")).settable(),
            Variable::of("SecurityCtrlr", "SecurityProfile", "integer", 1),
            Variable::of("SmartChargingCtrlr", "Enabled", "boolean", true),
            Variable::of("SmartChargingCtrlr", "Entries", "integer", self.connectors.len()).instance("ChargingProfiles"),
            Variable::of("SmartChargingCtrlr", "LimitChangeSignificance", "decimal", "1.0"),
            Variable::of("SmartChargingCtrlr", "PeriodsPerSchedule", "integer", MAX_PERIODS),
            Variable::of("SmartChargingCtrlr", "ProfileStackLevel", "integer", 0),
            Variable::of("SmartChargingCtrlr", "RateUnit", "MemberList", "W,A").values("A,W"),
            Variable::of("TariffCostCtrlr", "Enabled", "boolean", true).instance("Cost"),
            Variable::of("TxCtrlr", "EVConnectionTimeOut", "integer", settings.connection_timeout_s).settable().seconds(),
            Variable::of("TxCtrlr", "StopTxOnEVSideDisconnect", "boolean", true),
            Variable::of("TxCtrlr", "StopTxOnInvalidId", "boolean", settings.stop_on_invalid_id).settable(),
            Variable::of("TxCtrlr", "TxStartPoint", "MemberList", "PowerPathClosed")
                .values("ParkingBayOccupancy,EVConnected,Authorized,DataSigned,PowerPathClosed,EnergyTransfer"),
            Variable::of("TxCtrlr", "TxStopPoint", "MemberList", "EVConnected,Authorized")
                .values("ParkingBayOccupancy,EVConnected,Authorized,PowerPathClosed,EnergyTransfer"),
            Variable::of("ChargingStation", "AvailabilityState", "OptionList", connector_status(&self.station_status()))
                .values("Available,Occupied,Reserved,Unavailable,Faulted"),
            Variable::of("ChargingStation", "Available", "boolean", self.station_operative),
            Variable::of("ChargingStation", "Model", "string", first(&self.config.model, 50)),
            Variable::of("ChargingStation", "SupplyPhases", "integer", 3),
            Variable::of("ChargingStation", "VendorName", "string", first(&self.config.vendor, 50)),
        ];
        for connector in &self.connectors {
            let (kind, phases) = match connector.config.current {
                Current::Ac => ("cType2", 3),
                Current::Dc => ("cCCS2", 0),
            };
            let state = connector_status(&connector.status());
            let at = |name, data_type, value: String| Variable::of("EVSE", name, data_type, value).at(connector.id);
            let on = |name, data_type, value: String| {
                Variable::of("Connector", name, data_type, value).at(connector.id).on_connector()
            };
            let power = at("Power", "decimal", connector.power_w.to_string());
            all.extend([
                at("AvailabilityState", "OptionList", state.to_owned())
                    .values("Available,Occupied,Reserved,Unavailable,Faulted"),
                at("Available", "boolean", connector.is_operative.to_string()),
                Variable { unit: Some("W"), ..power },
                at("SupplyPhases", "integer", phases.to_string()),
                on("AvailabilityState", "OptionList", state.to_owned())
                    .values("Available,Occupied,Reserved,Unavailable,Faulted"),
                on("Available", "boolean", connector.is_operative.to_string()),
                on("ConnectorType", "string", kind.to_owned()),
                on("SupplyPhases", "integer", phases.to_string()),
            ]);
        }
        all
    }

    /// One answer of GetVariables.
    pub(crate) fn get_variable(&self, model: &[Variable], component: &Value, variable: &Value, kind: Option<&str>) -> Value {
        let mut result = json!({ "component": component, "variable": variable });
        if let Some(kind) = kind {
            result["attributeType"] = kind.into();
        }
        let status = match find(model, component, variable) {
            Err(status) => status,
            Ok(_) if kind.is_some_and(|kind| kind != "Actual") => "NotSupportedAttributeType",
            Ok(found) if found.mutability == WriteOnly => "Rejected",
            Ok(found) => {
                result["attributeValue"] = found.value.as_str().into();
                "Accepted"
            }
        };
        result["attributeStatus"] = status.into();
        result
    }

    /// One answer of SetVariables.
    pub(crate) fn set_variable(
        &mut self,
        model: &[Variable],
        component: &Value,
        variable: &Value,
        kind: Option<&str>,
        value: &str,
    ) -> Value {
        let mut result = json!({ "component": component, "variable": variable });
        if let Some(kind) = kind {
            result["attributeType"] = kind.into();
        }
        let status = match find(model, component, variable) {
            Err(status) => status,
            Ok(_) if kind.is_some_and(|kind| kind != "Actual") => "NotSupportedAttributeType",
            Ok(found) if found.mutability == ReadOnly => "Rejected",
            Ok(found) => match self.change_variable(found, value) {
                Some(()) => "Accepted",
                None => "Rejected",
            },
        };
        result["attributeStatus"] = status.into();
        result
    }

    /// `None` if the value is not one that it can have.
    fn change_variable(&mut self, variable: &Variable, value: &str) -> Option<()> {
        let settings = &mut self.settings;
        let (seconds, flag) = (|| seconds(value), || flag(value));
        match variable.name {
            "AuthorizeRemoteStart" => settings.authorize_remote = flag()?,
            "OfflineTxForUnknownIdEnabled" => settings.allow_offline_unknown = flag()?,
            "HeartbeatInterval" => settings.heartbeat_interval_ms = i64::from(seconds().filter(|seconds| *seconds > 0)?) * 1000,
            "MessageAttempts" => settings.attempts = seconds().filter(|attempts| *attempts > 0)?,
            "MessageAttemptInterval" => settings.retry_interval_s = seconds()?,
            "TxUpdatedInterval" => settings.meter_interval_ms = i64::from(seconds()?) * 1000,
            "TxUpdatedMeasurands" => settings.sampled_data = Measurand::parse_list(value)?,
            // Without the register at the end nobody could be billed.
            "TxEndedMeasurands" => {
                settings.stop_data = Measurand::parse_list(value).filter(|list| list.contains(&Measurand::Energy))?;
            }
            "EVConnectionTimeOut" => settings.connection_timeout_s = seconds()?,
            "StopTxOnInvalidId" => settings.stop_on_invalid_id = flag()?,
            "BasicAuthPassword" => {
                self.password = Some(value.to_owned()).filter(|value| PASSWORD_CHARS.contains(&value.chars().count()));
                self.password.as_ref()?;
            }
            "OfflineThreshold" => {
                self.variables.insert(variable.name, seconds()?.to_string());
            }
            name => {
                self.variables.insert(name, value.to_owned());
            }
        }
        Some(())
    }
}

fn find<'a>(model: &'a [Variable], component: &Value, variable: &Value) -> Result<&'a Variable, &'static str> {
    let is_component = model.iter().any(|known| known.is_of(component));
    let found = model.iter().find(|known| known.is_meant(component, Some(variable)));
    found.ok_or(if is_component { "UnknownVariable" } else { "UnknownComponent" })
}
