//! The configuration keys (§ 9): those that a charge point of this kind has, and what they do.

use ocpp::Text;
use ocpp::v16::change_configuration::Status;
use ocpp::v16::get_configuration::KeyValue;
use ocpp::v16::meter_values::Measurand;

use crate::Config;

/// What this charge point can measure.
const MEASURANDS: &[Measurand] = &[
    Measurand::EnergyActiveImportRegister,
    Measurand::PowerActiveImport,
    Measurand::PowerOffered,
    Measurand::CurrentImport,
    Measurand::Voltage,
    Measurand::Soc,
];

/// Longer intervals are mistakes; it also keeps milliseconds far from overflow.
const MAX_SECONDS: u32 = 31_536_000;

/// The values that can be changed; they survive a restart.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) heartbeat_interval_ms: i64,
    /// 0 is never.
    pub(super) meter_interval_ms: i64,
    /// 0 is for ever.
    pub(super) connection_timeout_s: u32,
    pub(super) sampled_data: Vec<Measurand>,
    pub(super) stop_data: Vec<Measurand>,
    pub(super) attempts: u32,
    pub(super) retry_interval_s: u32,
    pub(super) authorize_remote: bool,
    pub(super) stop_on_invalid_id: bool,
    pub(super) allow_offline_unknown: bool,
}

impl Keys {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            heartbeat_interval_ms: i64::from(config.heartbeat_interval_s.clamp(1, MAX_SECONDS)) * 1000,
            meter_interval_ms: i64::from(config.meter_interval_ms),
            connection_timeout_s: config.connection_timeout_s.min(MAX_SECONDS),
            sampled_data: vec![Measurand::EnergyActiveImportRegister, Measurand::PowerActiveImport, Measurand::Soc],
            stop_data: Vec::new(),
            attempts: 3,
            retry_interval_s: 10,
            authorize_remote: false,
            stop_on_invalid_id: true,
            allow_offline_unknown: config.allow_offline_unknown,
        }
    }

    pub(super) fn all(&self, connectors: usize) -> Vec<KeyValue> {
        let seconds = |span_ms: i64| ((span_ms + 999) / 1000).to_string();
        let of =
            |readonly: bool, key: &str, value: String| KeyValue { key: key.into(), readonly, value: Some(Text::from(value)) };
        let settable = |key: &str, value: String| of(false, key, value);
        let fixed = |key: &str, value: &str| of(true, key, value.to_owned());
        vec![
            settable("AllowOfflineTxForUnknownId", self.allow_offline_unknown.to_string()),
            settable("AuthorizeRemoteTxRequests", self.authorize_remote.to_string()),
            fixed("ChargeProfileMaxStackLevel", "0"),
            fixed("ChargingScheduleAllowedChargingRateUnit", "Current,Power"),
            fixed("ChargingScheduleMaxPeriods", &super::commands::MAX_PERIODS.to_string()),
            fixed("ClockAlignedDataInterval", "0"),
            settable("ConnectionTimeOut", self.connection_timeout_s.to_string()),
            fixed("ConnectorPhaseRotation", "NotApplicable"),
            fixed("GetConfigurationMaxKeys", "100"),
            settable("HeartbeatInterval", seconds(self.heartbeat_interval_ms)),
            fixed("LocalAuthorizeOffline", "true"),
            fixed("LocalPreAuthorize", "false"),
            fixed("MaxChargingProfilesInstalled", &connectors.to_string()),
            fixed("MeterValuesAlignedData", ""),
            settable("MeterValuesSampledData", list(&self.sampled_data)),
            settable("MeterValueSampleInterval", seconds(self.meter_interval_ms)),
            fixed("NumberOfConnectors", &connectors.to_string()),
            fixed("ResetRetries", "0"),
            fixed("StopTransactionOnEVSideDisconnect", "true"),
            settable("StopTransactionOnInvalidId", self.stop_on_invalid_id.to_string()),
            fixed("StopTxnAlignedData", ""),
            settable("StopTxnSampledData", list(&self.stop_data)),
            fixed("SupportedFeatureProfiles", "Core,RemoteTrigger,SmartCharging"),
            settable("TransactionMessageAttempts", self.attempts.to_string()),
            settable("TransactionMessageRetryInterval", self.retry_interval_s.to_string()),
            fixed("UnlockConnectorOnEVSideDisconnect", "true"),
        ]
    }

    pub(super) fn change(&mut self, key: &str, value: &str) -> Status {
        let seconds = || value.trim().parse::<u32>().ok().filter(|seconds| *seconds <= MAX_SECONDS);
        let flag = || value.trim().to_ascii_lowercase().parse::<bool>().ok();
        let done = match key.to_ascii_lowercase().as_str() {
            "allowofflinetxforunknownid" => flag().map(|flag| self.allow_offline_unknown = flag),
            "authorizeremotetxrequests" => flag().map(|flag| self.authorize_remote = flag),
            "connectiontimeout" => seconds().map(|seconds| self.connection_timeout_s = seconds),
            "heartbeatinterval" => {
                seconds().filter(|seconds| *seconds > 0).map(|seconds| self.heartbeat_interval_ms = i64::from(seconds) * 1000)
            }
            "metervaluessampleddata" => measurands(value).map(|list| self.sampled_data = list),
            "metervaluesampleinterval" => seconds().map(|seconds| self.meter_interval_ms = i64::from(seconds) * 1000),
            "stoptransactiononinvalidid" => flag().map(|flag| self.stop_on_invalid_id = flag),
            "stoptxnsampleddata" => measurands(value).map(|list| self.stop_data = list),
            "transactionmessageattempts" => seconds().filter(|attempts| *attempts > 0).map(|attempts| self.attempts = attempts),
            "transactionmessageretryinterval" => seconds().map(|seconds| self.retry_interval_s = seconds),
            other => {
                let is_known = self.all(1).iter().any(|known| known.key.eq_ignore_case(other));
                return if is_known { Status::Rejected } else { Status::NotSupported };
            }
        };
        if done.is_some() { Status::Accepted } else { Status::Rejected }
    }
}

fn list(measurands: &[Measurand]) -> String {
    measurands.iter().map(Measurand::as_str).collect::<Vec<_>>().join(",")
}

/// A comma-separated list; one that it cannot measure spoils the whole.
fn measurands(value: &str) -> Option<Vec<Measurand>> {
    value
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| MEASURANDS.iter().find(|known| known.as_str().eq_ignore_ascii_case(name)).cloned())
        .collect()
}
