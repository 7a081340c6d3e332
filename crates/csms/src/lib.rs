//! The charge points' side: the WebSocket endpoint `/ocpp/{identity}`, one actor a connection, one handler a message.
//!
//! Translates OCPP into the platform's neutral reports, and the platform's commands into OCPP. Knows no SQL, no pages, no payments and
//! no prices: what a message *means* is decided by `platform::charging`, and nothing is answered before it is durable there.
//!
//! A new protocol version is a folder beside [`v16`] and a row in [`protocol::Protocol`].

mod admission;
mod certificate_request;
mod connection;
mod conversation;
mod dispatch;
mod endpoint;
mod handler;
mod kept;
mod lessons;
pub mod operator;
mod protocol;
mod registry;
mod v16;
mod v201;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::ChargePointId;
use platform::Bus;
use platform::certificates::{CertificateAuthority, Certificates};
use platform::charging::{Charging, Ingest, IngestStats};
use platform::quirks::{Quirk, Quirks};
use platform::refusals::Refusals;
use platform::stations::Stations;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use admission::{AdmissionFigures, AdmissionSettings, Rate};
pub use conversation::{Conversation, End, Wire};
pub use endpoint::{Peer, router};
pub use registry::Counters;

/// What can be set.
#[derive(Debug, Clone)]
pub struct CsmsSettings {
    /// The name of this node, kept with each connection.
    pub node: String,
    /// We ping this often, so that a half-open socket is found out (field case 4).
    pub ping_every: Duration,
    /// Pings without any frame in return before the socket is given up.
    pub missed_pings_max: u32,
    /// How long a charge point may take to answer a CALL of ours.
    pub answer_within: Duration,
    /// What charge points are told to send heartbeats at. Any frame proves life, so this can be slow.
    pub heartbeat_interval_s: u32,
    /// A charge point that has told nothing of itself by then only lost its link: it is asked.
    pub ask_status_after: Duration,
    /// Connections at the same time; the next one is told to come again later.
    pub connections_max: usize,
    /// Signs the charge points' certificates.
    pub authority: Option<Arc<CertificateAuthority>>,
    /// How fast they may come in.
    pub admission: AdmissionSettings,
    /// Where the connections run; `None` is where the central system was made. With one of its own, a page waits for no queue of sockets.
    pub runtime: Option<Handle>,
}

impl Default for CsmsSettings {
    fn default() -> Self {
        Self {
            node: "node-1".to_owned(),
            ping_every: Duration::from_secs(50),
            missed_pings_max: 2,
            answer_within: Duration::from_secs(30),
            heartbeat_interval_s: 300,
            ask_status_after: Duration::from_secs(10),
            connections_max: 20_000,
            authority: None,
            admission: AdmissionSettings::default(),
            runtime: None,
        }
    }
}

/// The central system. Cheap to clone.
#[derive(Clone)]
pub struct Csms(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) stations: Stations,
    pub(crate) charging: Charging,
    pub(crate) ingest: Ingest,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) settings: CsmsSettings,
    pub(crate) admission: admission::Admission,
    pub(crate) refusals: Refusals,
    pub(crate) quirks: Quirks,
    pub(crate) certificates: Certificates,
    pub(crate) registry: registry::Registry,
    pub(crate) shutdown: CancellationToken,
    pub(crate) runtime: Handle,
    pub(crate) tasks: TaskTracker,
}

impl Csms {
    /// Starts the dispatcher of commands, so it is called within a runtime.
    pub fn new(stations: Stations, charging: Charging, ingest: Ingest, bus: Arc<dyn Bus>, settings: CsmsSettings) -> Self {
        let refusals = Refusals::new(stations.db().clone());
        let csms = Self(Arc::new(Inner {
            admission: admission::Admission::new(settings.admission, tokio::time::Instant::now()),
            refusals: refusals.clone(),
            quirks: Quirks::new(stations.db().clone()),
            certificates: Certificates::new(stations.db().clone(), bus.clone(), settings.authority.clone()),
            stations,
            charging,
            ingest,
            bus,
            runtime: settings.runtime.clone().unwrap_or_else(Handle::current),
            settings,
            registry: registry::Registry::default(),
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }));
        csms.0.tasks.spawn_on(dispatch::run(csms.clone()), &csms.0.runtime);
        csms.0.tasks.spawn(refusals.run(csms.0.shutdown.clone()));
        csms
    }

    /// Figures of the writers behind all connections.
    pub fn ingest_stats(&self) -> &IngestStats {
        self.0.ingest.stats()
    }

    /// A charge point has shown a quirk. That it could not be kept costs nothing: it will be shown again.
    pub(crate) async fn propose(&self, charge_point: ChargePointId, quirk: Quirk, evidence: serde_json::Value) {
        if let Err(error) = self.0.quirks.propose(charge_point, quirk, evidence).await {
            tracing::warn!(error = &error as &dyn std::error::Error, quirk = quirk.as_str(), "A quirk could not be proposed");
        }
    }

    /// What charge points get wrong.
    pub fn quirks(&self) -> &Quirks {
        &self.0.quirks
    }

    /// The charge points' certificates.
    pub fn certificates(&self) -> &Certificates {
        &self.0.certificates
    }

    /// Those who were not let in.
    pub fn refusals(&self) -> &Refusals {
        &self.0.refusals
    }

    /// Figures for the bench and the metrics.
    pub fn counters(&self) -> &Counters {
        self.0.registry.counters()
    }

    /// How full it was at the door.
    pub fn admission(&self) -> &AdmissionFigures {
        &self.0.admission.figures
    }

    /// What this charge point is told to send heartbeats at: each a little different, and slower the more there are.
    pub(crate) fn heartbeat_interval_s(&self, charge_point: ChargePointId) -> u32 {
        let connections = self.counters().connections.load(Ordering::Relaxed);
        admission::heartbeat_interval_s(self.0.settings.heartbeat_interval_s, connections, &charge_point.to_string())
    }

    /// Closes all sockets with 1012 (service restart) and waits until their last frames are kept.
    pub async fn shut_down(&self) {
        self.0.shutdown.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}
