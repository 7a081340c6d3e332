//! A proxy on the wire between the server and PostgreSQL that counts commits and calls a trap at a chosen one.
//!
//! With it the crash suite kills the server between any two durable steps without a line of test code in the server: just before a
//! `COMMIT` reaches PostgreSQL (nothing of the step remains) or just after it took effect, before the server hears of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

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
        let task = super::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (counter, shared, is_paused) = (Arc::clone(&counter), Arc::clone(&shared), is_paused.clone());
                super::spawn(async move {
                    // An error ends this one connection: the server sees a lost database connection, which is what a crash looks like.
                    let _ = forward(client, postgres, counter, shared, is_paused).await;
                });
            }
        });
        Self { address, commits, trap, paused, task }
    }

    /// Commits seen so far.
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
/// No message of the tests is larger; a broken length must not make the proxy allocate the world.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

async fn forward(
    client: TcpStream,
    postgres: SocketAddr,
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
    let mut answers = super::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await.map(|_| ()) });
    let requests = async {
        loop {
            let mut head = [0_u8; 5];
            from_client.read_exact(&mut head).await?;
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            let mut body = vec![0; length.saturating_sub(4).min(MESSAGE_BYTES_MAX)];
            from_client.read_exact(&mut body).await?;
            // The proxy that is gone pauses nothing.
            let _ = is_paused.wait_for(|paused| !paused).await;
            let is_commit = head[0] == SIMPLE_QUERY && body.len() >= 6 && body[..6].eq_ignore_ascii_case(b"commit");
            let springs = is_commit && {
                let count = commits.fetch_add(1, Ordering::SeqCst) + 1;
                trap.at_commit.compare_exchange(count, u64::MAX, Ordering::SeqCst, Ordering::SeqCst).is_ok()
            };
            if springs && !trap.after.load(Ordering::SeqCst) {
                spring(&trap);
                return Ok(());
            }
            if springs {
                // From here on the server hears nothing; PostgreSQL gets the commit and closes when it has done it.
                spring(&trap);
                answers.abort();
                let _ = (&mut answers).await;
            }
            to_server.write_all(&head).await?;
            to_server.write_all(&body).await?;
            if springs {
                // Terminate, so that PostgreSQL finishes the commit and goes; the read side is already given up.
                to_server.write_all(&[b'X', 0, 0, 0, 4]).await?;
                to_server.shutdown().await?;
                return Ok(());
            }
        }
    };
    let result: std::io::Result<()> = requests.await;
    drop(to_server);
    answers.abort();
    result
}

fn spring(trap: &Trap) {
    let spring = trap.spring.lock().expect("not poisoned").take();
    if let Some(spring) = spring {
        spring();
    }
}
