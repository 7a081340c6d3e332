//! The configuration keys (§ 9): those that a charge point of this kind has, and what they do.

use ocpp::Text;
use ocpp::v16::change_configuration::Status;
use ocpp::v16::get_configuration::KeyValue;

use crate::profile::MAX_PERIODS;
use crate::settings::{Measurand, Settings, flag, seconds, whole_seconds};

impl Settings {
    pub(crate) fn keys(&self, connectors: usize) -> Vec<KeyValue> {
        let of =
            |readonly: bool, key: &str, value: String| KeyValue { key: key.into(), readonly, value: Some(Text::from(value)) };
        let settable = |key: &str, value: String| of(false, key, value);
        let fixed = |key: &str, value: &str| of(true, key, value.to_owned());
        vec![
            settable("AllowOfflineTxForUnknownId", self.allow_offline_unknown.to_string()),
            settable("AuthorizeRemoteTxRequests", self.authorize_remote.to_string()),
            fixed("ChargeProfileMaxStackLevel", "0"),
            fixed("ChargingScheduleAllowedChargingRateUnit", "Current,Power"),
            fixed("ChargingScheduleMaxPeriods", &MAX_PERIODS.to_string()),
            fixed("ClockAlignedDataInterval", "0"),
            settable("ConnectionTimeOut", self.connection_timeout_s.to_string()),
            fixed("ConnectorPhaseRotation", "NotApplicable"),
            fixed("GetConfigurationMaxKeys", "100"),
            settable("HeartbeatInterval", whole_seconds(self.heartbeat_interval_ms)),
            fixed("LocalAuthorizeOffline", "true"),
            fixed("LocalPreAuthorize", "false"),
            fixed("MaxChargingProfilesInstalled", &connectors.to_string()),
            fixed("MeterValuesAlignedData", ""),
            settable("MeterValuesSampledData", Measurand::list(&self.sampled_data)),
            settable("MeterValueSampleInterval", whole_seconds(self.meter_interval_ms)),
            fixed("NumberOfConnectors", &connectors.to_string()),
            fixed("ResetRetries", "0"),
            fixed("StopTransactionOnEVSideDisconnect", "true"),
            settable("StopTransactionOnInvalidId", self.stop_on_invalid_id.to_string()),
            fixed("StopTxnAlignedData", ""),
            settable("StopTxnSampledData", Measurand::list(&self.stop_data)),
            fixed("SupportedFeatureProfiles", "Core,RemoteTrigger,SmartCharging"),
            settable("TransactionMessageAttempts", self.attempts.to_string()),
            settable("TransactionMessageRetryInterval", self.retry_interval_s.to_string()),
            fixed("UnlockConnectorOnEVSideDisconnect", "true"),
        ]
    }

    pub(crate) fn change_key(&mut self, key: &str, value: &str) -> Status {
        let (seconds, flag) = (|| seconds(value), || flag(value));
        let done = match key.to_ascii_lowercase().as_str() {
            "allowofflinetxforunknownid" => flag().map(|flag| self.allow_offline_unknown = flag),
            "authorizeremotetxrequests" => flag().map(|flag| self.authorize_remote = flag),
            "connectiontimeout" => seconds().map(|seconds| self.connection_timeout_s = seconds),
            "heartbeatinterval" => {
                seconds().filter(|seconds| *seconds > 0).map(|seconds| self.heartbeat_interval_ms = i64::from(seconds) * 1000)
            }
            "metervaluessampleddata" => Measurand::parse_list(value).map(|list| self.sampled_data = list),
            "metervaluesampleinterval" => seconds().map(|seconds| self.meter_interval_ms = i64::from(seconds) * 1000),
            "stoptransactiononinvalidid" => flag().map(|flag| self.stop_on_invalid_id = flag),
            "stoptxnsampleddata" => Measurand::parse_list(value).map(|list| self.stop_data = list),
            "transactionmessageattempts" => seconds().filter(|attempts| *attempts > 0).map(|attempts| self.attempts = attempts),
            "transactionmessageretryinterval" => seconds().map(|seconds| self.retry_interval_s = seconds),
            other => {
                let is_known = self.keys(1).iter().any(|known| known.key.eq_ignore_case(other));
                return if is_known { Status::Rejected } else { Status::NotSupported };
            }
        };
        if done.is_some() { Status::Accepted } else { Status::Rejected }
    }
}
