//! What comes in: frames, and the answers to our own CALLs.

use ocpp::frame::{self, Frame};
use ocpp::v16::boot_notification::RegistrationStatus;
use ocpp::v16::status_notification::{ErrorCode, Status};
use ocpp::v16::stop_transaction::Reason;
use ocpp::{DecodeError, Version};
use serde_json::value::RawValue;

use crate::call::Body;
use crate::charger::{BOOT_RETRY_MS, Charger, Close, Fact, MAX_CACHED_TAGS, Output, Time, after_ms};
use crate::connector::{Connector, Phase};
use crate::outbox::InFlight;
use crate::{Fault, v16, v201};

/// What the central system says to a CALL.
pub(crate) enum Answer {
    Boot {
        status: RegistrationStatus,
        interval_s: u32,
    },
    Authorization {
        is_accepted: bool,
    },
    Start {
        is_accepted: bool,
        /// 1.6: the number of the transaction; else 0.
        number: i64,
    },
    /// Of an Updated or Ended.
    Taken,
}

impl Charger {
    pub(crate) fn receive(&mut self, text: &str, now: Time) {
        match Frame::parse(text) {
            Err(error) => {
                if let Some(answer) = error.answer(self.config.version) {
                    self.out.push(Output::Send(answer));
                }
                self.fact(Fact::BrokenFrame { why: error.to_string() });
            }
            Ok(Frame::Call { id, action, payload }) => match self.config.version {
                Version::V16 => self.receive_call_v16(&id, &action, payload, now),
                Version::V201 => self.receive_call_v201(&id, &action, payload, now),
            },
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
        let body = &in_flight.message.body;
        let answer: Result<Answer, DecodeError> = match self.config.version {
            Version::V16 => v16::answers::read(body, payload),
            Version::V201 => v201::answers::read(body, payload),
        };
        match (body, answer) {
            (_, Err(error)) => self.refused(in_flight, error.to_string(), now),
            (_, Ok(Answer::Boot { status, interval_s })) => self.registered(status, interval_s, now),
            (Body::Authorize { connector, .. }, Ok(Answer::Authorization { is_accepted })) => {
                self.authorisation(*connector, is_accepted, now);
            }
            (Body::Start(start), Ok(Answer::Start { is_accepted, number })) => {
                let (key, connector, id_tag) = (start.key, start.connector, start.id_tag.clone());
                self.numbered(key, connector, &id_tag, is_accepted, number, now);
            }
            (Body::Stop(stop), Ok(_)) => self.delivered(stop.key),
            _ => {}
        }
    }

    fn registered(&mut self, status: RegistrationStatus, interval_s: u32, now: Time) {
        let interval_ms = i64::from(interval_s) * 1000;
        let status = match status {
            // A charger that does not understand waits.
            RegistrationStatus::Other(_) => RegistrationStatus::Pending,
            known => known,
        };
        self.registration = Some(status.clone());
        if status == RegistrationStatus::Accepted {
            self.is_fresh = false;
            if interval_ms > 0 {
                self.settings.heartbeat_interval_ms = interval_ms;
            }
            // Now it tells how everything is, before what has been waiting.
            let version = self.config.version;
            for connector in self.connectors.iter_mut().rev() {
                let current = connector.told_status(version);
                connector.reported = Some(current.clone());
                let (status, error) = current;
                self.outbox.push_front(Body::Status { connector: connector.id, status, error, at: now });
            }
            if version == Version::V16 {
                let station = self.station_status();
                self.station_reported = Some(station.clone());
                let error = ErrorCode::NoError;
                self.outbox.push_front(Body::Status { connector: 0, status: station, error, at: now });
            }
            self.loop_at = self.boot_loop_ms().map(|span_ms| after_ms(now, span_ms));
            if self.faults.has(&Fault::ReplayHistory) {
                for (action, payload) in &self.history {
                    self.outbox.push(Body::Written { action, payload: payload.clone() });
                }
            }
        } else {
            self.boot_due = after_ms(now, if interval_ms > 0 { interval_ms } else { BOOT_RETRY_MS });
        }
        self.fact(Fact::Registered(status));
    }

    fn remember_tag(&mut self, id_tag: &str, is_accepted: bool) {
        let id_tag = id_tag.to_lowercase();
        if is_accepted {
            if self.accepted_tags.len() >= MAX_CACHED_TAGS {
                self.accepted_tags.pop_first();
            }
            self.accepted_tags.insert(id_tag);
        } else {
            self.accepted_tags.remove(&id_tag);
        }
    }

    pub(crate) fn forget_tags(&mut self) {
        self.accepted_tags.clear();
    }

    fn authorisation(&mut self, id: u32, is_accepted: bool, now: Time) {
        let Some(connector) = self.connector(id) else { return };
        // The person may have gone away in the meantime.
        let Phase::Authorising(grant) = &connector.phase else { return };
        let grant = grant.clone();
        connector.forget_authorisation();
        self.remember_tag(&grant.id_tag, is_accepted);
        if is_accepted {
            self.authorised(id, grant, now);
        } else {
            self.fact(Fact::TagRefused { connector: id, id_tag: grant.id_tag });
        }
    }

    fn numbered(&mut self, key: u64, id: u32, id_tag: &str, is_accepted: bool, number: i64, now: Time) {
        self.remember_tag(id_tag, is_accepted);
        match self.numbers.get_mut(&key) {
            // The answer to a duplicate says the same again.
            Some(unknown @ None) => *unknown = Some(number),
            _ => return,
        }
        self.fact(Fact::TransactionNumbered { connector: id, transaction_id: number });
        let stops = self.settings.stop_on_invalid_id && !is_accepted;
        let is_running = self
            .connector(id)
            .is_some_and(|connector| matches!(&connector.phase, Phase::Charging(running) if running.key == key));
        if stops && is_running {
            self.stop(id, Reason::DeAuthorized, None, now);
        }
    }

    fn delivered(&mut self, key: u64) {
        let transaction_id = self.name(key).number;
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
        let action = self.action(&in_flight.message.body);
        self.fact(Fact::CallRefused { action, why });
        match &in_flight.message.body {
            Body::Boot => self.boot_due = after_ms(now, BOOT_RETRY_MS),
            Body::Authorize { connector, .. } => {
                let connector = *connector;
                if let Some(id_tag) = self.connector(connector).and_then(Connector::take_authorising) {
                    self.fact(Fact::TagRefused { connector, id_tag });
                }
            }
            body if body.is_transactional() => {
                in_flight.message.refusals += 1;
                let refusals = in_flight.message.refusals;
                if refusals >= self.settings.attempts {
                    self.give_up(&in_flight.message.body);
                    return;
                }
                let wait_ms = self.settings.retry_interval_s.saturating_mul(refusals);
                let retry_at = after_ms(now, i64::from(wait_ms) * 1000);
                let keep_id = !self.faults.has(&Fault::NewIdOnRetry);
                self.outbox.again(in_flight, keep_id, Some(retry_at));
            }
            _ => {}
        }
    }

    fn give_up(&mut self, body: &Body) {
        self.fact(Fact::MessageLost { action: self.action(body) });
        if let Body::Stop(stop) = body
            && !self.outbox.has_key(stop.key)
        {
            self.numbers.remove(&stop.key);
        }
    }

    pub(crate) fn station_status(&self) -> Status {
        if self.station_operative { Status::Available } else { Status::Unavailable }
    }

    /// Sends a reply, unless a fault eats it.
    pub(crate) fn reply(&mut self, text: String, now: Time) {
        if self.faults.take(&Fault::DropBeforeReply) {
            self.drop_link(Close::Abrupt, now);
        } else {
            self.out.push(Output::Send(text));
        }
    }

    pub(crate) fn reply_error(&mut self, id: &str, code: ocpp::ErrorCode, description: &str, now: Time) {
        let text = frame::call_error(id, code, self.config.version, description);
        self.reply(text, now);
    }
}
