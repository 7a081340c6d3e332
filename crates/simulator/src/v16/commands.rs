//! The CALLs of the central system.

use ocpp::frame;
use ocpp::v16::change_availability::Availability;
use ocpp::v16::common::Acceptance;
use ocpp::v16::meter_values::Context;
use ocpp::v16::set_charging_profile::{ProfileKind, Purpose, RateUnit};
use ocpp::v16::stop_transaction::Reason;
use ocpp::v16::trigger_message::Requested;
use ocpp::v16::{
    Action, IdTag, change_availability, change_configuration, clear_cache, clear_charging_profile, data_transfer,
    get_configuration, remote_start_transaction, remote_stop_transaction, reset, set_charging_profile, trigger_message,
    unlock_connector,
};
use ocpp::{ErrorCode, Message};
use serde_json::value::RawValue;

use crate::call::Body;
use crate::charger::{Charger, Close, PendingReset, Time};
use crate::connector::{Grant, Phase};
use crate::profile::{MAX_PERIODS, Period, Profile};
use crate::{Fault, RemoteStartFault, RemoteStopFault};

impl Charger {
    pub(crate) fn receive_call_v16(&mut self, id: &str, action: &str, payload: &RawValue, now: Time) {
        let action = match Action::to_station(action) {
            Ok(action) => action,
            Err(code) => return self.reply_error(id, code, action, now),
        };
        match action {
            Action::ChangeAvailability => self.command(id, payload, now, Self::change_availability),
            Action::ChangeConfiguration => self.command(id, payload, now, Self::change_configuration),
            Action::ClearCache => self.command(id, payload, now, Self::clear_cache),
            Action::ClearChargingProfile => self.command(id, payload, now, Self::clear_charging_profile),
            Action::DataTransfer => self.command(id, payload, now, Self::data_transfer),
            Action::GetConfiguration => self.command(id, payload, now, Self::get_configuration),
            Action::RemoteStartTransaction => self.command(id, payload, now, Self::remote_start),
            Action::RemoteStopTransaction => self.command(id, payload, now, Self::remote_stop),
            Action::Reset => self.command(id, payload, now, Self::reset),
            Action::SetChargingProfile => self.command(id, payload, now, Self::set_charging_profile),
            Action::TriggerMessage => self.command(id, payload, now, Self::trigger_message),
            Action::UnlockConnector => self.command(id, payload, now, Self::unlock_connector),
            _ => self.reply_error(id, ErrorCode::NotSupported, action.name(), now),
        }
    }

    /// Reads a request, does it and answers. A command that gives no response is left without a reply.
    fn command<M: Message>(
        &mut self,
        id: &str,
        payload: &RawValue,
        now: Time,
        done: fn(&mut Self, M, Time) -> Option<M::Response>,
    ) {
        let request = match M::decode(payload) {
            Ok(decoded) => decoded.value,
            Err(error) => return self.reply_error(id, error.code, &error.description(), now),
        };
        let Some(response) = done(self, request, now) else { return };
        match frame::call_result(id, &response) {
            Ok(text) => self.reply(text, now),
            Err(error) => self.reply_error(id, ErrorCode::InternalError, &error.to_string(), now),
        }
    }

    fn remote_start(
        &mut self,
        request: remote_start_transaction::Request,
        now: Time,
    ) -> Option<remote_start_transaction::Response> {
        let answer = |status| Some(remote_start_transaction::Response { status });
        match self.remote_start_fault() {
            None => {}
            Some(RemoteStartFault::Refuse) => return answer(Acceptance::Rejected),
            Some(RemoteStartFault::AcceptAndNeverStart) => return answer(Acceptance::Accepted),
            Some(RemoteStartFault::NoReply) => return None,
        }
        let is_tag = !request.id_tag.is_empty() && IdTag::parse(request.id_tag.as_str()).is_some();
        let fits = request.charging_profile.as_ref().is_none_or(|profile| profile.purpose == Purpose::TxProfile);
        let Some(id) = self.connector_for_remote_start(request.connector_id).filter(|_| is_tag && fits) else {
            return answer(Acceptance::Rejected);
        };
        let profile = request.charging_profile.as_ref().map(|profile| Box::new(neutral(profile)));
        let grant = Grant { profile, ..Grant::of_tag(request.id_tag.as_str().to_owned()) };
        self.start_remotely(id, grant, now);
        answer(Acceptance::Accepted)
    }

    fn remote_stop(
        &mut self,
        request: remote_stop_transaction::Request,
        now: Time,
    ) -> Option<remote_stop_transaction::Response> {
        let answer = |status| Some(remote_stop_transaction::Response { status });
        match self.remote_stop_fault() {
            None => {}
            Some(RemoteStopFault::Refuse) => return answer(Acceptance::Rejected),
            Some(RemoteStopFault::AcceptAndIgnore) => return answer(Acceptance::Accepted),
            Some(RemoteStopFault::NoReply) => return None,
        }
        let Some(id) = self.connector_of(request.transaction_id) else { return answer(Acceptance::Rejected) };
        self.stop(id, Reason::Remote, None, now);
        answer(Acceptance::Accepted)
    }

    /// The connector where the transaction of this number runs.
    fn connector_of(&self, transaction_id: i64) -> Option<u32> {
        self.connectors.iter().find_map(|connector| match &connector.phase {
            Phase::Charging(running) if self.numbers.get(&running.key) == Some(&Some(transaction_id)) => Some(connector.id),
            _ => None,
        })
    }

    fn reset(&mut self, request: reset::Request, now: Time) -> Option<reset::Response> {
        let status = match request.kind {
            reset::Kind::Soft => {
                self.boot_reason = "RemoteReset";
                self.reset_soon(Reason::SoftReset, Close::Clean, now);
                Acceptance::Accepted
            }
            reset::Kind::Hard => {
                self.boot_reason = "RemoteReset";
                self.stop_all(&Reason::HardReset, now);
                // As soon as the reply is out.
                self.pending_reset = Some(PendingReset { close: Close::Abrupt, deadline: Some(now) });
                Acceptance::Accepted
            }
            reset::Kind::Other(_) => Acceptance::Rejected,
        };
        (!self.faults.has(&Fault::SilentReset)).then_some(reset::Response { status })
    }

    fn change_availability(
        &mut self,
        request: change_availability::Request,
        _now: Time,
    ) -> Option<change_availability::Response> {
        use change_availability::Status;
        let answer = |status| Some(change_availability::Response { status });
        let is_operative = match request.availability {
            Availability::Operative => true,
            Availability::Inoperative => false,
            Availability::Other(_) => return answer(Status::Rejected),
        };
        let connector = Some(request.connector_id).filter(|id| *id != 0);
        answer(match self.set_availability(connector, is_operative) {
            None => Status::Rejected,
            Some(true) => Status::Scheduled,
            Some(false) => Status::Accepted,
        })
    }

    fn change_configuration(
        &mut self,
        request: change_configuration::Request,
        _now: Time,
    ) -> Option<change_configuration::Response> {
        Some(change_configuration::Response { status: self.settings.change_key(&request.key, &request.value) })
    }

    fn get_configuration(&mut self, request: get_configuration::Request, _now: Time) -> Option<get_configuration::Response> {
        let all = self.settings.keys(self.connectors.len());
        let wanted = request.keys.unwrap_or_default();
        if wanted.is_empty() {
            return Some(get_configuration::Response { configuration_keys: Some(all), unknown_keys: None });
        }
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for key in wanted {
            match all.iter().find(|found| found.key.eq_ignore_case(&key)) {
                Some(found) => known.push(found.clone()),
                None => unknown.push(key),
            }
        }
        let unknown_keys = (!unknown.is_empty()).then_some(unknown);
        Some(get_configuration::Response { configuration_keys: Some(known), unknown_keys })
    }

    fn clear_cache(&mut self, _request: clear_cache::Request, _now: Time) -> Option<clear_cache::Response> {
        self.forget_tags();
        Some(clear_cache::Response { status: Acceptance::Accepted })
    }

    fn data_transfer(&mut self, _request: data_transfer::Request, _now: Time) -> Option<data_transfer::Response> {
        Some(data_transfer::Response { status: data_transfer::Status::UnknownVendorId, data: None })
    }

    fn unlock_connector(&mut self, request: unlock_connector::Request, now: Time) -> Option<unlock_connector::Response> {
        use unlock_connector::Status;
        let status = match self.connector(request.connector_id) {
            None => Status::NotSupported,
            Some(_) => {
                self.stop(request.connector_id, Reason::UnlockCommand, None, now);
                Status::Unlocked
            }
        };
        Some(unlock_connector::Response { status })
    }

    fn trigger_message(&mut self, request: trigger_message::Request, now: Time) -> Option<trigger_message::Response> {
        use trigger_message::Status;
        let answer = |status| Some(trigger_message::Response { status });
        let ids = match request.connector_id {
            None => self.connector_ids(),
            Some(0) if request.requested_message == Requested::StatusNotification => Vec::new(),
            Some(id) if self.connector(id).is_some() => vec![id],
            Some(_) => return answer(Status::Rejected),
        };
        match request.requested_message {
            Requested::BootNotification => self.outbox.push_at_once(Body::Boot),
            Requested::Heartbeat => self.outbox.push_at_once(Body::Heartbeat),
            Requested::StatusNotification => {
                if request.connector_id.is_none_or(|id| id == 0) {
                    let error = ocpp::v16::status_notification::ErrorCode::NoError;
                    let status = self.station_status();
                    self.outbox.push_at_once(Body::Status { connector: 0, status, error, at: now });
                }
                for id in ids {
                    let Some(connector) = self.connector(id) else { continue };
                    let (status, error) = (connector.status(), connector.error());
                    self.outbox.push_at_once(Body::Status { connector: id, status, error, at: now });
                }
            }
            Requested::MeterValues => {
                for id in ids {
                    if let Some(sample) = self.reading(id, Context::Trigger, now) {
                        self.outbox.push_at_once(Body::Meter(Box::new(sample), None));
                    }
                }
            }
            _ => return answer(Status::NotImplemented),
        }
        answer(Status::Accepted)
    }

    fn set_charging_profile(
        &mut self,
        request: set_charging_profile::Request,
        now: Time,
    ) -> Option<set_charging_profile::Response> {
        use set_charging_profile::Status;
        let answer = |status| Some(set_charging_profile::Response { status });
        let profile = request.profile;
        match profile.purpose {
            Purpose::TxProfile => {}
            Purpose::TxDefaultProfile | Purpose::ChargePointMaxProfile => return answer(Status::NotSupported),
            Purpose::Other(_) => return answer(Status::Rejected),
        }
        let periods = profile.schedule.periods.len();
        let is_readable = matches!(profile.kind, ProfileKind::Absolute | ProfileKind::Relative)
            && (1..=MAX_PERIODS).contains(&periods)
            && profile.stack_level == 0;
        let of_transaction = profile.transaction_id.map(|transaction_id| self.connector_of(transaction_id));
        let fits = of_transaction.is_none_or(|connector| connector == Some(request.connector_id));
        let Some(connector) = self.connector(request.connector_id) else { return answer(Status::Rejected) };
        let Phase::Charging(running) = &mut connector.phase else { return answer(Status::Rejected) };
        if !is_readable || !fits {
            return answer(Status::Rejected);
        }
        running.profile = Some(Box::new(neutral(&profile)));
        connector.apply_profile(now);
        answer(Status::Accepted)
    }

    fn clear_charging_profile(
        &mut self,
        request: clear_charging_profile::Request,
        now: Time,
    ) -> Option<clear_charging_profile::Response> {
        use clear_charging_profile::Status;
        let fits = |id: u32, profile: &Profile| {
            request.id.is_none_or(|wanted| wanted == profile.id)
                && request.connector_id.is_none_or(|wanted| wanted == 0 || wanted == id)
                && request.purpose.as_ref().is_none_or(|wanted| *wanted == Purpose::TxProfile)
                && request.stack_level.is_none_or(|wanted| wanted == profile.stack_level)
        };
        let status = if self.clear_profiles(fits, now) { Status::Accepted } else { Status::Unknown };
        Some(clear_charging_profile::Response { status })
    }
}

fn neutral(profile: &set_charging_profile::ChargingProfile) -> Profile {
    let instant = |time: &Option<ocpp::Timestamp>| time.as_ref().and_then(ocpp::Timestamp::instant);
    let schedule = &profile.schedule;
    let periods = schedule.periods.iter().map(|period| Period {
        start_s: period.start_period_s.into(),
        limit_milli: period.limit.0.milli(),
        phases: period.number_phases,
    });
    Profile {
        id: profile.id,
        stack_level: profile.stack_level,
        is_absolute: profile.kind == ProfileKind::Absolute,
        valid_from: instant(&profile.valid_from),
        valid_to: instant(&profile.valid_to),
        start: instant(&schedule.start_schedule),
        duration_s: schedule.duration_s.map(i64::from),
        is_in_ampere: schedule.charging_rate_unit == RateUnit::A,
        periods: periods.collect(),
    }
}
