//! One statement for many connections: what comes while it runs waits, and goes into the next one together. The more there are, the less each
//! costs, and the database works on one statement of a kind at a time however many wait for it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::db::Db;

/// Questions in one statement: some milliseconds of the database.
const TOGETHER_MAX: usize = 128;

type Answers<A> = Pin<Box<dyn Future<Output = Result<Vec<A>, sqlx::Error>> + Send>>;
type Statement<Q, A> = dyn Fn(Db, Vec<Q>) -> Answers<A> + Send + Sync;
type Waiting<Q, A> = (Q, oneshot::Sender<Result<A, sqlx::Error>>);

/// The way to a statement that answers many questions at once. Cheap to clone.
pub(crate) struct Gather<Q, A> {
    db: Db,
    inner: Arc<Inner<Q, A>>,
}

struct Inner<Q, A> {
    /// Gives an answer to each question, in their order.
    statement: Box<Statement<Q, A>>,
    state: Mutex<State<Q, A>>,
}

struct State<Q, A> {
    waiting: Vec<Waiting<Q, A>>,
    is_running: bool,
}

impl<Q: Clone + Send + 'static, A: Send + 'static> Gather<Q, A> {
    pub(crate) fn new<S, F>(db: Db, statement: S) -> Self
    where
        S: Fn(Db, Vec<Q>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Vec<A>, sqlx::Error>> + Send + 'static,
    {
        let statement: Box<Statement<Q, A>> = Box::new(move |db, questions| Box::pin(statement(db, questions)));
        let state = Mutex::new(State { waiting: Vec::new(), is_running: false });
        Self { db, inner: Arc::new(Inner { statement, state }) }
    }

    /// The answer of the statement. Whoever does not wait for it only misses it.
    pub(crate) async fn ask(&self, question: Q) -> Result<A, sqlx::Error> {
        let (answer, answered) = oneshot::channel();
        let is_first = {
            let mut state = self.inner.lock();
            state.waiting.push((question, answer));
            !std::mem::replace(&mut state.is_running, true)
        };
        if is_first {
            // In a task of its own: the one who came first may go, the others stay.
            self.db.tracker().spawn(run(self.db.clone(), Running(self.inner.clone())));
        }
        answered.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }
}

impl<Q, A> Clone for Gather<Q, A> {
    fn clone(&self) -> Self {
        Self { db: self.db.clone(), inner: self.inner.clone() }
    }
}

impl<Q, A> fmt::Debug for Gather<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").finish_non_exhaustive()
    }
}

impl<Q, A> Inner<Q, A> {
    fn lock(&self) -> MutexGuard<'_, State<Q, A>> {
        // Nothing that can panic happens under it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the run also when the statement panics: those who wait then hear of it.
struct Running<Q, A>(Arc<Inner<Q, A>>);

impl<Q, A> Running<Q, A> {
    /// What has gathered. When that is nothing, the run is over.
    fn next(&self) -> Option<Vec<Waiting<Q, A>>> {
        let mut state = self.0.lock();
        if state.waiting.is_empty() {
            state.is_running = false;
            return None;
        }
        let count = state.waiting.len().min(TOGETHER_MAX);
        Some(state.waiting.drain(..count).collect())
    }
}

impl<Q, A> Drop for Running<Q, A> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut state = self.0.lock();
            state.is_running = false;
            state.waiting.clear();
        }
    }
}

async fn run<Q: Clone, A>(db: Db, running: Running<Q, A>) {
    while let Some(waiting) = running.next() {
        let questions = waiting.iter().map(|(question, _)| question.clone()).collect();
        let answers = (running.0.statement)(db.clone(), questions).await;
        match answers {
            Ok(answers) => {
                for ((_, waits), answer) in waiting.into_iter().zip(answers) {
                    // Who has gone does not wait any more.
                    let _ = waits.send(Ok(answer));
                }
            }
            // Each by itself: a bad one costs only itself.
            Err(error) if waiting.len() > 1 => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    count = waiting.len(),
                    "A gathered statement failed; each by itself now"
                );
                for (question, waits) in waiting {
                    let answer = (running.0.statement)(db.clone(), vec![question]).await;
                    let _ = waits.send(answer.and_then(|mut answers| answers.pop().ok_or(sqlx::Error::RowNotFound)));
                }
            }
            Err(error) => {
                if let Some((_, waits)) = waiting.into_iter().next() {
                    let _ = waits.send(Err(error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::testing::TestDb;

    #[tokio::test]
    async fn what_comes_while_a_statement_runs_goes_into_the_next_one_together() {
        let test = TestDb::new().await;
        let statements = Arc::new(AtomicUsize::new(0));
        let counted = statements.clone();
        let gather: Gather<i64, i64> = Gather::new(test.db.clone(), move |db: Db, questions: Vec<i64>| {
            counted.fetch_add(1, Ordering::Relaxed);
            async move {
                sqlx::query_scalar("select 2 * q from unnest($1::int8[]) with ordinality as q (q, n) order by n")
                    .bind(questions)
                    .fetch_all(db.pool())
                    .await
            }
        });
        let answers = futures::future::try_join_all((0..300).map(|n| gather.ask(n))).await.unwrap();
        assert_eq!(answers, (0..300).map(|n| 2 * n).collect::<Vec<i64>>());
        assert_eq!(statements.load(Ordering::Relaxed), 300_usize.div_ceil(TOGETHER_MAX));
        assert_eq!(gather.ask(7).await.unwrap(), 14);
    }

    #[tokio::test]
    async fn a_question_that_breaks_the_statement_costs_only_itself() {
        let test = TestDb::new().await;
        let gather: Gather<i64, i64> = Gather::new(test.db.clone(), |db: Db, questions: Vec<i64>| async move {
            sqlx::query_scalar("select 6 / q from unnest($1::int8[]) with ordinality as q (q, n) order by n")
                .bind(questions)
                .fetch_all(db.pool())
                .await
        });
        let answers = futures::future::join_all([1, 0, 3].map(|n| gather.ask(n))).await;
        assert_eq!(answers.into_iter().map(Result::ok).collect::<Vec<_>>(), [Some(6), None, Some(2)]);
    }

    #[tokio::test]
    async fn a_defect_is_told_to_all_that_wait_and_the_next_is_answered() {
        let test = TestDb::new().await;
        let gather = Gather::new(test.db.clone(), |_: Db, questions: Vec<i64>| async move {
            assert!(!questions.contains(&0), "a defect");
            Ok(questions)
        });
        let (bad, after_it) = tokio::join!(gather.ask(0), gather.ask(1));
        assert!(matches!((bad, after_it), (Err(sqlx::Error::WorkerCrashed), Err(sqlx::Error::WorkerCrashed))));
        assert_eq!(gather.ask(2).await.unwrap(), 2);
    }
}
