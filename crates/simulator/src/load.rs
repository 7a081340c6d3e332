//! Many light charge points in one process: no physics, no queue, only a socket and the CALLs to be measured.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::SecondsFormat;
use futures::{SinkExt as _, StreamExt as _};
use ocpp::v16::boot_notification::RegistrationStatus;
use ocpp::v16::stop_transaction::Reason;
use ocpp::v16::{boot_notification, start_transaction, stop_transaction};
use ocpp::{Frame, Message, Version};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};
use tokio_tungstenite::tungstenite::{Message as Packet, Utf8Bytes};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::{ConnectError, Socket, open};
use crate::rng::{Rng, seed_of};
use crate::{Clock, Faults};

/// More do not fit into the ports of one address.
pub const MAX_CHARGE_POINTS: usize = 50_000;
/// An answer that takes longer is lost.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// After a refused connection: the first wait, doubled up to the second.
const RETRY_FIRST_MS: u64 = 50;
const RETRY_MAX_MS: u64 = 2_000;
/// What each gives, by its register and by its word.
const POWER_W: i64 = 22_000;
/// That long at this power is one watt-hour.
const MS_PER_WH: i64 = 3_600_000 / POWER_W;

/// What the charge points do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Connect, BootNotification, and then nothing.
    Idle,
    /// Heartbeats, and nothing else.
    Heartbeats {
        /// Between two messages of one charge point; `None` is as fast as they are answered.
        every: Option<Duration>,
    },
    /// One transaction each, and MeterValues in it.
    MeterValues {
        /// As for heartbeats.
        every: Option<Duration>,
    },
    /// All lose their link at the same moment, and come back as they can; it ends when all have booted again and told how their
    /// connector is.
    Storm,
}

#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// Without the identity.
    pub url: String,
    /// `{n}` stands for the number, with leading zeros: `LOAD-{n}` is `LOAD-00001` and so on.
    pub identity: String,
    pub first: usize,
    pub count: usize,
    /// Of all of them.
    pub password: Option<String>,
    /// Of each by its index, where they differ.
    pub passwords: Vec<String>,
    /// Of the transactions that a charge point starts by itself.
    pub id_tag: String,
    /// [`Work::MeterValues`]: each waits until the central system asks it to start a transaction, as for a payer (1.6 only).
    pub remote_start: bool,
    pub work: Work,
    /// What they speak.
    pub version: Version,
    /// Counted from when all are connected.
    pub duration: Duration,
    /// Handshakes at the same time.
    pub connect_at_once: usize,
}

impl LoadPlan {
    /// The identity of the charge point number `index` from 0.
    pub fn identity(&self, index: usize) -> String {
        self.identity.replace("{n}", &format!("{:05}", self.first + index))
    }
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct LoadReport {
    pub wanted: usize,
    pub connected: u64,
    /// Connections refused, or lost before the end.
    pub failed: u64,
    /// CALLs answered with a CALLRESULT.
    pub calls: u64,
    /// CALLs answered with a CALLERROR.
    pub errors: u64,
    pub elapsed_ms: u64,
    pub connect_ms: u64,
    /// [`Work::Storm`]: from the loss of all links until the last was accepted again; `None` if that did not happen in time. The
    /// latencies are then those of each charge point's way back.
    pub storm_ms: Option<u64>,
    pub calls_per_second: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "charge points   {} of {} connected in {} ms, {} failed",
            self.connected, self.wanted, self.connect_ms, self.failed
        )?;
        writeln!(f, "calls           {} answered, {} errors in {} ms", self.calls, self.errors, self.elapsed_ms)?;
        writeln!(f, "throughput      {} calls/s", self.calls_per_second)?;
        if let Some(storm_ms) = self.storm_ms {
            writeln!(f, "storm           all back after {storm_ms} ms")?;
        }
        write!(
            f,
            "latency         p50 {} µs, p90 {} µs, p99 {} µs, max {} µs",
            self.p50_us, self.p90_us, self.p99_us, self.max_us
        )
    }
}

/// Latencies in buckets that are at most 1/64 wide: exact enough, and of a fixed size whatever the run's length.
struct Histogram {
    buckets: Vec<AtomicU64>,
    max: AtomicU64,
}

const SUB_BITS: u32 = 6;
const BUCKETS: usize = (64 - SUB_BITS as usize + 1) << SUB_BITS;

impl Histogram {
    fn new() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), max: AtomicU64::new(0) }
    }

    fn index(value: u64) -> usize {
        let shift = (64 - value.leading_zeros()).saturating_sub(SUB_BITS + 1);
        let index = (u64::from(shift) << SUB_BITS) + (value >> shift);
        usize::try_from(index).unwrap_or(BUCKETS - 1).min(BUCKETS - 1)
    }

    /// The greatest value of a bucket.
    fn upper(index: usize) -> u64 {
        let index = u64::try_from(index).unwrap_or(u64::MAX);
        let shift = (index >> SUB_BITS).saturating_sub(1);
        let mantissa = index - (shift << SUB_BITS);
        ((mantissa + 1) << shift) - 1
    }

    fn add(&self, value: u64) {
        self.buckets[Self::index(value)].fetch_add(1, Ordering::Relaxed);
        self.max.fetch_max(value, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    fn percentile(&self, percent: u64) -> u64 {
        let wanted = (self.count() * percent).div_ceil(100);
        let mut seen = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            seen += bucket.load(Ordering::Relaxed);
            if seen >= wanted && wanted > 0 {
                return Self::upper(index).min(self.max.load(Ordering::Relaxed));
            }
        }
        0
    }
}

struct Shared {
    plan: LoadPlan,
    clock: Clock,
    latencies_us: Histogram,
    connected: AtomicU64,
    failed: AtomicU64,
    errors: AtomicU64,
    permits: Semaphore,
    /// All have connected or failed: the work begins.
    go: CancellationToken,
    /// Back from the storm.
    back: Semaphore,
    stop: CancellationToken,
}

/// Runs the plan until its time is over or `cancel` says so. `ready` is told how many are connected, when no more are coming.
pub async fn run(plan: LoadPlan, clock: Clock, cancel: CancellationToken, ready: Option<oneshot::Sender<u64>>) -> LoadReport {
    let count = plan.count.min(MAX_CHARGE_POINTS);
    let shared = Arc::new(Shared {
        permits: Semaphore::new(plan.connect_at_once.max(1)),
        clock,
        latencies_us: Histogram::new(),
        connected: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        errors: AtomicU64::new(0),
        go: CancellationToken::new(),
        back: Semaphore::new(0),
        stop: CancellationToken::new(),
        plan,
    });
    let tracker = TaskTracker::new();
    let settled = Arc::new(Semaphore::new(0));
    let began = Instant::now();
    for index in 0..count {
        let (shared, settled) = (Arc::clone(&shared), Arc::clone(&settled));
        tracker.spawn(async move {
            if light_charge_point(&shared, index, &settled).await.is_none() && !shared.stop.is_cancelled() {
                shared.failed.fetch_add(1, Ordering::Relaxed);
                settled.add_permits(1);
            }
        });
    }
    tracker.close();
    let all = u32::try_from(count).unwrap_or(u32::MAX);
    tokio::select! {
        _ = settled.acquire_many(all) => {}
        () = cancel.cancelled() => {}
    }
    let connect_ms = elapsed_ms(began);
    if let Some(ready) = ready {
        let _ = ready.send(shared.connected.load(Ordering::Relaxed));
    }
    let began = Instant::now();
    let wanted_back = u32::try_from(shared.connected.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
    shared.go.cancel();
    let all_back = async {
        match shared.plan.work {
            Work::Storm => shared.back.acquire_many(wanted_back).await.is_ok(),
            _ => std::future::pending().await,
        }
    };
    let is_back = tokio::select! {
        is_back = all_back => is_back,
        () = tokio::time::sleep(shared.plan.duration) => false,
        () = cancel.cancelled() => false,
    };
    let elapsed_ms = elapsed_ms(began);
    shared.stop.cancel();
    let calls = shared.latencies_us.count();
    let report = LoadReport {
        wanted: count,
        connected: shared.connected.load(Ordering::Relaxed),
        failed: shared.failed.load(Ordering::Relaxed),
        calls,
        errors: shared.errors.load(Ordering::Relaxed),
        elapsed_ms,
        connect_ms,
        storm_ms: is_back.then_some(elapsed_ms),
        calls_per_second: calls * 1000 / elapsed_ms.max(1),
        p50_us: shared.latencies_us.percentile(50),
        p90_us: shared.latencies_us.percentile(90),
        p99_us: shared.latencies_us.percentile(99),
        max_us: shared.latencies_us.max.load(Ordering::Relaxed),
    };
    tracker.wait().await;
    report
}

impl Shared {
    /// Counts an answer. What comes after the end is not counted: the time was measured without it.
    fn note(&self, began: Instant, is_result: bool) {
        if self.stop.is_cancelled() {
            return;
        }
        if is_result {
            self.latencies_us.add(elapsed_us(began));
        } else {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// One charge point; `None` if it failed.
async fn light_charge_point(shared: &Shared, index: usize, settled: &Semaphore) -> Option<()> {
    let mut link = {
        let _permit = shared.permits.acquire().await.ok()?;
        tokio::select! {
            link = come_in(shared, index) => link?,
            () = shared.stop.cancelled() => return None,
        }
    };
    // Before it counts as connected, so that what is measured is the readings.
    let metering = match shared.plan.work {
        Work::MeterValues { .. } => Some(Metering::start(shared, &mut link, index).await?),
        _ => None,
    };
    shared.connected.fetch_add(1, Ordering::Relaxed);
    settled.add_permits(1);
    // Waiting must read: the server's pings want answers.
    match (shared.plan.work, metering) {
        (Work::Heartbeats { every }, _) => {
            link.idle(&shared.go).await?;
            heartbeats(shared, &mut link, every, index).await?;
        }
        (Work::MeterValues { every }, Some(metering)) => {
            link.idle(&shared.go).await?;
            meter(shared, &mut link, metering, every, index).await?;
        }
        (Work::Storm, _) => {
            link.idle(&shared.go).await?;
            let began = Instant::now();
            drop(link);
            link = tokio::select! {
                link = come_back(shared, index) => link,
                () = shared.stop.cancelled() => return None,
            };
            shared.latencies_us.add(elapsed_us(began));
            shared.back.add_permits(1);
            link.idle(&shared.stop).await?;
        }
        (Work::Idle | Work::MeterValues { .. }, _) => link.idle(&shared.stop).await?,
    }
    let _ = tokio::time::timeout(Duration::from_secs(2), link.socket.close(None)).await;
    Some(())
}

/// Why a charge point is not in.
enum NotIn {
    /// The central system is there and takes nobody now (503).
    ComeAgain,
    Failed,
}

/// Connects and boots.
async fn boot(shared: &Shared, index: usize) -> Result<Link, NotIn> {
    let (plan, identity) = (&shared.plan, shared.plan.identity(index));
    let password = plan.passwords.get(index).or(plan.password.as_ref()).cloned();
    let socket = open(&plan.url, &identity, password.as_deref(), plan.version, &Faults::default()).await;
    let socket = match socket {
        Ok(socket) => socket,
        Err(ConnectError::Refused { status: 503 }) => return Err(NotIn::ComeAgain),
        Err(error) => {
            tracing::warn!(%identity, %error, "No link");
            return Err(NotIn::Failed);
        }
    };
    let mut link = Link { socket, next_id: 1, version: plan.version, wanted: None };
    let status = match plan.version {
        Version::V16 => {
            let request = boot_notification::Request {
                charge_point_vendor: "Virtual".into(),
                charge_point_model: "Light".into(),
                ..Default::default()
            };
            link.call(&request).await
        }
        Version::V201 => {
            let station = json!({ "model": "Light", "vendorName": "Virtual" });
            link.call_json("BootNotification", &json!({ "reason": "PowerUp", "chargingStation": station })).await
        }
    };
    let Some(Answer::Result(response)) = status else { return Err(NotIn::Failed) };
    if response["status"] != RegistrationStatus::Accepted.as_str() {
        tracing::warn!(%identity, status = %response["status"], "Not accepted");
        return Err(NotIn::Failed);
    }
    Ok(link)
}

/// The first time: again only when told so, since anything else is a fault of the plan.
async fn come_in(shared: &Shared, index: usize) -> Option<Link> {
    let mut pauses = Pauses::of(shared, index);
    loop {
        match boot(shared, index).await {
            Ok(link) => return Some(link),
            Err(NotIn::ComeAgain) => pauses.next().await,
            Err(NotIn::Failed) => return None,
        }
    }
}

/// As many charge points do it: at once, and after a refusal again and again, each with a wait of its own.
async fn come_back(shared: &Shared, index: usize) -> Link {
    let mut pauses = Pauses::of(shared, index);
    loop {
        if let Ok(mut link) = boot(shared, index).await
            && link.tell_status(shared).await.is_some()
        {
            return link;
        }
        pauses.next().await;
    }
}

/// Between attempts to connect: longer and longer, and a little different for each charge point.
struct Pauses {
    rng: Rng,
    wait_ms: u64,
}

impl Pauses {
    fn of(shared: &Shared, index: usize) -> Self {
        Self { rng: Rng::new(seed_of(&shared.plan.identity(index))), wait_ms: RETRY_FIRST_MS }
    }

    async fn next(&mut self) {
        let half = self.wait_ms / 2;
        tokio::time::sleep(Duration::from_millis(half + self.rng.below(half + 1))).await;
        self.wait_ms = (self.wait_ms * 2).min(RETRY_MAX_MS);
    }
}

async fn heartbeats(shared: &Shared, link: &mut Link, every: Option<Duration>, index: usize) -> Option<()> {
    let mut pace = Pace::start(shared, link, every, index).await?;
    while !shared.stop.is_cancelled() {
        let began = Instant::now();
        let is_result = link.ask("Heartbeat", "{}").await?;
        shared.note(began, is_result);
        pace.next(shared, link).await?;
    }
    Some(())
}

async fn meter(shared: &Shared, link: &mut Link, mut work: Metering, every: Option<Duration>, index: usize) -> Option<()> {
    let mut pace = Pace::start(shared, link, every, index).await?;
    while !shared.stop.is_cancelled() {
        let began = Instant::now();
        let is_result = work.sample(shared, link).await?;
        shared.note(began, is_result);
        pace.next(shared, link).await?;
    }
    work.stop(shared, link).await
}

/// When the next message is due.
struct Pace {
    every: Option<Duration>,
    next: tokio::time::Instant,
}

impl Pace {
    /// Waits for this charge point's place in the interval: real ones do not send all at once.
    async fn start(shared: &Shared, link: &mut Link, every: Option<Duration>, index: usize) -> Option<Self> {
        let mut next = tokio::time::Instant::now();
        if let Some(every) = every {
            let (place, count) = (u32::try_from(index).ok()?, u32::try_from(shared.plan.count).ok()?);
            next += every * place / count.max(1);
            link.idle_until(next, &shared.stop).await?;
        }
        Some(Self { every, next })
    }

    async fn next(&mut self, shared: &Shared, link: &mut Link) -> Option<()> {
        let Some(every) = self.every else { return Some(()) };
        self.next += every;
        link.idle_until(self.next, &shared.stop).await
    }
}

fn elapsed_us(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// A transaction under way.
struct Metering {
    /// 1.6: the central system's number.
    number: i64,
    /// 2.0.1: our own name of it, and the number of its next event.
    name: String,
    next_seq: u64,
    began: Instant,
    register_wh: i64,
}

impl Metering {
    async fn start(shared: &Shared, link: &mut Link, index: usize) -> Option<Self> {
        let now = (shared.clock)();
        let name = format!("{:x}-{index:x}", now.timestamp_millis());
        let mut this = Self { number: 0, name, next_seq: 0, began: Instant::now(), register_wh: 0 };
        let id_tag = if shared.plan.remote_start {
            link.tell_status(shared).await?;
            link.idle_until_asked_to_start(&shared.stop).await?
        } else {
            shared.plan.id_tag.clone()
        };
        let started = match shared.plan.version {
            Version::V16 => {
                let (id_tag, timestamp) = (id_tag.as_str().into(), (shared.clock)().into());
                let start =
                    start_transaction::Request { connector_id: 1, id_tag, meter_start_wh: 0, reservation_id: None, timestamp };
                link.call(&start).await?
            }
            Version::V201 => {
                let mut event = this.event(shared, "Started", "Authorized");
                event["evse"] = json!({ "id": 1, "connectorId": 1 });
                event["idToken"] = json!({ "idToken": id_tag, "type": "ISO14443" });
                event["meterValue"] = this.meter_value(shared, "Transaction.Begin");
                link.call_json("TransactionEvent", &event).await?
            }
        };
        let Answer::Result(started) = started else { return None };
        if shared.plan.version == Version::V16 {
            this.number = started["transactionId"].as_i64()?;
        }
        Some(this)
    }

    /// Whether it was answered with a CALLRESULT.
    async fn sample(&mut self, shared: &Shared, link: &mut Link) -> Option<bool> {
        self.register_wh = i64::try_from(self.began.elapsed().as_millis()).ok()? / MS_PER_WH;
        match shared.plan.version {
            Version::V16 => {
                // Written by hand: the generator shares the machine with what it measures.
                let (number, at, register_wh) = (self.number, written(shared), self.register_wh);
                let payload = format!(
                    r#"{{"connectorId":1,"transactionId":{number},"meterValue":[{{"timestamp":"{at}","sampledValue":[{{"value":"{register_wh}","measurand":"Energy.Active.Import.Register","unit":"Wh"}},{{"value":"{POWER_W}","measurand":"Power.Active.Import","unit":"W"}}]}}]}}"#
                );
                link.ask("MeterValues", &payload).await
            }
            Version::V201 => {
                let mut event = self.event(shared, "Updated", "MeterValuePeriodic");
                event["meterValue"] = self.meter_value(shared, "Sample.Periodic");
                link.ask("TransactionEvent", &event.to_string()).await
            }
        }
    }

    async fn stop(&mut self, shared: &Shared, link: &mut Link) -> Option<()> {
        match shared.plan.version {
            Version::V16 => {
                let stop = stop_transaction::Request {
                    id_tag: None,
                    meter_stop_wh: self.register_wh,
                    timestamp: (shared.clock)().into(),
                    transaction_id: self.number,
                    reason: Some(Reason::Local),
                    transaction_data: None,
                };
                link.call(&stop).await?
            }
            Version::V201 => {
                let mut event = self.event(shared, "Ended", "StopAuthorized");
                event["transactionInfo"]["stoppedReason"] = "Local".into();
                event["meterValue"] = self.meter_value(shared, "Transaction.End");
                link.call_json("TransactionEvent", &event).await?
            }
        };
        Some(())
    }

    fn event(&mut self, shared: &Shared, kind: &str, trigger: &str) -> Value {
        let seq = self.next_seq;
        self.next_seq += 1;
        json!({
            "eventType": kind,
            "timestamp": written(shared),
            "triggerReason": trigger,
            "seqNo": seq,
            "transactionInfo": { "transactionId": self.name, "chargingState": "Charging" },
        })
    }

    fn meter_value(&self, shared: &Shared, context: &str) -> Value {
        let energy = json!({
            "value": self.register_wh, "context": context, "measurand": "Energy.Active.Import.Register",
            "unitOfMeasure": { "unit": "Wh" },
        });
        let power = json!({
            "value": POWER_W, "context": context, "measurand": "Power.Active.Import", "unitOfMeasure": { "unit": "W" },
        });
        json!([{ "timestamp": written(shared), "sampledValue": [energy, power] }])
    }
}

fn written(shared: &Shared) -> String {
    (shared.clock)().to_rfc3339_opts(SecondsFormat::Millis, true)
}

enum Answer {
    Result(Value),
    Error,
}

struct Link {
    socket: Socket,
    next_id: u64,
    version: Version,
    /// The tag of the transaction that the central system wants.
    wanted: Option<String>,
}

impl Link {
    /// Sends a CALL and waits for its answer; `None` if the link is lost.
    async fn call<M: Message>(&mut self, request: &M) -> Option<Answer> {
        let payload = request.encode().ok()?;
        self.exchange(M::ACTION, &payload).await
    }

    async fn call_json(&mut self, action: &str, payload: &Value) -> Option<Answer> {
        let payload = to_raw_value(payload).ok()?;
        self.exchange(action, &payload).await
    }

    /// [`Self::call`] of an action that needs no escape, for its kind of answer alone: true is a CALLRESULT.
    async fn ask(&mut self, action: &str, payload: &str) -> Option<bool> {
        let id = self.new_id();
        self.send(format!(r#"[2,"{id}","{action}",{payload}]"#)).await?;
        Some(self.answer_to(&id).await?.0)
    }

    async fn exchange(&mut self, action: &str, payload: &RawValue) -> Option<Answer> {
        let id = self.new_id();
        self.send(Frame::Call { id: id.as_str().into(), action: action.into(), payload }.encode().ok()?).await?;
        let (is_result, text) = self.answer_to(&id).await?;
        if !is_result {
            return Some(Answer::Error);
        }
        match Frame::parse(text.as_str()) {
            Ok(Frame::CallResult { payload, .. }) => serde_json::from_str(payload.get()).ok().map(Answer::Result),
            _ => None,
        }
    }

    fn new_id(&mut self) -> String {
        let id = self.next_id.to_string();
        self.next_id += 1;
        id
    }

    async fn send(&mut self, text: String) -> Option<()> {
        self.socket.send(Packet::text(text)).await.ok()
    }

    /// Waits for the answer to the CALL of this id: whether it is a CALLRESULT, and all of it.
    async fn answer_to(&mut self, id: &str) -> Option<(bool, Utf8Bytes)> {
        let deadline = tokio::time::Instant::now() + ANSWER_TIMEOUT;
        loop {
            let packet = tokio::time::timeout_at(deadline, self.socket.next()).await.ok()??.ok()?;
            let Packet::Text(text) = packet else { continue };
            if is_plain_result(text.as_str(), id) {
                return Some((true, text));
            }
            match Frame::parse(text.as_str()) {
                Ok(Frame::CallResult { id: answered, .. }) if answered == id => return Some((true, text)),
                Ok(Frame::CallError { id: answered, .. }) if answered == id => return Some((false, text)),
                Ok(Frame::Call { id: asked, action, payload }) => self.react(&asked, &action, payload).await?,
                _ => {}
            }
        }
    }

    async fn tell_status(&mut self, shared: &Shared) -> Option<()> {
        let payload = match self.version {
            Version::V16 => json!({ "connectorId": 1, "errorCode": "NoError", "status": "Available" }),
            Version::V201 => {
                json!({ "timestamp": written(shared), "connectorStatus": "Available", "evseId": 1, "connectorId": 1 })
            }
        };
        self.ask("StatusNotification", &payload.to_string()).await?.then_some(())
    }

    /// A light charge point can start a transaction, and nothing else that it is told.
    async fn react(&mut self, id: &str, action: &str, payload: &RawValue) -> Option<()> {
        if action == "RemoteStartTransaction"
            && let Ok(request) = serde_json::from_str::<Value>(payload.get())
        {
            self.wanted = request["idTag"].as_str().map(str::to_owned);
            return self.send(format!(r#"[3,"{id}",{{"status":"Accepted"}}]"#)).await;
        }
        self.send(ocpp::frame::call_error(id, ocpp::ErrorCode::NotSupported, self.version, "a light charge point")).await
    }

    /// Reads until it is asked to start a transaction: the tag.
    async fn idle_until_asked_to_start(&mut self, stop: &CancellationToken) -> Option<String> {
        loop {
            if let Some(id_tag) = self.wanted.take() {
                return Some(id_tag);
            }
            let packet = tokio::select! {
                () = stop.cancelled() => return None,
                packet = self.socket.next() => packet?.ok()?,
            };
            self.passing(packet).await?;
        }
    }

    /// Reads, and answers what must be, until told to stop. `None` if the link is lost.
    async fn idle(&mut self, stop: &CancellationToken) -> Option<()> {
        loop {
            let packet = tokio::select! {
                () = stop.cancelled() => return Some(()),
                packet = self.socket.next() => packet?.ok()?,
            };
            self.passing(packet).await?;
        }
    }

    async fn idle_until(&mut self, until: tokio::time::Instant, stop: &CancellationToken) -> Option<()> {
        loop {
            let packet = tokio::select! {
                () = stop.cancelled() => return Some(()),
                () = tokio::time::sleep_until(until) => return Some(()),
                packet = self.socket.next() => packet?.ok()?,
            };
            self.passing(packet).await?;
        }
    }

    async fn passing(&mut self, packet: Packet) -> Option<()> {
        match packet {
            Packet::Close(_) => None,
            Packet::Text(text) => match Frame::parse(text.as_str()) {
                Ok(Frame::Call { id, action, payload }) => self.react(&id, &action, payload).await,
                _ => Some(()),
            },
            _ => Some(()),
        }
    }
}

/// Whether this is a CALLRESULT of the id in the usual spelling, which needs no parser.
fn is_plain_result(text: &str, id: &str) -> bool {
    text.strip_prefix("[3,\"").and_then(|rest| rest.strip_prefix(id)).is_some_and(|rest| rest.starts_with("\","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_answer_is_known_without_a_parser() {
        assert!(is_plain_result(r#"[3,"17",{}]"#, "17"));
        assert!(!is_plain_result(r#"[3,"171",{}]"#, "17"));
        assert!(!is_plain_result(r#"[4,"17","InternalError","",{}]"#, "17"));
    }

    #[test]
    fn percentiles() {
        let histogram = Histogram::new();
        (1..=1000).for_each(|value| histogram.add(value));
        let near = |value: u64, wanted: u64| value >= wanted && value <= wanted + wanted / 32;
        assert!(near(histogram.percentile(50), 500), "{}", histogram.percentile(50));
        assert!(near(histogram.percentile(99), 990), "{}", histogram.percentile(99));
        assert_eq!((histogram.percentile(100), Histogram::new().percentile(50)), (1000, 0));
        histogram.add(u64::MAX);
        assert_eq!(histogram.max.load(Ordering::Relaxed), u64::MAX);
    }

    #[test]
    fn buckets_hold_their_values() {
        for value in [0, 1, 63, 64, 127, 128, 129, 1_000_000, u64::MAX / 3] {
            let index = Histogram::index(value);
            assert!(Histogram::upper(index) >= value && (index == 0 || Histogram::upper(index - 1) < value), "{value}");
        }
    }
}
