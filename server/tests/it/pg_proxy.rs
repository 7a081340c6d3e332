//! A proxy on the wire between the server and PostgreSQL that counts commits, or all statements, and calls a trap at a chosen one.
//!
//! With it the crash suite kills the server between any two durable steps without a line of test code in the server: just before a
//! `COMMIT` reaches PostgreSQL (nothing of the step remains) or just after it took effect, before the server hears of it. The seeded
//! fault runs do the same at any statement, and also cut single connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    Commits,
    /// Each execution, `BEGIN` and `COMMIT` too. What is only prepared is not counted: that depends on what was prepared before.
    Statements,
}

impl Counted {
    fn counts(self, kind: u8, body: &[u8]) -> bool {
        match self {
            Self::Commits => kind == SIMPLE_QUERY && body.len() >= 6 && body[..6].eq_ignore_ascii_case(b"commit"),
            Self::Statements => kind == SIMPLE_QUERY || kind == EXECUTE,
        }
    }
}

/// On which side of the commit the trap springs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    BeforeCommit,
    AfterCommit,
}

/// What the proxy does at the commit it waits for.
type Spring = Arc<dyn Fn() + Send + Sync>;

struct Trap {
    at_commit: AtomicU64,
    after: AtomicBool,
    spring: std::sync::Mutex<Option<Spring>>,
}

/// The running proxy.
pub struct PgProxy {
    pub address: SocketAddr,
    commits: Arc<AtomicU64>,
    trap: Arc<Trap>,
    paused: tokio::sync::watch::Sender<bool>,
    gone: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for PgProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PgProxy {
    /// Listens on a free port and forwards to PostgreSQL.
    pub async fn start(postgres: SocketAddr) -> Self {
        Self::counting(postgres, Counted::Commits).await
    }

    /// The same with a choice of what is counted.
    pub async fn counting(postgres: SocketAddr, counted: Counted) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let commits = Arc::new(AtomicU64::new(0));
        let trap = Arc::new(Trap {
            at_commit: AtomicU64::new(u64::MAX),
            after: AtomicBool::new(false),
            spring: std::sync::Mutex::new(None),
        });
        let (counter, shared) = (Arc::clone(&commits), Arc::clone(&trap));
        let (paused, is_paused) = tokio::sync::watch::channel(false);
        let gone = CancellationToken::new();
        let closed = gone.clone();
        let task = super::spawn(async move {
            loop {
                let client = tokio::select! {
                    biased;
                    () = closed.cancelled() => return,
                    accepted = listener.accept() => match accepted {
                        Ok((client, _)) => client,
                        Err(_) => return,
                    },
                };
                let (counter, shared, is_paused) = (Arc::clone(&counter), Arc::clone(&shared), is_paused.clone());
                let closed = closed.clone();
                super::spawn(async move {
                    // An error ends this one connection: the server sees a lost database connection, which is what a crash looks like.
                    let forwarding = forward(client, postgres, counted, counter, shared, is_paused);
                    let _ = closed.run_until_cancelled(forwarding).await;
                });
            }
        });
        Self { address, commits, trap, paused, gone, task }
    }

    /// Nothing passes any more, in either direction and for ever.
    pub fn close(&self) {
        self.gone.cancel();
    }

    /// What is counted, seen so far.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    /// PostgreSQL gets nothing more, and the connections stand: a database that is there and silent.
    pub fn pause(&self) {
        self.paused.send_replace(true);
    }

    /// What was held back goes on in its order.
    pub fn resume(&self) {
        self.paused.send_replace(false);
    }

    /// Springs at the `nth` commit from now (1 is the next).
    pub fn set_trap(&self, nth: u64, side: Side, spring: impl Fn() + Send + Sync + 'static) {
        *self.trap.spring.lock().expect("not poisoned") = Some(Arc::new(spring));
        self.trap.after.store(side == Side::AfterCommit, Ordering::SeqCst);
        self.trap.at_commit.store(self.commits() + nth, Ordering::SeqCst);
    }

    /// Whether the trap is still waiting.
    pub fn trap_is_set(&self) -> bool {
        self.trap.at_commit.load(Ordering::SeqCst) != u64::MAX
    }

    /// Removes a trap that has not sprung.
    pub fn clear_trap(&self) {
        self.trap.at_commit.store(u64::MAX, Ordering::SeqCst);
    }
}

/// A simple query is `Q`, a length of four bytes, the text, a zero.
const SIMPLE_QUERY: u8 = b'Q';
/// Runs what was prepared and bound before.
const EXECUTE: u8 = b'E';
/// No message of the tests is larger; a broken length must not make the proxy allocate the world.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

async fn forward(
    client: TcpStream,
    postgres: SocketAddr,
    counted: Counted,
    commits: Arc<AtomicU64>,
    trap: Arc<Trap>,
    mut is_paused: tokio::sync::watch::Receiver<bool>,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let server = TcpStream::connect(postgres).await?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    // The first message (start-up, or a request for TLS that is answered with one byte) has a length and no type.
    loop {
        let mut head = [0_u8; 8];
        from_client.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let code = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        if code == 80_877_103 || code == 80_877_104 {
            to_client.write_all(b"N").await?;
            continue;
        }
        let mut rest = vec![0; length.saturating_sub(8).min(MESSAGE_BYTES_MAX)];
        from_client.read_exact(&mut rest).await?;
        to_server.write_all(&head).await?;
        to_server.write_all(&rest).await?;
        break;
    }
    let muted = Arc::new(AtomicBool::new(false));
    let is_muted = Arc::clone(&muted);
    let mut answers = AbortOnDropHandle::new(super::spawn(async move {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            match from_server.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) if is_muted.load(Ordering::SeqCst) => {}
                Ok(read) => {
                    if to_client.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }));
    loop {
        let mut head = [0_u8; 5];
        from_client.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; length.saturating_sub(4).min(MESSAGE_BYTES_MAX)];
        from_client.read_exact(&mut body).await?;
        // The proxy that is gone pauses nothing.
        let _ = is_paused.wait_for(|paused| !paused).await;
        let springs = counted.counts(head[0], &body) && {
            let count = commits.fetch_add(1, Ordering::SeqCst) + 1;
            trap.at_commit.compare_exchange(count, u64::MAX, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        };
        if springs {
            // From here on the server hears nothing.
            muted.store(true, Ordering::SeqCst);
        }
        if !springs || trap.after.load(Ordering::SeqCst) {
            to_server.write_all(&head).await?;
            to_server.write_all(&body).await?;
        }
        if springs {
            // Terminate, so that PostgreSQL finishes what it has got, undoes the rest and goes; only when it has gone does the trap
            // spring, so that whoever comes next finds no lock of this connection.
            to_server.write_all(&[b'X', 0, 0, 0, 4]).await?;
            to_server.shutdown().await?;
            let _ = (&mut answers).await;
            spring(&trap);
            return Ok(());
        }
    }
}

fn spring(trap: &Trap) {
    let spring = trap.spring.lock().expect("not poisoned").take();
    if let Some(spring) = spring {
        spring();
    }
}
