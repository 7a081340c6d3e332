//! A charger, the time, and a small central system that answers at once: for the stories of both versions.

use std::collections::BTreeMap;

use chrono::{TimeZone as _, Utc};
use ocpp::Frame;
use ocpp::v16::status_notification::Status;
use serde_json::{Value, json};

use crate::charger::{Act, Charger, Close, Fact, Input, Output, Time, after_ms};
use crate::{Car, Config};

pub(crate) fn noon() -> Time {
    Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).single().expect("a time")
}

/// A charger, the time, and a central system that keeps what it is told.
pub(crate) struct World {
    pub(crate) charger: Charger,
    pub(crate) now: Time,
    pub(crate) link: bool,
    /// Whether the central system answers.
    pub(crate) answers: bool,
    pub(crate) boot_status: &'static str,
    pub(crate) tag_status: &'static str,
    /// CALLs of the charger with this action are refused.
    pub(crate) refuses: Option<&'static str>,
    /// Transactions by their natural key: the number, and the meterStop once they have ended.
    pub(crate) transactions: BTreeMap<String, (i64, Option<i64>)>,
    /// CALLs of the charger, in order.
    pub(crate) calls: Vec<(String, Value)>,
    pub(crate) ids: Vec<String>,
    /// Answers of the charger.
    pub(crate) replies: Vec<String>,
    /// 2.0.1: the numbers of the events of each transaction, as they came.
    pub(crate) seqs: BTreeMap<String, Vec<i64>>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) closes: Vec<Close>,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            charger: Charger::new(config, 7),
            now: noon(),
            link: false,
            answers: true,
            boot_status: "Accepted",
            tag_status: "Accepted",
            refuses: None,
            transactions: BTreeMap::new(),
            calls: Vec::new(),
            ids: Vec::new(),
            replies: Vec::new(),
            seqs: BTreeMap::new(),
            facts: Vec::new(),
            closes: Vec::new(),
        }
    }

    /// A DC charger that is linked and accepted, and of whose first messages no more is said.
    pub(crate) fn online(config: Config) -> Self {
        let mut world = Self::new(config);
        world.link_up();
        world.calls.clear();
        world
    }

    pub(crate) fn dc() -> Self {
        Self::online(Config::dc("CP-1").meter_interval_ms(10_000))
    }

    pub(crate) fn input(&mut self, input: Input<'_>) {
        let mut outputs = std::collections::VecDeque::from(self.charger.handle(input, self.now));
        while let Some(output) = outputs.pop_front() {
            match output {
                Output::Fact(fact) => self.facts.push(fact),
                Output::CloseLink(close) => {
                    self.closes.push(close);
                    self.link = false;
                    // What was still to be sent is lost with the socket.
                    outputs.retain(|output| !matches!(output, Output::Send(_)));
                }
                Output::Send(text) => {
                    assert!(self.link, "sent without a link: {text}");
                    if let Some(answer) = self.receive(&text) {
                        outputs.extend(self.charger.handle(Input::Frame(&answer), self.now));
                    }
                }
            }
        }
    }

    pub(crate) fn receive(&mut self, text: &str) -> Option<String> {
        let Frame::Call { id, action, payload } = Frame::parse(text).expect("a frame") else {
            self.replies.push(text.to_owned());
            return None;
        };
        let payload: Value = serde_json::from_str(payload.get()).expect("JSON");
        self.calls.push((action.to_string(), payload.clone()));
        self.ids.push(id.to_string());
        if !self.answers {
            return None;
        }
        if self.refuses == Some(&*action) {
            return Some(format!(r#"[4,"{id}","InternalError","not today",{{}}]"#));
        }
        let info = json!({ "status": self.tag_status });
        let answer = match &*action {
            "BootNotification" => json!({ "status": self.boot_status, "currentTime": "2026-11-22T12:00:00Z", "interval": 300 }),
            "Heartbeat" => json!({ "currentTime": "2026-11-22T12:00:00Z" }),
            "Authorize" => json!({ "idTagInfo": info, "idTokenInfo": info }),
            "TransactionEvent" => {
                self.take_event(&payload);
                if payload["idToken"].is_null() { json!({}) } else { json!({ "idTokenInfo": info }) }
            }
            "StartTransaction" => {
                let next = 100 + i64::try_from(self.transactions.len()).expect("few");
                let (number, _) = *self.transactions.entry(payload.to_string()).or_insert((next, None));
                json!({ "idTagInfo": info, "transactionId": number })
            }
            "StopTransaction" => {
                let found = self.transactions.values_mut().find(|(number, _)| json!(number) == payload["transactionId"]);
                let (_, stop) = found.expect("a transaction that was started");
                stop.get_or_insert(payload["meterStop"].as_i64().expect("an integer"));
                json!({})
            }
            _ => json!({}),
        };
        Some(format!(r#"[3,"{id}",{answer}]"#))
    }

    fn take_event(&mut self, payload: &Value) {
        let name = payload["transactionInfo"]["transactionId"].as_str().expect("a name").to_owned();
        self.seqs.entry(name.clone()).or_default().push(payload["seqNo"].as_i64().expect("a number"));
        match payload["eventType"].as_str() {
            Some("Started") => {
                let next = 100 + i64::try_from(self.transactions.len()).expect("few");
                self.transactions.entry(name).or_insert((next, None));
            }
            Some("Ended") => {
                let (_, stop) = self.transactions.get_mut(&name).expect("a transaction that was started");
                stop.get_or_insert(0);
            }
            _ => assert!(self.transactions.contains_key(&name), "an event of a transaction that was not started"),
        }
    }

    pub(crate) fn act(&mut self, act: Act) {
        self.input(Input::Act(act));
    }

    pub(crate) fn link_up(&mut self) {
        self.link = true;
        self.input(Input::LinkUp);
    }

    pub(crate) fn link_down(&mut self) {
        self.link = false;
        self.input(Input::LinkDown);
    }

    /// Time passes; the charger is woken when it wants to be.
    pub(crate) fn pass_s(&mut self, seconds: i64) {
        let end = after_ms(self.now, seconds * 1000);
        for _ in 0..100_000 {
            let next = self.charger.next_wakeup().filter(|next| *next <= end);
            self.now = next.unwrap_or(end).max(after_ms(self.now, 1)).min(end);
            self.input(Input::Tick);
            if self.now >= end {
                return;
            }
        }
        panic!("the charger is woken for ever");
    }

    /// The central system asks; the charger's answer.
    pub(crate) fn ask(&mut self, action: &str, payload: Value) -> Value {
        let before = self.replies.len();
        self.input(Input::Frame(&format!(r#"[2,"c1","{action}",{payload}]"#)));
        match self.replies.get(before).map(|text| Frame::parse(text).expect("a frame")) {
            Some(Frame::CallResult { payload, .. }) => serde_json::from_str(payload.get()).expect("JSON"),
            Some(Frame::CallError { code, .. }) => json!(code),
            _ => Value::Null,
        }
    }

    pub(crate) fn remote_start(&mut self) -> Value {
        self.ask("RemoteStartTransaction", json!({ "connectorId": 1, "idTag": "G-1" }))
    }

    /// The actions since the last look; statuses with their value.
    pub(crate) fn said(&mut self) -> Vec<String> {
        let calls = std::mem::take(&mut self.calls);
        calls
            .into_iter()
            .map(|(action, payload)| match action.as_str() {
                "StatusNotification" => {
                    format!("{}:{}", payload["connectorId"], payload["status"].as_str().unwrap_or_default())
                }
                "StopTransaction" => format!("Stop:{}", payload["reason"].as_str().unwrap_or_default()),
                "StartTransaction" => "Start".to_owned(),
                _ => action,
            })
            .collect()
    }

    pub(crate) fn status(&self) -> Status {
        self.charger.state().connector(1).status.clone()
    }

    pub(crate) fn payloads(&self, action: &str) -> Vec<Value> {
        self.calls.iter().filter(|(found, _)| found == action).map(|(_, payload)| payload.clone()).collect()
    }
}

pub(crate) fn plug(connector: u32) -> Act {
    Act::Plug { connector, car: Car::default() }
}

pub(crate) fn tag(connector: u32, id_tag: &str) -> Act {
    Act::PresentTag { connector, id_tag: id_tag.to_owned() }
}
