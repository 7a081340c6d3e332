//! The shell around a charger: a WebSocket, a timer, and a handle to act on it and to watch it.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use futures::{SinkExt as _, StreamExt as _};
use ocpp::v16::boot_notification::RegistrationStatus;
use ocpp::v16::status_notification::ErrorCode;
use ocpp::{Frame, Version};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::charger::{Act, Charger, Close, Input, Output};
use crate::rng::{Rng, seed_of};
use crate::{Car, ChargePointState, Clock, Config, Fault, Faults, system_clock};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Frames kept for assertions; the oldest go.
const MAX_RECORDED: usize = 10_000;
/// Acts that wait for the charger.
const MAX_COMMANDS: usize = 64;
/// A socket that takes no bytes for so long is dead.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long [`VirtualChargePoint::connect`] tries, and [`VirtualChargePoint::until`] waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// The timer looks at the clock at least so often, since the clock handed in may jump; and at most so often.
const MAX_SLEEP: Duration = Duration::from_secs(60);
const MIN_SLEEP: Duration = Duration::from_millis(5);
/// Sockets left half-open; more would only be a forgotten loop.
const MAX_HALF_OPEN: usize = 16;

/// Small buffers: a process may hold thousands of charge points.
pub(crate) fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(512 * 1024)
        .max_message_size(Some(2 * ocpp::frame::MAX_FRAME_BYTES))
        .max_frame_size(Some(2 * ocpp::frame::MAX_FRAME_BYTES))
}

/// Where a charge point connects to, and as what.
#[derive(Clone)]
pub struct ClientConfig {
    /// Without the identity: `ws://127.0.0.1:3000/ocpp`.
    pub url: String,
    /// For Basic auth (security profile 1).
    pub password: Option<String>,
    pub charger: Config,
    pub clock: Clock,
    /// For message ids and jitter; taken from the identity if not given.
    pub seed: Option<u64>,
    /// The first wait before connecting again; it doubles up to the second.
    pub reconnect_first_ms: u32,
    pub reconnect_max_ms: u32,
}

impl ClientConfig {
    pub fn new(url: impl Into<String>, charger: Config) -> Self {
        Self {
            url: url.into(),
            password: None,
            charger,
            clock: system_clock(),
            seed: None,
            reconnect_first_ms: 100,
            reconnect_max_ms: 10_000,
        }
    }

    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

/// Without the password: it must not get into a log.
impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig").field("url", &self.url).field("identity", &self.charger.identity).finish_non_exhaustive()
    }
}

/// Why there is no link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    #[error("the URL is not one of a WebSocket: {0}")]
    BadUrl(String),
    #[error("the central system refused the connection with HTTP {status}")]
    Refused { status: u16 },
    #[error("the central system does not speak the subprotocol: {0}")]
    Subprotocol(String),
    #[error("no connection: {0}")]
    Io(String),
    #[error("no connection within {0:?}")]
    TimedOut(Duration),
    #[error("the central system answered BootNotification with {0}")]
    NotAccepted(RegistrationStatus),
    #[error("the charge point was shut down")]
    ShutDown,
}

/// The awaited state did not come.
#[derive(Debug, Clone, thiserror::Error)]
#[error("not within {waited:?}; the state is {state:#?}")]
pub struct TimedOut {
    pub waited: Duration,
    pub state: Box<ChargePointState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameDirection {
    /// By the charge point.
    Sent,
    /// From the central system.
    Received,
}

#[derive(Debug, Clone)]
pub struct RecordedFrame {
    pub direction: FrameDirection,
    pub at: DateTime<Utc>,
    pub text: String,
}

impl RecordedFrame {
    /// The action and the payload, if it is a CALL.
    pub fn call(&self) -> Option<(String, Value)> {
        match Frame::parse(&self.text).ok()? {
            Frame::Call { action, payload, .. } => Some((action.into_owned(), serde_json::from_str(payload.get()).ok()?)),
            _ => None,
        }
    }

    fn id(&self) -> Option<String> {
        Frame::parse(&self.text).ok().map(|frame| frame.id().to_owned())
    }
}

/// All frames both ways.
struct Record {
    frames: Mutex<VecDeque<RecordedFrame>>,
    count: watch::Sender<u64>,
}

impl Record {
    fn add(&self, frame: RecordedFrame) {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if frames.len() >= MAX_RECORDED {
            frames.pop_front();
        }
        frames.push_back(frame);
        drop(frames);
        self.count.send_modify(|count| *count += 1);
    }

    fn all(&self) -> Vec<RecordedFrame> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

enum Command {
    Act(Box<Act>),
    /// Sends text as it is, between the charger's own frames.
    SendRaw(String),
}

/// A virtual charge point, connected or trying to be. Clones are handles of the same one; when the last is dropped, the link
/// is cut.
///
/// ```no_run
/// # async fn story() -> Result<(), simulator::ConnectError> {
/// use simulator::{ClientConfig, Config, VirtualChargePoint};
/// let config = ClientConfig::new("ws://127.0.0.1:3000/ocpp", Config::dc("CP-1").speed(20)).password("secret");
/// let car = VirtualChargePoint::connect(config).await?;
/// car.plug(1).await;
/// car.present_tag(1, "TAG-1").await;
/// car.until(|state| state.connector(1).is_charging()).await;
/// car.press_stop(1).await;
/// car.until(|state| state.connector(1).is_settled()).await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct VirtualChargePoint {
    identity: Arc<str>,
    commands: mpsc::Sender<(Command, oneshot::Sender<()>)>,
    state: watch::Receiver<ChargePointState>,
    trouble: watch::Receiver<Option<ConnectError>>,
    record: Arc<Record>,
    cancel: CancellationToken,
    tracker: TaskTracker,
}

impl fmt::Debug for VirtualChargePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualChargePoint").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl VirtualChargePoint {
    /// Switches it on; it connects by itself, and again whenever the link is lost.
    pub fn start(config: ClientConfig) -> Self {
        let seed = config.seed.unwrap_or_else(|| seed_of(&config.charger.identity));
        let charger = Charger::new(config.charger.clone(), seed);
        let (commands, received) = mpsc::channel(MAX_COMMANDS);
        let (state_sender, state) = watch::channel(charger.state());
        let (trouble_sender, trouble) = watch::channel(None);
        let record = Arc::new(Record { frames: Mutex::default(), count: watch::Sender::new(0) });
        let cancel = CancellationToken::new();
        let tracker = TaskTracker::new();
        let shell = Shell {
            charger,
            clock: config.clock.clone(),
            socket: None,
            half_open: Vec::new(),
            connecting: None,
            failures: 0,
            rng: Rng::new(seed.rotate_left(32)),
            state: state_sender,
            trouble: trouble_sender,
            record: Arc::clone(&record),
            config,
        };
        let identity = shell.config.charger.identity.as_str().into();
        tracker.spawn(shell.run(received, cancel.clone()));
        tracker.close();
        Self { identity, commands, state, trouble, record, cancel, tracker }
    }

    /// Switches it on and waits until the central system has accepted it.
    pub async fn connect(config: ClientConfig) -> Result<Self, ConnectError> {
        let this = Self::start(config);
        match tokio::time::timeout(PATIENCE, this.online()).await {
            Ok(Ok(())) => Ok(this),
            Ok(Err(error)) => {
                this.shutdown().await;
                Err(error)
            }
            Err(_) => {
                let error = this.trouble.borrow().clone().unwrap_or(ConnectError::TimedOut(PATIENCE));
                this.shutdown().await;
                Err(error)
            }
        }
    }

    /// Until it is accepted, or refused for good. A server that is not there yet may come.
    async fn online(&self) -> Result<(), ConnectError> {
        let (mut state, mut trouble) = (self.state.clone(), self.trouble.clone());
        loop {
            {
                let state = state.borrow_and_update();
                if state.is_online() {
                    return Ok(());
                }
                if let (true, Some(status)) = (state.is_linked, &state.registration) {
                    return Err(ConnectError::NotAccepted(status.clone()));
                }
            }
            if let Some(error) = trouble.borrow_and_update().clone()
                && !matches!(error, ConnectError::Io(_) | ConnectError::TimedOut(_))
            {
                return Err(error);
            }
            tokio::select! {
                changed = state.changed() => changed.map_err(|_| ConnectError::ShutDown)?,
                changed = trouble.changed() => changed.map_err(|_| ConnectError::ShutDown)?,
            }
        }
    }

    pub fn identity(&self) -> &str {
        &self.identity
    }

    // --- people ---

    /// Does it and returns when it is done: the state shows it, its frames are sent (their answers may not have come).
    pub async fn act(&self, act: Act) {
        self.command(Command::Act(Box::new(act))).await;
    }

    async fn command(&self, command: Command) {
        let (done, is_done) = oneshot::channel();
        // A charge point that is shut down does nothing any more.
        if self.commands.send((command, done)).await.is_ok() {
            let _ = is_done.await;
        }
    }

    /// A 60 kWh car, a fifth full, arrives.
    pub async fn plug(&self, connector: u32) {
        self.plug_car(connector, Car::default()).await;
    }

    pub async fn plug_car(&self, connector: u32, car: Car) {
        self.act(Act::Plug { connector, car }).await;
    }

    pub async fn unplug(&self, connector: u32) {
        self.act(Act::Unplug { connector }).await;
    }

    pub async fn present_tag(&self, connector: u32, id_tag: &str) {
        self.act(Act::PresentTag { connector, id_tag: id_tag.to_owned() }).await;
    }

    pub async fn press_stop(&self, connector: u32) {
        self.act(Act::PressStop { connector }).await;
    }

    pub async fn emergency_stop(&self) {
        self.act(Act::EmergencyStop).await;
    }

    /// The connector shows this error until [`Self::repair`].
    pub async fn break_connector(&self, connector: u32, error: ErrorCode) {
        self.act(Act::Break { connector, error }).await;
    }

    pub async fn repair(&self, connector: u32) {
        self.act(Act::Repair { connector }).await;
    }

    /// Somebody restarts it: transactions end with reason Reboot.
    pub async fn reboot(&self) {
        self.act(Act::RestartSoft).await;
    }

    pub async fn reboot_hard(&self) {
        self.act(Act::RestartHard).await;
    }

    pub async fn power_loss(&self) {
        self.act(Act::PowerLoss).await;
    }

    pub async fn power_back(&self) {
        self.act(Act::PowerBack).await;
    }

    /// The network cable is pulled: the link is gone without a word.
    pub async fn go_offline(&self) {
        self.act(Act::GoOffline).await;
    }

    pub async fn go_online(&self) {
        self.act(Act::GoOnline).await;
    }

    pub async fn set_fault(&self, fault: Fault) {
        self.act(Act::SetFault(fault)).await;
    }

    pub async fn clear_fault(&self, fault: Fault) {
        self.act(Act::ClearFault(fault)).await;
    }

    /// The network forgets the connection: the old socket stays open and silent, a new one is opened.
    pub async fn leave_half_open(&self) {
        self.act(Act::LeaveHalfOpen).await;
    }

    /// Sends a text as it is, over the charger's own socket.
    pub async fn send_raw(&self, text: impl Into<String>) {
        self.command(Command::SendRaw(text.into())).await;
    }

    /// Closes the link and ends; all clones of the handle are dead then.
    pub async fn shutdown(&self) {
        self.cancel.cancel();
        self.tracker.wait().await;
    }

    // --- watching ---

    pub fn state(&self) -> ChargePointState {
        self.state.borrow().clone()
    }

    /// All changes, for a page that follows it. Changes may be skipped, the last one never.
    pub fn watch(&self) -> watch::Receiver<ChargePointState> {
        self.state.clone()
    }

    /// Why the last attempt to connect failed; `None` while linked.
    pub fn trouble(&self) -> Option<ConnectError> {
        self.trouble.borrow().clone()
    }

    /// Waits for a state.
    pub async fn wait_for(
        &self,
        patience: Duration,
        mut is_there: impl FnMut(&ChargePointState) -> bool,
    ) -> Result<ChargePointState, TimedOut> {
        let mut watched = self.state.clone();
        let found = tokio::time::timeout(patience, watched.wait_for(|state| is_there(state))).await;
        match found {
            Ok(Ok(state)) => Ok(state.clone()),
            _ => Err(TimedOut { waited: patience, state: Box::new(self.state()) }),
        }
    }

    /// Waits for a state; for tests and scripts.
    ///
    /// # Panics
    /// If it does not come within half a minute; the message shows the state and the last frames.
    pub async fn until(&self, is_there: impl FnMut(&ChargePointState) -> bool) -> ChargePointState {
        match self.wait_for(PATIENCE, is_there).await {
            Ok(state) => state,
            Err(error) => panic!("{}: {error}\n{}", self.identity, self.last_frames()),
        }
    }

    /// Waits until the record of frames shows something; for tests and scripts.
    ///
    /// # Panics
    /// As [`Self::until`].
    pub async fn until_frames<T>(&self, mut find: impl FnMut(&[RecordedFrame]) -> Option<T>) -> T {
        let mut count = self.record.count.subscribe();
        let search = async {
            loop {
                count.borrow_and_update();
                if let Some(found) = find(&self.record.all()) {
                    return found;
                }
                if count.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!("{}: the awaited frames did not come\n{}", self.identity, self.last_frames()),
        }
    }

    /// Waits until it has sent so many CALLs with this action; returns their payloads.
    pub async fn until_sent(&self, action: &str, count: usize) -> Vec<Value> {
        self.until_frames(|frames| {
            let sent = calls(frames, FrameDirection::Sent, action);
            (sent.len() >= count).then_some(sent)
        })
        .await
    }

    /// Waits until so many of its CALLs with this action are answered; returns the answers.
    pub async fn until_answered(&self, action: &str, count: usize) -> Vec<Value> {
        self.until_frames(|frames| {
            let answers = answers(frames, action);
            (answers.len() >= count).then_some(answers)
        })
        .await
    }

    /// Waits until the central system has sent so many CALLs with this action; returns their payloads.
    pub async fn until_received(&self, action: &str, count: usize) -> Vec<Value> {
        self.until_frames(|frames| {
            let received = calls(frames, FrameDirection::Received, action);
            (received.len() >= count).then_some(received)
        })
        .await
    }

    /// All frames both ways, in order.
    pub fn frames(&self) -> Vec<RecordedFrame> {
        self.record.all()
    }

    /// The payloads of the CALLs with this action that it has sent.
    pub fn sent(&self, action: &str) -> Vec<Value> {
        calls(&self.frames(), FrameDirection::Sent, action)
    }

    /// The payloads of the CALLs with this action that the central system has sent.
    pub fn received(&self, action: &str) -> Vec<Value> {
        calls(&self.frames(), FrameDirection::Received, action)
    }

    /// The answers (CALLRESULT payloads) to its CALLs with this action.
    pub fn answers(&self, action: &str) -> Vec<Value> {
        answers(&self.frames(), action)
    }

    fn last_frames(&self) -> String {
        let frames = self.frames();
        let last = frames.iter().rev().take(20).rev();
        last.map(|frame| format!("{:?} {} {}\n", frame.direction, frame.at.to_rfc3339(), frame.text)).collect()
    }
}

fn calls(frames: &[RecordedFrame], direction: FrameDirection, action: &str) -> Vec<Value> {
    frames
        .iter()
        .filter(|frame| frame.direction == direction)
        .filter_map(RecordedFrame::call)
        .filter(|(found, _)| found == action)
        .map(|(_, payload)| payload)
        .collect()
}

fn answers(frames: &[RecordedFrame], action: &str) -> Vec<Value> {
    let asked: Vec<String> = frames
        .iter()
        .filter(|frame| frame.direction == FrameDirection::Sent)
        .filter(|frame| frame.call().is_some_and(|(found, _)| found == action))
        .filter_map(RecordedFrame::id)
        .collect();
    frames
        .iter()
        .filter(|frame| frame.direction == FrameDirection::Received)
        .filter_map(|frame| match Frame::parse(&frame.text).ok()? {
            Frame::CallResult { id, payload } if asked.iter().any(|asked| *asked == *id) => {
                serde_json::from_str(payload.get()).ok()
            }
            _ => None,
        })
        .collect()
}

type Connecting = Pin<Box<dyn Future<Output = Result<Socket, ConnectError>> + Send>>;

/// What runs in the task.
struct Shell {
    charger: Charger,
    config: ClientConfig,
    clock: Clock,
    socket: Option<Socket>,
    half_open: Vec<Socket>,
    connecting: Option<Connecting>,
    /// Attempts that failed since the last success.
    failures: u32,
    rng: Rng,
    state: watch::Sender<ChargePointState>,
    trouble: watch::Sender<Option<ConnectError>>,
    record: Arc<Record>,
}

impl Shell {
    async fn run(mut self, mut commands: mpsc::Receiver<(Command, oneshot::Sender<()>)>, cancel: CancellationToken) {
        loop {
            self.connect_if_wanted();
            let sleep = self.sleep();
            tokio::select! {
                () = cancel.cancelled() => break,
                command = commands.recv() => match command {
                    None => return,
                    Some((command, done)) => {
                        self.command(command).await;
                        let _ = done.send(());
                    }
                },
                result = connected(&mut self.connecting) => {
                    self.connecting = None;
                    self.linked(result).await;
                }
                message = received(&mut self.socket) => self.message(message).await,
                () = tokio::time::sleep(sleep) => self.input(Input::Tick).await,
            }
        }
        if let Some(mut socket) = self.socket.take() {
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, socket.close(None)).await;
        }
    }

    fn sleep(&self) -> Duration {
        let Some(wakeup) = self.charger.next_wakeup() else { return MAX_SLEEP };
        (wakeup - (self.clock)()).to_std().unwrap_or(MIN_SLEEP).clamp(MIN_SLEEP, MAX_SLEEP)
    }

    fn connect_if_wanted(&mut self) {
        if !self.charger.wants_link() {
            self.connecting = None;
            self.failures = 0;
        } else if self.socket.is_none() && self.connecting.is_none() {
            let wait = self.backoff();
            let (url, identity) = (self.config.url.clone(), self.config.charger.identity.clone());
            let password = self.charger.password().map(str::to_owned).or_else(|| self.config.password.clone());
            let (version, faults) = (self.config.charger.version, self.charger.faults().clone());
            self.connecting = Some(Box::pin(async move {
                tokio::time::sleep(wait).await;
                open(&url, &identity, password.as_deref(), version, &faults).await
            }));
        }
    }

    fn backoff(&mut self) -> Duration {
        if self.failures == 0 {
            return Duration::ZERO;
        }
        let doubled = u64::from(self.config.reconnect_first_ms.max(1)) << (self.failures - 1).min(20);
        let limit_ms = doubled.min(u64::from(self.config.reconnect_max_ms.max(1)));
        // From half of it to all of it: many that lose the link together must not come back together.
        Duration::from_millis(limit_ms / 2 + self.rng.below(limit_ms / 2 + 1))
    }

    async fn linked(&mut self, result: Result<Socket, ConnectError>) {
        match result {
            Ok(socket) => {
                self.socket = Some(socket);
                self.failures = 0;
                self.trouble.send_replace(None);
                self.input(Input::LinkUp).await;
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                tracing::debug!(identity = %self.config.charger.identity, %error, "No link to the central system");
                self.trouble.send_replace(Some(error));
            }
        }
    }

    async fn message(&mut self, message: Option<Result<Message, tungstenite::Error>>) {
        match message {
            Some(Ok(Message::Text(text))) => {
                self.record(FrameDirection::Received, text.as_str());
                self.input(Input::Frame(text.as_str())).await;
            }
            // Pings are answered by the library.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                self.socket = None;
                // A server that takes connections and drops them is not to be hammered.
                self.failures = self.failures.max(1);
                self.input(Input::LinkDown).await;
            }
        }
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Act(act) => self.input(Input::Act(*act)).await,
            Command::SendRaw(text) => self.send(text).await,
        }
    }

    fn record(&self, direction: FrameDirection, text: &str) {
        let frame = RecordedFrame { direction, at: (self.clock)(), text: text.to_owned() };
        self.record.add(frame);
    }

    /// Tells the charger and does what it says.
    async fn input(&mut self, input: Input<'_>) {
        let mut outputs = VecDeque::from(self.charger.handle(input, (self.clock)()));
        while let Some(output) = outputs.pop_front() {
            match output {
                Output::Send(text) => {
                    self.send(text).await;
                    if self.socket.is_none() {
                        // The socket died under the frame.
                        outputs.extend(self.charger.handle(Input::LinkDown, (self.clock)()));
                    }
                }
                Output::CloseLink(close) => {
                    let Some(mut socket) = self.socket.take() else { continue };
                    match close {
                        Close::Clean => {
                            let _ = tokio::time::timeout(CLOSE_TIMEOUT, socket.close(None)).await;
                        }
                        Close::Abrupt => drop(socket),
                        Close::HalfOpen => {
                            if self.half_open.len() >= MAX_HALF_OPEN {
                                self.half_open.remove(0);
                            }
                            self.half_open.push(socket);
                        }
                    }
                }
                Output::Fact(fact) => tracing::debug!(identity = %self.config.charger.identity, ?fact, "Charge point"),
            }
        }
        let state = self.charger.state();
        self.state.send_if_modified(|current| {
            let is_new = *current != state;
            *current = state;
            is_new
        });
    }

    async fn send(&mut self, text: String) {
        let Some(socket) = &mut self.socket else { return };
        let frame = RecordedFrame { direction: FrameDirection::Sent, at: (self.clock)(), text: text.clone() };
        // Before sending: its answer must not be recorded before it.
        self.record.add(frame);
        let sent = tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::text(text))).await;
        if !matches!(sent, Ok(Ok(()))) {
            self.socket = None;
        }
    }
}

async fn connected(connecting: &mut Option<Connecting>) -> Result<Socket, ConnectError> {
    match connecting {
        Some(connecting) => connecting.await,
        None => std::future::pending().await,
    }
}

async fn received(socket: &mut Option<Socket>) -> Option<Result<Message, tungstenite::Error>> {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

/// The URL of a charge point: the identity is its last segment, percent-encoded (OCPP-J 1.6 § 3.1.1).
pub fn charge_point_url(url: &str, identity: &str) -> String {
    let mut full = format!("{}/", url.trim_end_matches('/'));
    for byte in identity.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            full.push(char::from(byte));
        } else {
            full.push_str(&format!("%{byte:02X}"));
        }
    }
    full
}

/// The value of an Authorization header.
pub(crate) fn basic_auth(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
}

/// Opens a socket with the subprotocol of the version, unless the handshake is one of the faults.
pub(crate) async fn open(
    url: &str,
    identity: &str,
    password: Option<&str>,
    version: Version,
    faults: &Faults,
) -> Result<Socket, ConnectError> {
    let mut url = charge_point_url(url, identity);
    if faults.has(&Fault::TrailingSlash) {
        url.push('/');
    }
    let mut request = url.as_str().into_client_request().map_err(|error| ConnectError::BadUrl(error.to_string()))?;
    let headers = request.headers_mut();
    let subprotocol = HeaderValue::from_static(version.subprotocol());
    if !faults.has(&Fault::NoSubprotocol) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    if let Some(password) = password {
        let mut credentials = basic_auth(identity, password);
        if faults.has(&Fault::LowerCaseBasicAuth) {
            credentials.replace_range(..1, "b");
        }
        let value = HeaderValue::from_str(&credentials);
        headers.insert(header::AUTHORIZATION, value.map_err(|error| ConnectError::BadUrl(error.to_string()))?);
    }
    let connect = tokio_tungstenite::connect_async_with_config(request, Some(websocket_config()), true);
    match tokio::time::timeout(CONNECT_TIMEOUT, connect).await {
        Err(_) => Err(ConnectError::TimedOut(CONNECT_TIMEOUT)),
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(tungstenite::Error::Http(response))) => Err(ConnectError::Refused { status: response.status().as_u16() }),
        Ok(Err(tungstenite::Error::Url(error))) => Err(ConnectError::BadUrl(error.to_string())),
        Ok(Err(tungstenite::Error::Protocol(error @ tungstenite::error::ProtocolError::SecWebSocketSubProtocolError(_)))) => {
            Err(ConnectError::Subprotocol(error.to_string()))
        }
        Ok(Err(error)) => Err(ConnectError::Io(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_percent_encoded() {
        assert_eq!(charge_point_url("ws://h/ocpp/", "CP 1/ж"), "ws://h/ocpp/CP%201%2F%D0%B6");
    }

    #[test]
    fn the_password_is_not_shown() {
        let config = ClientConfig::new("ws://h/ocpp", Config::ac("CP-1")).password("hunter2");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
