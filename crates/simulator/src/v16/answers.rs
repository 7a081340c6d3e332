//! What comes in: frames, and the answers to our own CALLs.

use ocpp::frame::{self, Frame};
use ocpp::v16::boot_notification::RegistrationStatus;
use ocpp::v16::stop_transaction::Reason;
use ocpp::v16::{AuthorizationStatus, authorize, boot_notification, start_transaction, stop_transaction};
use ocpp::{Payload, Version};
use serde_json::value::RawValue;

use super::connector::Phase;
use super::messages::Body;
use super::outbox::InFlight;
use super::{BOOT_RETRY_MS, Charger, Fact, MAX_CACHED_TAGS, Output, Time, after_ms};
use crate::Fault;

impl Charger {
    pub(super) fn receive(&mut self, text: &str, now: Time) {
        match Frame::parse(text) {
            Err(error) => {
                if let Some(answer) = error.answer(Version::V16) {
                    self.out.push(Output::Send(answer));
                }
                self.fact(Fact::BrokenFrame { why: error.to_string() });
            }
            Ok(Frame::Call { id, action, payload }) => self.receive_call(&id, &action, payload, now),
            Ok(Frame::CallResult { id, payload }) => {
                if let Some(in_flight) = self.answered_call(&id) {
                    self.receive_result(in_flight, payload, now);
                }
            }
            Ok(Frame::CallError { id, code, description, .. }) => {
                if let Some(in_flight) = self.answered_call(&id) {
                    self.refused(in_flight, format!("{code}: {description}"), now);
                }
            }
        }
    }

    /// The CALL that this answers; a late answer to another one is nothing to us.
    fn answered_call(&mut self, id: &str) -> Option<InFlight> {
        let in_flight = self.outbox.take_answered(id)?;
        self.answered += 1;
        Some(in_flight)
    }

    fn receive_result(&mut self, in_flight: InFlight, payload: &RawValue, now: Time) {
        match &in_flight.message.body {
            Body::Boot => match boot_notification::Response::decode(payload) {
                Ok(decoded) => self.registered(decoded.value, now),
                Err(error) => self.refused(in_flight, error.to_string(), now),
            },
            Body::Authorize { connector, .. } => {
                let connector = *connector;
                match authorize::Response::decode(payload) {
                    Ok(decoded) => {
                        self.authorisation(connector, &decoded.value.id_tag_info.status, now);
                    }
                    Err(error) => self.refused(in_flight, error.to_string(), now),
                }
            }
            Body::Start { key, connector, id_tag, .. } => {
                let (key, connector, id_tag) = (*key, *connector, id_tag.clone());
                match start_transaction::Response::decode(payload) {
                    Ok(decoded) => self.numbered(key, connector, &id_tag, &decoded.value, now),
                    Err(error) => self.refused(in_flight, error.to_string(), now),
                }
            }
            Body::Stop { key, .. } => {
                let key = *key;
                if let Err(error) = stop_transaction::Response::decode(payload) {
                    return self.refused(in_flight, error.to_string(), now);
                }
                self.delivered(key);
            }
            Body::Heartbeat | Body::Status { .. } | Body::Meter(_) | Body::Again { .. } => {}
        }
    }

    fn registered(&mut self, response: boot_notification::Response, now: Time) {
        let interval_ms = i64::from(response.interval_s) * 1000;
        let status = match response.status {
            // A charger that does not understand waits.
            RegistrationStatus::Other(_) => RegistrationStatus::Pending,
            known => known,
        };
        self.registration = Some(status.clone());
        if status == RegistrationStatus::Accepted {
            self.is_fresh = false;
            if interval_ms > 0 {
                self.keys.heartbeat_interval_ms = interval_ms;
            }
            // Now it tells how everything is, before what has been waiting.
            for connector in self.connectors.iter_mut().rev() {
                let current = (connector.status(), connector.error());
                connector.reported = Some(current.clone());
                let (status, error) = current;
                self.outbox.push_front(Body::Status { connector: connector.id, status, error, at: now });
            }
            let station = self.station_status();
            self.station_reported = Some(station.clone());
            self.outbox.push_front(Body::Status {
                connector: 0,
                status: station,
                error: ocpp::v16::status_notification::ErrorCode::NoError,
                at: now,
            });
            self.loop_at = self.boot_loop_ms().map(|span_ms| after_ms(now, span_ms));
            if self.faults.has(&Fault::ReplayHistory) {
                for (action, payload) in &self.history {
                    self.outbox.push(Body::Again { action, payload: payload.clone() });
                }
            }
        } else {
            self.boot_due = after_ms(now, if interval_ms > 0 { interval_ms } else { BOOT_RETRY_MS });
        }
        self.fact(Fact::Registered(status));
    }

    fn remember_tag(&mut self, id_tag: &str, status: &AuthorizationStatus) {
        let id_tag = id_tag.to_lowercase();
        if *status == AuthorizationStatus::Accepted {
            if self.accepted_tags.len() >= MAX_CACHED_TAGS {
                self.accepted_tags.pop_first();
            }
            self.accepted_tags.insert(id_tag);
        } else {
            self.accepted_tags.remove(&id_tag);
        }
    }

    pub(super) fn forget_tags(&mut self) {
        self.accepted_tags.clear();
    }

    fn authorisation(&mut self, id: u32, status: &AuthorizationStatus, now: Time) {
        let Some(connector) = self.connector(id) else { return };
        // The person may have gone away in the meantime.
        let Phase::Authorising { id_tag, profile } = &connector.phase else { return };
        let (id_tag, profile) = (id_tag.clone(), profile.clone());
        connector.forget_authorisation();
        self.remember_tag(&id_tag, status);
        if *status == AuthorizationStatus::Accepted {
            self.authorised(id, id_tag, profile, now);
        } else {
            self.fact(Fact::TagRefused { connector: id, id_tag });
        }
    }

    fn numbered(&mut self, key: u64, id: u32, id_tag: &str, response: &start_transaction::Response, now: Time) {
        let status = &response.id_tag_info.status;
        self.remember_tag(id_tag, status);
        match self.numbers.get_mut(&key) {
            // The answer to a duplicate says the same again.
            Some(number @ None) => *number = Some(response.transaction_id),
            _ => return,
        }
        self.fact(Fact::TransactionNumbered { connector: id, transaction_id: response.transaction_id });
        let stops = self.keys.stop_on_invalid_id && *status != AuthorizationStatus::Accepted;
        let is_running = self
            .connector(id)
            .is_some_and(|connector| matches!(&connector.phase, Phase::Charging(running) if running.key == key));
        if stops && is_running {
            self.stop(id, Reason::DeAuthorized, None, now);
        }
    }

    fn delivered(&mut self, key: u64) {
        let transaction_id = self.numbers.get(&key).copied().flatten();
        for connector in &mut self.connectors {
            if let Some(finished) = &mut connector.finished
                && finished.key == key
            {
                finished.transaction_id = transaction_id;
                finished.is_delivered = true;
            }
        }
        if !self.outbox.has_key(key) {
            self.numbers.remove(&key);
        }
        self.fact(Fact::TransactionDelivered { transaction_id });
    }

    /// A CALL was answered with an error. Messages about transactions are tried again (§ 3.7.1), then given up.
    fn refused(&mut self, mut in_flight: InFlight, why: String, now: Time) {
        let action = in_flight.message.body.action();
        self.fact(Fact::CallRefused { action, why });
        match &in_flight.message.body {
            Body::Boot => self.boot_due = after_ms(now, BOOT_RETRY_MS),
            Body::Authorize { connector, .. } => {
                let connector = *connector;
                if let Some(id_tag) = self.connector(connector).and_then(super::Connector::take_authorising) {
                    self.fact(Fact::TagRefused { connector, id_tag });
                }
            }
            body if body.is_transactional() => {
                in_flight.message.refusals += 1;
                let refusals = in_flight.message.refusals;
                if refusals >= self.keys.attempts {
                    self.give_up(&in_flight.message.body);
                    return;
                }
                let wait_ms = self.keys.retry_interval_s.saturating_mul(refusals);
                let retry_at = after_ms(now, i64::from(wait_ms) * 1000);
                let keep_id = !self.faults.has(&Fault::NewIdOnRetry);
                self.outbox.again(in_flight, keep_id, Some(retry_at));
            }
            _ => {}
        }
    }

    fn give_up(&mut self, body: &Body) {
        self.fact(Fact::MessageLost { action: body.action() });
        if let Body::Stop { key, .. } = body
            && !self.outbox.has_key(*key)
        {
            self.numbers.remove(key);
        }
    }

    pub(super) fn station_status(&self) -> ocpp::v16::status_notification::Status {
        use ocpp::v16::status_notification::Status;
        if self.station_operative { Status::Available } else { Status::Unavailable }
    }

    /// Sends a reply, unless a fault eats it.
    pub(super) fn reply(&mut self, text: String, now: Time) {
        if self.faults.take(&Fault::DropBeforeReply) {
            self.drop_link(super::Close::Abrupt, now);
        } else {
            self.out.push(Output::Send(text));
        }
    }

    pub(super) fn reply_error(&mut self, id: &str, code: ocpp::ErrorCode, description: &str, now: Time) {
        let text = frame::call_error(id, code, Version::V16, description);
        self.reply(text, now);
    }
}
