//! Group commit: frames and readings of many connections in one transaction, answered after its commit (DESIGN § 7).
//!
//! A writer is a task with a bounded queue. It takes what has gathered while the last transaction committed, and a moment longer while
//! there is more than one message at a time; a single one waits for nobody. What it remembers of running transactions is a cache: used
//! only while it agrees with the session's row, under that row's lock, and thrown away after any failure.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::charging::hold::Verdict;
use domain::charging::session::{SessionEvent, SessionState};
use domain::{SessionId, TransactionId, Watt, Wh};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::flow::Brought;
use super::live::Live;
use super::store::{self, Running, RunningRow, SampleRow, TransactionRow};
use super::{Charging, ChargingError, MeterReport, Sample};
use crate::audit;
use crate::db::{self, Tx};
use crate::ocpp_logs::{self, NewFrame};
use crate::stations::{self, Lease};

/// Submissions that wait for a writer; a connection that finds the queue full waits at the door, and its socket with it.
const QUEUE_MAX: usize = 4096;
/// Submissions in one transaction: some thousand rows, a few milliseconds.
const BATCH_MAX: usize = 512;
/// While submissions come in company, a writer waits for more of it, half as long as its last transaction took but no longer than this: what a
/// transaction costs is then shared by more of them, and nobody's answer is late.
const GATHER_MAX: Duration = Duration::from_millis(20);
/// Running transactions that a writer remembers. More are read again with each reading.
const REMEMBERED_MAX: usize = 20_000;
/// Samples of one message that are taken; a StopTransaction may bring a day's.
const SAMPLES_MAX: usize = 5_000;

/// What a connection wants to be durable before it answers.
#[derive(Debug, Clone)]
pub struct Submission {
    pub lease: Lease,
    pub frames: Vec<NewFrame>,
    pub meter: Option<MeterReport>,
}

/// Why a submission is not durable: it must not be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// A newer connection has taken over: this one must end.
    #[error("the connection's epoch is over")]
    Fenced,
    /// The database did not take it. The charge point will say it again.
    #[error("the database did not take it")]
    Unavailable,
    /// The writer is gone: the process is shutting down.
    #[error("the writer has ended")]
    Closed,
}

/// Counters since the start.
#[derive(Debug, Default)]
pub struct IngestStats {
    pub submissions: AtomicU64,
    pub batches: AtomicU64,
    pub frames: AtomicU64,
    pub samples: AtomicU64,
    pub largest_batch: AtomicU64,
    pub failed_batches: AtomicU64,
    pub rebuilt: AtomicU64,
}

type Answer = oneshot::Sender<Result<(), IngestError>>;
type Queue = mpsc::Sender<(Submission, Option<Answer>)>;

/// The way to the writers. Cheap to clone; the writers end when the last clone is gone and the queue is empty.
#[derive(Debug, Clone)]
pub struct Ingest {
    queues: Arc<[Queue]>,
    stats: Arc<IngestStats>,
}

impl Ingest {
    /// Starts the writers on the database's task tracker.
    pub fn start(charging: &Charging) -> Self {
        let stats = Arc::new(IngestStats::default());
        let queues = (0..charging.settings.writers.clamp(1, 64))
            .map(|_| {
                let (sender, receiver) = mpsc::channel(QUEUE_MAX);
                let writer = Writer { charging: charging.clone(), cache: Arc::default(), stats: stats.clone() };
                charging.db.tracker().spawn(writer.run(receiver));
                sender
            })
            .collect();
        Self { queues, stats }
    }

    pub fn stats(&self) -> &IngestStats {
        &self.stats
    }

    /// Makes it durable. Returns after the commit.
    pub async fn write(&self, submission: Submission) -> Result<(), IngestError> {
        let (answer, answered) = oneshot::channel();
        self.queue(submission.lease).send((submission, Some(answer))).await.map_err(|_| IngestError::Closed)?;
        answered.await.map_err(|_| IngestError::Closed)?
    }

    /// Keeps frames that nothing waits for: those that went out. Returns when they are in the queue.
    pub async fn keep(&self, lease: Lease, frames: Vec<NewFrame>) -> Result<(), IngestError> {
        let submission = Submission { lease, frames, meter: None };
        self.queue(lease).send((submission, None)).await.map_err(|_| IngestError::Closed)
    }

    /// A charge point's rows always go through the same writer, in their order.
    fn queue(&self, lease: Lease) -> &mpsc::Sender<(Submission, Option<Answer>)> {
        let mut hasher = DefaultHasher::new();
        lease.charge_point.hash(&mut hasher);
        let queues = self.queues.len() as u64;
        let index = usize::try_from(hasher.finish() % queues).unwrap_or(0);
        &self.queues[index]
    }
}

type Cache = Arc<Mutex<HashMap<TransactionId, Live>>>;

struct Writer {
    charging: Charging,
    cache: Cache,
    stats: Arc<IngestStats>,
}

impl Writer {
    async fn run(self, mut queue: mpsc::Receiver<(Submission, Option<Answer>)>) {
        let mut batch = Vec::new();
        let mut gather = Duration::ZERO;
        loop {
            if queue.recv_many(&mut batch, BATCH_MAX).await == 0 {
                return;
            }
            if !gather.is_zero() && batch.len() < BATCH_MAX {
                tokio::time::sleep(gather).await;
                while batch.len() < BATCH_MAX
                    && let Ok(more) = queue.try_recv()
                {
                    batch.push(more);
                }
            }
            let in_company = batch.len() > 1;
            let began = Instant::now();
            let (submissions, answers): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
            let results = self.commit(submissions).await;
            gather = if in_company { (began.elapsed() / 2).min(GATHER_MAX) } else { Duration::ZERO };
            for (answer, result) in answers.into_iter().zip(results) {
                if let Some(answer) = answer {
                    // A connection that has gone does not wait any more.
                    let _ = answer.send(result);
                }
            }
        }
    }

    /// Writes the batch; when it fails as a whole, each submission on its own, so that a bad one costs only itself.
    async fn commit(&self, submissions: Vec<Submission>) -> Vec<Result<(), IngestError>> {
        let size = submissions.len();
        self.stats.submissions.fetch_add(size as u64, Ordering::Relaxed);
        self.stats.largest_batch.fetch_max(size as u64, Ordering::Relaxed);
        let submissions = Arc::new(submissions);
        match self.transaction(submissions.clone()).await {
            Ok(results) => results,
            Err(error) if size == 1 => {
                warn!(error = &error as &dyn std::error::Error, "The writer could not write");
                vec![Err(IngestError::Unavailable)]
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, size, "The writer could not write a batch; each by itself now");
                let mut results = Vec::with_capacity(size);
                for submission in submissions.iter() {
                    let one = self.transaction(Arc::new(vec![submission.clone()])).await;
                    results.push(match one {
                        Ok(mut results) => results.pop().unwrap_or(Err(IngestError::Unavailable)),
                        Err(error) => {
                            warn!(error = &error as &dyn std::error::Error, charge_point.id = %submission.lease.charge_point, "The writer could not write");
                            Err(IngestError::Unavailable)
                        }
                    });
                }
                results
            }
        }
    }

    async fn transaction(&self, submissions: Arc<Vec<Submission>>) -> Result<Vec<Result<(), IngestError>>, ChargingError> {
        self.stats.batches.fetch_add(1, Ordering::Relaxed);
        let touched: Arc<Mutex<Vec<Live>>> = Arc::default();
        let (charging, cache, stats) = (self.charging.clone(), self.cache.clone(), self.stats.clone());
        let done = {
            let (submissions, touched) = (submissions.clone(), touched.clone());
            db::tx(&self.charging.db, move |tx| {
                let batch = Batch { charging: charging.clone(), cache: cache.clone(), stats: stats.clone() };
                let (submissions, touched) = (submissions.clone(), touched.clone());
                async move {
                    let mut tx = tx;
                    let (results, live) = batch.write(&mut tx, &submissions).await?;
                    *lock(&touched) = live;
                    Ok::<_, ChargingError>(results)
                }
            })
            .await
        };
        match done {
            Ok(results) => {
                // Only now is it true.
                let mut cache = lock(&self.cache);
                for live in lock(&touched).drain(..) {
                    cache.insert(live.transaction, live);
                }
                if cache.len() > REMEMBERED_MAX {
                    debug!(remembered = cache.len(), "The writer forgets what it remembers");
                    cache.clear();
                }
                Ok(results)
            }
            Err(error) => {
                self.stats.failed_batches.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves at worst a cache that does not agree with the rows, which is noticed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One transaction of the writer.
struct Batch {
    charging: Charging,
    cache: Cache,
    stats: Arc<IngestStats>,
}

/// A report with the transaction that it is about.
struct Matched<'s> {
    report: &'s MeterReport,
    transaction: TransactionRow,
    interval: TimeDelta,
}

impl Batch {
    async fn write(
        &self,
        tx: &mut Tx,
        submissions: &[Submission],
    ) -> Result<(Vec<Result<(), IngestError>>, Vec<Live>), ChargingError> {
        let now = tx.now();
        // The charge points, in the order of their ids, each once; then everything of those that may still write.
        let leases: Vec<Lease> = submissions.iter().map(|s| s.lease).collect::<HashSet<_>>().into_iter().collect();
        let states = stations::fence_all(tx, &leases, now).await?;
        let intervals: HashMap<Lease, TimeDelta> = leases
            .iter()
            .zip(&states)
            .filter_map(|(lease, state)| Some((*lease, TimeDelta::seconds(i64::from((*state)?)))))
            .collect();
        let results = submissions
            .iter()
            .map(|s| if intervals.contains_key(&s.lease) { Ok(()) } else { Err(IngestError::Fenced) })
            .collect();
        // The frames of a fenced connection too are evidence of what came over it.
        let frames: Vec<&NewFrame> = submissions.iter().flat_map(|s| &s.frames).collect();
        self.stats.frames.fetch_add(frames.len() as u64, Ordering::Relaxed);
        ocpp_logs::append(tx, &frames).await?;
        let reports: Vec<(Lease, TimeDelta, &MeterReport)> =
            submissions.iter().filter_map(|s| Some((s.lease, *intervals.get(&s.lease)?, s.meter.as_ref()?))).collect();
        let live = if reports.is_empty() { vec![] } else { self.take_reports(tx, &reports).await? };
        Ok((results, live))
    }

    async fn take_reports(
        &self,
        tx: &mut Tx,
        reports: &[(Lease, TimeDelta, &MeterReport)],
    ) -> Result<Vec<Live>, ChargingError> {
        let now = tx.now();
        let matched = self.match_reports(tx, reports).await?;
        let events: Vec<_> = matched.iter().filter_map(|m| Some((m.transaction.id, m.report.seq_no?))).collect();
        let mut session_ids: Vec<_> = matched.iter().filter_map(|m| m.transaction.session).map(SessionId::as_uuid).collect();
        session_ids.sort_unstable();
        session_ids.dedup();
        let sessions: HashMap<SessionId, RunningRow> =
            store::lock_running(tx, &session_ids).await?.into_iter().map(|row| (row.id, row)).collect();

        // All reports of a transaction together, in the order in which they came.
        let mut by_transaction: BTreeMap<TransactionId, Vec<&Matched<'_>>> = BTreeMap::new();
        for one in &matched {
            // An event without readings is only counted.
            if !one.report.samples.is_empty() {
                by_transaction.entry(one.transaction.id).or_default().push(one);
            }
        }
        let mut kept = vec![];
        let mut rows: Vec<SampleRow> = vec![];
        let mut running = vec![];
        let mut thresholds = vec![];
        let mut revived = vec![];
        let mut aside = vec![];
        for reports in by_transaction.values() {
            let transaction = &reports[0].transaction;
            let session = transaction.session.and_then(|id| sessions.get(&id));
            let mut live = self.live(tx, transaction, session).await?;
            let new = self.new_samples(tx, &live, reports).await?;
            let (mut charge, mut fresh, mut told) = (None, false, false);
            for (sample, claimed_at, received_at) in new {
                charge = sample.state_of_charge_percent.or(charge);
                told = true;
                let Some(register) = sample.register else {
                    live.take_power(sample.power.unwrap_or(Watt::ZERO));
                    continue;
                };
                let taken = live.take(&sample, register, claimed_at, received_at, self.charging.settings.clock_skew);
                fresh |= taken.fresh;
                rows.push(SampleRow {
                    transaction: transaction.id,
                    ordinal: live.count,
                    claimed_at,
                    register,
                    sampled_at: taken.sampled_at,
                    received_at,
                    energy: taken.row_energy,
                    power: sample.power,
                    state_of_charge_percent: sample.state_of_charge_percent,
                    note: taken.note,
                });
            }
            if fresh && transaction.is_closed_as_lost() {
                revived.push(transaction.id);
            }
            if let (Some(session), true) = (session, told)
                && matches!(session.state, SessionState::Charging | SessionState::Stopping)
            {
                let (row, stop) = self.follow(&mut live, session, charge, fresh, reports[0].interval, now);
                if stop.is_none() && session.is_aside_due(now) {
                    aside.push((session.id, transaction.id));
                }
                running.push(row);
                thresholds.extend(stop);
            }
            kept.push(live);
        }
        self.stats.samples.fetch_add(rows.len() as u64, Ordering::Relaxed);
        store::insert_samples(&mut **tx, &rows).await?;
        store::save_running(&mut **tx, &running).await?;
        store::note_events(&mut **tx, &events).await?;
        for row in &running {
            self.charging.publish(tx, row.id);
        }
        for (session, error) in thresholds {
            self.charging.reached(tx, session, error).await?;
        }
        for transaction in revived {
            self.charging.stop_revived(tx, transaction).await?;
        }
        for (session, transaction) in aside {
            if let Some(live) = kept.iter().find(|live| live.transaction == transaction) {
                self.charging.follow_aside(tx, session, live).await?;
            }
        }
        Ok(kept)
    }

    /// The running values after the readings, and whether it must stop.
    #[allow(clippy::type_complexity, reason = "a pair, used once")]
    fn follow(
        &self,
        live: &mut Live,
        session: &RunningRow,
        charge: Option<u8>,
        fresh: bool,
        interval: TimeDelta,
        now: DateTime<Utc>,
    ) -> (Running, Option<(SessionId, Option<domain::tariffs::PriceError>)>) {
        let idle_since = live.idle_since(session.charger_paused, session.charger_resumed_at);
        live.set_idle_since(idle_since);
        let mut judge_at = session.judge_at;
        let mut stop = None;
        if session.state == SessionState::Charging {
            match live.judge(now, interval) {
                (Verdict::Stop, error) => stop = Some((session.id, error)),
                (Verdict::GoOn, _) => judge_at = Some(live.judge_at_or_before(judge_at, now, interval)),
            }
        }
        let row = Running {
            id: session.id,
            energy: live.energy(),
            // What cannot be priced stops the session; its cost stays where it was.
            cost: live.cost().unwrap_or_default(),
            power: live.shown_power(),
            state_of_charge_percent: charge,
            last_sample_at: live.last_at(),
            idle_since,
            sample_count: live.count,
            judge_at,
            lost_after: if fresh { None } else { session.lost_after },
        };
        (row, stop)
    }

    /// Finds the transaction of each report: by its id if it is one of this charge point, else by the connector.
    async fn match_reports<'s>(
        &self,
        tx: &mut Tx,
        reports: &[(Lease, TimeDelta, &'s MeterReport)],
    ) -> Result<Vec<Matched<'s>>, ChargingError> {
        let (mut ids, mut charge_points) = (vec![], vec![]);
        for (lease, _, report) in reports {
            if let Some(id) = report.transaction.and_then(|id| i32::try_from(id).ok()).filter(|id| *id > 0) {
                ids.push(id);
                charge_points.push(lease.charge_point.as_uuid());
            }
        }
        let by_id: HashMap<_, _> = if ids.is_empty() {
            HashMap::new()
        } else {
            store::transactions_of(&mut **tx, &ids, &charge_points)
                .await?
                .into_iter()
                .map(|row| ((row.charge_point, i64::from(row.id.0)), row))
                .collect()
        };
        let mut matched = vec![];
        for (lease, interval, report) in reports {
            let named = report.transaction.and_then(|id| by_id.get(&(lease.charge_point, id)));
            let transaction = match named {
                Some(row) => Some(row.clone()),
                // A register of the whole charge point (connector 0) is nobody's.
                None if report.evse_no == 0 => None,
                None => store::open_transactions(&mut **tx, lease.charge_point).await?.into_iter().find(|row| {
                    row.evse_no == report.evse_no && (report.connector_no == 0 || row.connector_no == report.connector_no)
                }),
            };
            if let Some(transaction) = transaction {
                matched.push(Matched { report, transaction, interval: *interval });
            }
        }
        Ok(matched)
    }

    /// What is remembered of the transaction, if it agrees with the session's row; else it is rebuilt.
    async fn live(
        &self,
        tx: &mut Tx,
        transaction: &TransactionRow,
        session: Option<&RunningRow>,
    ) -> Result<Live, ChargingError> {
        let remembered = lock(&self.cache).get(&transaction.id).cloned();
        if let Some(live) = remembered
            && live.agrees_with(transaction)
            && session.is_none_or(|session| session.sample_count == live.count)
        {
            return Ok(live);
        }
        self.stats.rebuilt.fetch_add(1, Ordering::Relaxed);
        let row = match transaction.session {
            Some(id) => store::session(&mut **tx, id).await?,
            None => None,
        };
        self.charging.rebuild(tx, transaction, row.as_ref()).await
    }

    /// The samples that are not kept already, with the times of their keys.
    async fn new_samples(
        &self,
        tx: &mut Tx,
        live: &Live,
        reports: &[&Matched<'_>],
    ) -> Result<Vec<(Sample, DateTime<Utc>, DateTime<Utc>)>, ChargingError> {
        let mut samples: Vec<_> = reports
            .iter()
            .flat_map(|m| {
                m.report.samples.iter().map(|s| (*s, s.claimed_at.unwrap_or(m.report.received_at), m.report.received_at))
            })
            .take(SAMPLES_MAX)
            .collect();
        let doubtful: Vec<(TransactionId, DateTime<Utc>, Wh)> = samples
            .iter()
            .filter(|(_, claimed_at, _)| live.may_know(*claimed_at))
            .filter_map(|(sample, claimed_at, _)| Some((live.transaction, *claimed_at, sample.register?)))
            .collect();
        let mut known: HashSet<(DateTime<Utc>, Wh)> =
            store::known_samples(&mut **tx, &doubtful).await?.into_iter().map(|(_, at, register)| (at, register)).collect();
        samples.retain(|(sample, claimed_at, _)| sample.register.is_none_or(|register| known.insert((*claimed_at, register))));
        Ok(samples)
    }
}

impl Charging {
    /// The stop threshold of a session is reached, by a reading or by the clock.
    pub(super) async fn reached(
        &self,
        tx: &mut Tx,
        session: SessionId,
        error: Option<domain::tariffs::PriceError>,
    ) -> Result<(), ChargingError> {
        let Some(mut row) = store::lock_session(tx, session).await? else { return Ok(()) };
        if let Some(error) = error {
            let detail = json!({ "error": error.to_string() });
            audit::raise_alert(tx, "session_not_priced", &session.to_string(), &detail).await?;
        }
        self.apply(tx, &mut row, SessionEvent::ThresholdReached, Brought::default()).await
    }
}
