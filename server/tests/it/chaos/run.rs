//! One run: what happens is chosen by the seed, step by step; then the faults stop, everything comes to rest, and is looked at.

use std::collections::VecDeque;
use std::sync::Arc;

use api::guest::{CheckoutForm, CheckoutOutcome, GuestApi as _};
use api::i18n::Locale;
use chrono::{DateTime, TimeDelta, Utc};
use csms::{Conversation, End, Wire};
use domain::{ConnectorCode, GuestToken, OcppIdentity};
use platform::Clock as _;
use platform::stations::Lease;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use simulator::{Act, Car, Charger, Close, Config, Fact, Fault, Input, Output, Power, RemoteStartFault, RemoteStopFault};

use super::checks::{self, Charged};
use super::ground::{CODES, Ground, Life, Site, Strike, WEBHOOK_SECRET};
use crate::pg_proxy::Side;

/// Enough for most stories to get to their end while things still go wrong.
const STEPS: std::ops::Range<u32> = 50..130;
/// Rounds until all must be at rest: more than a day of the run's clock, longer than anything waits but late payments.
const ROUNDS_MAX: u32 = 200;
/// Frames that are said without a pause are a loop of the two sides.
const FRAMES_AT_ONCE_MAX: u32 = 2_000;
/// As the server's own settings have it.
const ANSWER_WITHIN: TimeDelta = TimeDelta::seconds(30);
const ASK_STATUS_AFTER: TimeDelta = TimeDelta::seconds(10);

/// What became of a run.
pub struct Outcome {
    pub trace: Vec<String>,
    pub failures: Vec<String>,
    pub charged: usize,
    pub crashes: u32,
}

/// What goes to the charger.
#[derive(Default)]
struct Down(Vec<String>);

impl Wire for Down {
    async fn send(&mut self, frame: String) -> Result<(), End> {
        self.0.push(frame);
        Ok(())
    }
}

/// A connection, with what is on its way.
struct Link {
    talk: Conversation,
    lease: Lease,
    up: VecDeque<String>,
    down: VecDeque<String>,
    since: DateTime<Utc>,
    asked_at: Option<DateTime<Utc>>,
}

/// One who wants to charge.
struct Guest {
    connector: u32,
    form: CheckoutForm,
    wants_wh: i64,
    token: Option<GuestToken>,
    /// The provider's name of the link that was seen.
    external_id: Option<String>,
    has_paid: bool,
}

pub struct Run<'g> {
    ground: &'g Ground,
    site: &'g Site,
    random: StdRng,
    charger: Charger,
    subprotocol: &'static str,
    life: Option<Arc<Life>>,
    link: Option<Link>,
    /// Old sockets that the charger has left and the server still believes in.
    ghosts: Vec<Link>,
    /// Frames that came once: they may come again.
    said: VecDeque<String>,
    closing: Option<Close>,
    guests: Vec<Guest>,
    charged: Vec<Charged>,
    running: [Option<usize>; 2],
    trace: Vec<String>,
    failures: Vec<String>,
    crashes: u32,
    refund_failed: bool,
}

/// What real chargers get wrong and no bill may show.
const HABITS: &[Fault] = &[
    Fault::DuplicateStart,
    Fault::DuplicateStop,
    Fault::NewIdOnRetry,
    Fault::ReplayHistory,
    Fault::NoBootOnReconnect,
    Fault::StatusBeforeBoot,
    Fault::PipelinedCalls,
    Fault::LowerCaseTags,
    Fault::NoTransactionIdInMeterValues,
    Fault::NoMeterValues,
    Fault::MeterDropouts,
    Fault::BeginInEachSample,
    Fault::ClockOffset(-7_200),
    Fault::ClockOffset(3_600),
    Fault::ClockDrift(300),
    Fault::KilowattHours,
];
/// What passes.
const MOMENTS: &[Fault] = &[
    Fault::DropBeforeReply,
    Fault::DropAfterSending("StartTransaction"),
    Fault::DropAfterSending("StopTransaction"),
    Fault::DropAfterSending("MeterValues"),
    Fault::DropAfterSending("TransactionEvent"),
    Fault::RemoteStart(RemoteStartFault::NoReply),
    Fault::RemoteStart(RemoteStartFault::Refuse),
    Fault::RemoteStop(RemoteStopFault::NoReply),
    Fault::RemoteStop(RemoteStopFault::Refuse),
    Fault::RemoteStop(RemoteStopFault::AcceptAndIgnore),
];
const ANSWERS: &[&str] = &["html_500", "empty_body", "broken", "too_many_requests", "unknown_error"];
const CALLS: &[&str] = &["create_link", "payment", "refund", "refund_status"];

/// Plays a seed.
pub async fn play(ground: &Ground, site: &mut Site, seed: u64) -> Outcome {
    ground.begin(seed).await;
    site.set_back().await;
    let mut run = Run::new(ground, site, seed);
    run.play().await;
    run.over()
}

impl<'g> Run<'g> {
    fn new(ground: &'g Ground, site: &'g Site, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut config = Config::ac("CHAOS").meter_interval_ms(10_000);
        let subprotocol = if random.random_bool(0.5) {
            config = config.v201();
            "ocpp2.0.1"
        } else {
            "ocpp1.6"
        };
        let mut habits = vec![];
        for _ in 0..random.random_range(0..3) {
            let habit = HABITS[random.random_range(0..HABITS.len())].clone();
            habits.push(habit.name());
            config = config.fault(habit);
        }
        let guests = (0..random.random_range(1..=3_u32))
            .map(|number| Guest {
                connector: random.random_range(1..=2),
                form: CheckoutForm {
                    amount: random.random_range(50..1_500).to_string(),
                    phone: format!("0700 123 45{number}"),
                    idempotency_key: format!("form-{seed:016}-{number}"),
                },
                wants_wh: random.random_range(200..30_000),
                token: None,
                external_id: None,
                has_paid: false,
            })
            .collect();
        let trace = vec![format!("{subprotocol}, {habits:?}")];
        Self {
            ground,
            site,
            charger: Charger::new(config, seed),
            random,
            subprotocol,
            life: None,
            link: None,
            ghosts: vec![],
            said: VecDeque::new(),
            closing: None,
            guests,
            charged: vec![],
            running: [None, None],
            trace,
            failures: vec![],
            crashes: 0,
            refund_failed: false,
        }
    }

    async fn play(&mut self) {
        self.rise().await;
        // Most stories begin with a charge point that is in service.
        if self.chance(80) {
            self.quiesce().await;
        }
        for _ in 0..self.random.random_range(STEPS) {
            self.step().await;
        }
        self.come_to_rest().await;
        let namba = self.ground.namba().await;
        self.failures.extend(checks::all(self.site, &self.charged, &namba).await);
        self.link = None;
        self.ghosts.clear();
        if let Some(life) = self.life.take().and_then(Arc::into_inner) {
            life.kill();
        }
    }

    fn over(self) -> Outcome {
        Outcome { trace: self.trace, failures: self.failures, charged: self.charged.len(), crashes: self.crashes }
    }

    fn now(&self) -> DateTime<Utc> {
        self.ground.clock.now()
    }

    fn note(&mut self, what: impl Into<String>) {
        let since = self.now() - platform::testing::start_of_time();
        self.trace.push(format!("{:>6} s  {}", since.num_seconds(), what.into()));
    }

    fn chance(&mut self, of_100: u32) -> bool {
        self.random.random_ratio(of_100, 100)
    }

    fn pick<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.random.random_range(0..list.len())]
    }

    // --- the server ---------------------------------------------------------------------------------------------------

    async fn rise(&mut self) {
        self.life = Some(Arc::new(Life::begin(self.ground, self.site).await));
        self.note("the server is up");
    }

    /// Everything in memory is gone.
    async fn crash(&mut self, how: &str) {
        self.crashes += 1;
        self.note(format!("the server dies: {how}"));
        self.ghosts.clear();
        self.lose_link();
        if let Some(life) = self.life.take().and_then(Arc::into_inner) {
            life.kill();
        }
        if self.chance(50) {
            let seconds = self.random.random_range(1..300);
            self.pass(seconds).await;
        }
        self.rise().await;
    }

    /// Does something with the server; `None` when it died of it.
    async fn with<T, F: Future<Output = T>>(&mut self, what: &str, doing: impl FnOnce(Arc<Life>) -> F) -> Option<T> {
        let life = self.life.clone()?;
        let done = life.live(doing(life.clone())).await;
        drop(life);
        if done.is_none() {
            Box::pin(self.crash(what)).await;
        }
        done
    }

    // --- the link -----------------------------------------------------------------------------------------------------

    async fn connect(&mut self) {
        if self.link.is_some() || !self.charger.wants_link() {
            return;
        }
        let (id, subprotocol, now) = (self.site.point.id, self.subprotocol, self.now());
        let identity = OcppIdentity::parse("CHAOS").unwrap();
        let entered = self.with("at the handshake", |life| async move {
            let quirks = life.csms.quirks().of(id).await.ok()?;
            let lease = life.stations.arrive(id).await.ok()?;
            let entered = life.stations.connected(lease, subprotocol, "one").await.ok()?;
            let talk = Conversation::new(life.csms.clone(), identity, subprotocol, quirks, (lease, entered)).unwrap();
            Some((talk, lease))
        });
        let Some(Some((talk, lease))) = entered.await else {
            return self.note("the handshake fails");
        };
        self.note(format!("connected, epoch {}", lease.epoch));
        self.link = Some(Link { talk, lease, up: VecDeque::new(), down: VecDeque::new(), since: now, asked_at: None });
        self.tell_charger(Input::LinkUp).await;
        self.talk("greet", Said::Greet).await;
    }

    /// One turn of the conversation: what it says goes down, and when it ends the link does.
    async fn talk(&mut self, what: &str, said: Said) {
        let Some(mut link) = self.link.take() else { return };
        let Some(life) = self.life.clone() else { return };
        let mut wire = Down::default();
        let done = life.live(said.to(&mut link.talk, &mut wire)).await;
        drop(life);
        // What it said before it ended has left.
        for frame in wire.0 {
            self.note(format!("  < {}", short(&frame)));
            link.down.push_back(frame);
        }
        let had = link.asked_at.is_some();
        match link.talk.give_up_at() {
            Some(_) if !had => link.asked_at = Some(self.now()),
            Some(_) => {}
            None => link.asked_at = None,
        }
        match done {
            None => {
                self.link = Some(link);
                if self.chance(50) {
                    self.drain_down().await;
                }
                Box::pin(self.crash(what)).await;
            }
            Some(Ok(())) => self.link = Some(link),
            Some(Err(end)) => {
                self.note(format!("the server ends the connection: {end:?}"));
                self.link = Some(link);
                if self.chance(50) {
                    self.drain_down().await;
                }
                self.end_link().await;
            }
        }
    }

    /// The link is gone for both.
    async fn end_link(&mut self) {
        let Some(link) = self.link.take() else { return };
        self.lose_link();
        let ended = self.with("at the end of a connection", |_| async move { link.talk.link_ended().await });
        ended.await;
    }

    /// The link is gone for the charger.
    fn lose_link(&mut self) {
        self.link = None;
        self.closing = None;
        let now = self.now();
        let outputs = self.charger.handle(Input::LinkDown, now);
        self.take(outputs);
    }

    async fn drain_down(&mut self) {
        while let Some(frame) = self.link.as_mut().and_then(|link| link.down.pop_front()) {
            self.tell_charger(Input::Frame(&frame)).await;
        }
    }

    /// A frame of the charger arrives.
    async fn deliver_up(&mut self) {
        let Some(frame) = self.link.as_mut().and_then(|link| link.up.pop_front()) else { return };
        self.note(format!("  > {}", short(&frame)));
        self.said.push_back(frame.clone());
        if self.said.len() > 30 {
            self.said.pop_front();
        }
        self.talk("taking a frame", Said::Frame(frame)).await;
    }

    async fn deliver_down(&mut self) {
        let Some(frame) = self.link.as_mut().and_then(|link| link.down.pop_front()) else { return };
        self.tell_charger(Input::Frame(&frame)).await;
    }

    // --- the charger --------------------------------------------------------------------------------------------------

    async fn tell_charger(&mut self, input: Input<'_>) {
        let now = self.now();
        let outputs = self.charger.handle(input, now);
        self.take(outputs);
        match self.closing.take() {
            None => {}
            Some(Close::HalfOpen) => {
                if let Some(link) = self.link.take() {
                    self.note("the charger leaves its socket half open");
                    self.ghosts.push(link);
                }
                self.lose_link();
            }
            Some(_) => {
                self.note("the charger closes its link");
                // What was sent just before may still arrive.
                if self.chance(50) {
                    while self.link.as_ref().is_some_and(|link| !link.up.is_empty()) {
                        Box::pin(self.deliver_up()).await;
                    }
                }
                Box::pin(self.end_link()).await;
            }
        }
    }

    fn take(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(frame) => {
                    if let Some(link) = &mut self.link {
                        link.up.push_back(frame);
                    }
                }
                Output::CloseLink(close) => self.closing = Some(close),
                Output::Fact(fact) => self.witness(fact),
            }
        }
    }

    fn witness(&mut self, fact: Fact) {
        match fact {
            Fact::TransactionStarted { connector, id_tag, meter_start_wh } => {
                self.note(format!("* charging begins at {connector}"));
                self.running[connector as usize - 1] = Some(self.charged.len());
                self.charged.push(Charged {
                    evse_no: i32::try_from(connector).unwrap(),
                    id_tag: id_tag.to_uppercase(),
                    meter_start_wh,
                    meter_stop_wh: None,
                });
            }
            Fact::TransactionStopped { connector, reason, meter_stop_wh, .. } => {
                self.note(format!("* charging ends at {connector}: {reason:?}"));
                if let Some(one) = self.running[connector as usize - 1].take() {
                    self.charged[one].meter_stop_wh = Some(meter_stop_wh);
                }
            }
            Fact::MessageLost { action } => self.failures.push(format!("{action} was refused until the charger gave it up")),
            Fact::CallRefused { action, why } => self.note(format!("* {action} was refused: {why}")),
            Fact::BrokenFrame { why } => self.failures.push(format!("the charger cannot read what we say: {why}")),
            _ => {}
        }
    }

    // --- time ---------------------------------------------------------------------------------------------------------

    /// Time goes on; who waits for it is woken.
    async fn pass(&mut self, seconds: i64) {
        self.ground.clock.advance(TimeDelta::seconds(seconds));
        self.tell_charger(Input::Tick).await;
        let now = self.now();
        let Some(link) = &self.link else { return };
        if link.asked_at.is_some_and(|at| now - at >= ANSWER_WITHIN) {
            self.note("no answer in time");
            if let Some(link) = &mut self.link {
                link.asked_at = None;
            }
            self.talk("giving a command up", Said::GiveUp).await;
        } else if link.talk.tell_settings_at().is_some() {
            self.talk("telling the settings", Said::TellSettings).await;
        } else if link.talk.ask_at().is_some() && now - link.since >= ASK_STATUS_AFTER {
            self.talk("asking for the status", Said::Ask).await;
        }
    }

    async fn jobs(&mut self) {
        let done = self.with("in a job", |life| async move { life.jobs.run_due_once().await }).await;
        match done {
            Some(Ok(0)) | None => {}
            Some(Ok(runs)) => self.note(format!("{runs} jobs")),
            Some(Err(_)) => self.note("the jobs fail"),
        }
    }

    async fn watch(&mut self) {
        let done = self.with("in the watch", |life| async move { life.charging.tick().await }).await;
        match done {
            Some(Err(_)) => self.note("the watch fails"),
            Some(Ok(report)) if report != platform::charging::WatchReport::default() => self.note(format!("watch: {report:?}")),
            _ => {}
        }
    }

    // --- steps --------------------------------------------------------------------------------------------------------

    async fn step(&mut self) {
        match self.random.random_range(0..100) {
            0..24 => self.converse().await,
            24..40 => {
                let seconds = if self.chance(4) { self.random.random_range(60..600) } else { self.random.random_range(1..15) };
                self.pass(seconds).await;
                self.converse().await;
            }
            40..50 => {
                self.connect().await;
                self.converse().await;
            }
            50..58 => self.jobs().await,
            58..62 => self.watch().await,
            62..66 => self.talk("sending commands", Said::SendCommands).await,
            66..89 => self.guest().await,
            _ => self.fault().await,
        }
    }

    /// Frames go to and fro, some of them.
    async fn converse(&mut self) {
        for _ in 0..self.random.random_range(1..12) {
            if self.chance(50) { self.deliver_up().await } else { self.deliver_down().await }
        }
    }

    async fn guest(&mut self) {
        let one = self.random.random_range(0..self.guests.len());
        let (connector, has_token, has_paid) =
            (self.guests[one].connector, self.guests[one].token.is_some(), self.guests[one].has_paid);
        if !has_token {
            return self.order(one).await;
        }
        if !has_paid {
            return if self.chance(85) { self.pay(one).await } else { self.order(one).await };
        }
        let state = self.charger.state();
        if !state.connector(connector).is_plugged && self.chance(80) {
            self.note(format!("a car at connector {connector}"));
            let car = Car::wanting_wh(self.guests[one].wants_wh);
            // Hands take a second: no cable is out of one car and in another in the instant that a charger's clock knows.
            self.pass(1).await;
            return self.tell_charger(Input::Act(Act::Plug { connector, car })).await;
        }
        match self.random.random_range(0..10) {
            0..3 => drop(self.look(one).await),
            3..6 => self.notice(one).await,
            6 => self.jobs().await,
            7 => {
                if state.connector(connector).is_in_transaction() {
                    self.stop(one).await;
                }
            }
            8 => {
                if self.chance(20) {
                    self.stop(one).await;
                }
            }
            _ => {
                if self.charger.state().connector(connector).is_in_transaction() {
                    self.note(format!("the car leaves connector {connector}"));
                    self.tell_charger(Input::Act(Act::Unplug { connector })).await;
                }
            }
        }
    }

    async fn order(&mut self, one: usize) {
        let guest = &self.guests[one];
        let (form, code) = (guest.form.clone(), CODES[guest.connector as usize - 1]);
        let ordered = self.with("at a checkout", |life| async move {
            life.guest.check_out(&ConnectorCode::parse(code).unwrap(), &form, Locale::Ru).await
        });
        match ordered.await {
            Some(Ok(CheckoutOutcome::Ordered { token, .. })) => {
                self.note(format!("guest {one} has ordered"));
                self.guests[one].token = Some(token);
            }
            Some(Ok(CheckoutOutcome::Invalid(errors))) => self.failures.push(format!("a good form is refused: {errors:?}")),
            Some(Ok(CheckoutOutcome::NotAvailable)) => self.note(format!("guest {one} finds the connector not available")),
            Some(Err(error)) => self.note(format!("guest {one} sees {error:?}")),
            None => {}
        }
    }

    async fn look(&mut self, one: usize) -> Option<String> {
        let token = self.guests[one].token.clone()?;
        let returned = self.chance(50);
        let seen = self.with("at a page", |life| async move { life.guest.view(&token, returned).await }).await;
        match seen {
            Some(Ok(view)) => {
                self.note(format!("guest {one} sees {:?}", view.phase));
                view.payment_url
            }
            Some(Err(error)) => {
                self.note(format!("guest {one} sees {error:?}"));
                None
            }
            None => None,
        }
    }

    /// The guest pays at the link that is shown.
    async fn pay(&mut self, one: usize) {
        let Some(url) = self.look(one).await else { return };
        let namba = self.ground.namba().await;
        let orders = namba["orders"].as_array().cloned().unwrap_or_default();
        let Some(order) = orders.iter().find(|order| order["pay_url"] == url.as_str()) else {
            return self.failures.push("the page shows a link that the provider does not know".to_owned());
        };
        let external_id = order["external_id"].as_str().unwrap_or_default().to_owned();
        let status = self.ground.control(&format!("pay/{external_id}"), json!({})).await;
        self.note(format!("guest {one} pays: {status}"));
        self.guests[one].has_paid |= status == 200;
        self.guests[one].external_id = Some(external_id);
        if self.chance(50) {
            self.notice(one).await;
        }
    }

    /// A webhook about the payment, late or again or before its time.
    async fn notice(&mut self, one: usize) {
        let Some(external_id) = self.guests[one].external_id.clone() else { return };
        let status = *self.pick(&["COMPLETED", "COMPLETED", "PROCESSING"]);
        let body = json!({
            "type": "PAYMENT_ORDER", "version": "1", "createdAt": "2026-11-22T09:00:00Z",
            "data": {
                "guid": format!("notice-{external_id}"), "externalId": external_id, "status": status, "currency": "KGS",
                "amount": "1", "paymentAmount": "1", "type": "PAYMENT_QR",
            },
        })
        .to_string();
        let taken = self.with("at a webhook", |life| async move {
            life.guest.payment_webhook(Some(WEBHOOK_SECRET), "203.0.113.7", body.as_bytes()).await
        });
        let taken = taken.await;
        self.note(format!("webhook {status} for guest {one}: {taken:?}"));
    }

    async fn stop(&mut self, one: usize) {
        let Some(token) = self.guests[one].token.clone() else { return };
        let done = self.with("at a stop", |life| async move { life.guest.stop(&token).await }).await;
        self.note(format!("guest {one} stops: {done:?}"));
        self.talk("sending commands", Said::SendCommands).await;
    }

    // --- faults -------------------------------------------------------------------------------------------------------

    async fn fault(&mut self) {
        match self.random.random_range(0..26) {
            0..4 => {
                let Some(life) = self.life.clone() else { return };
                if life.trap_is_set() {
                    return;
                }
                let nth = self.random.random_range(1..25);
                let side = *self.pick(&[Side::BeforeCommit, Side::AfterCommit]);
                let strike = *self.pick(&[Strike::Cut, Strike::Crash, Strike::Crash]);
                life.set_trap(nth, side, strike);
                self.note(format!("! at the {nth}th statement: {strike:?} {side:?}"));
            }
            4 => self.crash("for no reason").await,
            5..8 => {
                if self.link.is_some() {
                    self.note("! the link flaps");
                    self.end_link().await;
                    if self.chance(60) {
                        self.connect().await;
                    }
                }
            }
            8 => {
                self.note("! half open");
                self.tell_charger(Input::Act(Act::LeaveHalfOpen)).await;
            }
            9..11 => self.haunt().await,
            11..13 => {
                if let Some(link) = &mut self.link {
                    let lost = if self.random.random_bool(0.5) { link.up.pop_front() } else { link.down.pop_front() };
                    if let Some(lost) = lost {
                        self.note(format!("! lost: {}", short(&lost)));
                    }
                }
            }
            13..16 => {
                let said: Vec<String> = self.said.iter().cloned().collect();
                if !said.is_empty() && self.link.is_some() {
                    let frame = self.pick(&said).clone();
                    self.note(format!("! again: {}", short(&frame)));
                    if let Some(link) = &mut self.link {
                        link.up.push_back(frame);
                    }
                }
            }
            16 => {
                if let Some(link) = &mut self.link
                    && link.up.len() > 1
                {
                    link.up.swap(0, 1);
                    self.note("! out of order");
                }
            }
            17..20 => {
                let act = match self.random.random_range(0..7) {
                    0 => Act::RestartHard,
                    1 => Act::RestartSoft,
                    2 => Act::PowerLoss,
                    3 | 4 => Act::PowerBack,
                    5 => Act::GoOffline,
                    _ => Act::GoOnline,
                };
                self.note(format!("! {act:?}"));
                self.tell_charger(Input::Act(act)).await;
                if self.chance(60) {
                    for back in [Act::PowerBack, Act::GoOnline] {
                        self.tell_charger(Input::Act(back)).await;
                    }
                    self.pass(3).await;
                    self.connect().await;
                }
            }
            20..22 => {
                let fault = self.pick(MOMENTS).clone();
                self.note(format!("! {}", fault.name()));
                self.tell_charger(Input::Act(Act::SetFault(fault))).await;
            }
            22 => {
                // A message keeps the time that it was made at: while one waits the clock is not set.
                if self.charger.state().is_delivered() {
                    let offset_s = self.random.random_range(-90_000..90_000);
                    self.note(format!("! the charger's clock is {offset_s} s wrong"));
                    self.tell_charger(Input::Act(Act::SetFault(Fault::ClockOffset(offset_s)))).await;
                }
            }
            _ => {
                let (call, answer) = (*self.pick(CALLS), *self.pick(ANSWERS));
                let (acts, times) = (self.random.random_bool(0.5), self.random.random_range(1..4));
                self.note(format!("! the provider answers {call} with {answer}, {times} times; acts before: {acts}"));
                let faults = json!({
                    "reset": true, "webhooks_off": true, call: answer, "act_before_faulty_answer": acts,
                    "faulty_answers_left": times,
                });
                self.ground.faults(faults).await;
            }
        }
    }

    /// Something still comes over a socket that has been taken over.
    async fn haunt(&mut self) {
        let Some(mut ghost) = self.ghosts.pop() else { return };
        let is_outdated = self.link.as_ref().is_some_and(|link| link.lease.epoch > ghost.lease.epoch);
        if let Some(frame) = ghost.up.pop_front().or_else(|| self.said.back().cloned()) {
            self.note(format!("! over the old socket: {}", short(&frame)));
            let ended = self.with("taking a frame of an old socket", |_| async move {
                let mut wire = Down::default();
                let said = ghost.talk.receive(&frame, &mut wire).await;
                ghost.talk.link_ended().await;
                (said, wire.0.len())
            });
            if let Some((said, answers)) = ended.await
                && is_outdated
                && (said.is_ok() || answers > 0)
            {
                self.failures.push(format!("a frame over an outdated connection was taken: {said:?}, {answers} answers"));
            }
        }
    }

    // --- rest ---------------------------------------------------------------------------------------------------------

    /// Nothing goes wrong any more, and everybody does what is left to do.
    async fn come_to_rest(&mut self) {
        self.note("-- the faults stop");
        if let Some(life) = &self.life {
            life.clear_trap();
        }
        self.ground.faults(json!({ "reset": true, "webhooks_off": true })).await;
        for moment in MOMENTS {
            self.tell_charger(Input::Act(Act::ClearFault(moment.clone()))).await;
        }
        for act in [Act::PowerBack, Act::GoOnline] {
            self.tell_charger(Input::Act(act)).await;
        }
        for ghost in std::mem::take(&mut self.ghosts) {
            self.with("at the end of an old connection", |_| async move { ghost.talk.link_ended().await }).await;
        }
        for round in 0..ROUNDS_MAX {
            self.quiesce().await;
            let open = checks::open(self.site).await;
            let is_told = self.charger.state().is_delivered() && self.running.iter().all(Option::is_none);
            if is_told && self.link.is_some() && open.is_empty() {
                self.note(format!("-- at rest after {round} rounds"));
                return;
            }
            if open.iter().any(|what| what.starts_with("open refund")) {
                self.refunds().await;
            }
            // People first let it charge, then stop, then leave.
            if (2..8).contains(&round) {
                for one in 0..self.guests.len() {
                    self.stop(one).await;
                }
            }
            if round == 10 {
                for connector in 1..=2 {
                    self.note(format!("the car leaves connector {connector}"));
                    self.tell_charger(Input::Act(Act::Unplug { connector })).await;
                }
            }
            let seconds = match round {
                0..10 => 10,
                10..20 => 60,
                _ => 600,
            };
            self.pass(seconds).await;
        }
        self.note("-- no rest");
        if !self.charger.state().is_delivered() {
            self.failures.push("the charger cannot get rid of what it has to tell".to_owned());
        }
    }

    /// Until nobody has anything to say.
    async fn quiesce(&mut self) {
        if self.charger.state().power == Power::On {
            self.connect().await;
        }
        for _ in 0..FRAMES_AT_ONCE_MAX {
            let Some(link) = &self.link else { break };
            match (link.up.is_empty(), link.down.is_empty()) {
                (true, true) => {
                    self.talk("sending commands", Said::SendCommands).await;
                    if self.link.as_ref().is_none_or(|link| link.down.is_empty()) {
                        break;
                    }
                }
                (_, false) => self.deliver_down().await,
                (false, true) => self.deliver_up().await,
            }
        }
        self.jobs().await;
        self.watch().await;
    }

    /// The provider pays out what it was told to; now and then it first cannot.
    async fn refunds(&mut self) {
        let namba = self.ground.namba().await;
        let open = |refund: &&Value| matches!(refund["status"].as_str(), Some("CREATED" | "PROCESSING"));
        let ids: Vec<String> = namba["refunds"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(open)
            .filter_map(|refund| refund["external_refund_id"].as_str().map(str::to_owned))
            .collect();
        for id in ids {
            let fails = !self.refund_failed && self.chance(20);
            self.refund_failed |= fails;
            let status =
                if fails { json!({ "status": "FAILED", "error_code": "02" }) } else { json!({ "status": "COMPLETED" }) };
            self.note(format!("refund {}", status["status"]));
            self.ground.control(&format!("refund/{id}"), status).await;
        }
    }
}

/// What is said to the conversation.
enum Said {
    Greet,
    Frame(String),
    Ask,
    TellSettings,
    GiveUp,
    SendCommands,
}

impl Said {
    async fn to(self, talk: &mut Conversation, wire: &mut Down) -> Result<(), End> {
        match self {
            Self::Greet => talk.greet(wire).await,
            Self::Frame(text) => talk.receive(&text, wire).await,
            Self::Ask => talk.ask(wire).await,
            Self::TellSettings => talk.tell_settings(wire).await,
            Self::GiveUp => talk.give_up(wire).await,
            Self::SendCommands => talk.send_commands(wire).await,
        }
    }
}

/// A frame in a line of the trace.
fn short(frame: &str) -> String {
    const CHARS_MAX: usize = 150;
    frame.chars().take(CHARS_MAX).collect()
}
