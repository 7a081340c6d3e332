//! One PostgreSQL cluster: its directory, its server process, its address.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::binaries::Binaries;
use crate::user::RunAs;

/// The superuser of a private cluster.
pub(crate) const USER: &str = "evp";
/// Crash recovery of a big data directory may take long; a healthy start takes a tenth of a second.
const START_TIMEOUT: Duration = Duration::from_secs(90);
/// A fast shutdown writes one checkpoint.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// Between finding a free port and PostgreSQL taking it another process may take it: then with another port.
const PORT_ATTEMPTS: usize = 5;
/// The log starts anew when it is bigger.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Whether commits survive a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// As in production.
    On,
    /// For tests: commits survive the death of any process, but not of the machine.
    Off,
}

/// How to start a cluster.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the cluster lives. It is made when missing and kept between runs.
    pub dir: PathBuf,
    pub fsync: Fsync,
    /// `None`: a free one is found at each start.
    pub port: Option<u16>,
    pub max_connections: u16,
    /// More of PostgreSQL's settings, by name and value.
    pub settings: Vec<(&'static str, &'static str)>,
}

impl Options {
    /// A cluster that keeps what it is given, as `make run` wants it.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        // 100 connections: one server with its pool, and a person with psql.
        Self { dir: dir.into(), fsync: Fsync::On, port: None, max_connections: 100, settings: vec![] }
    }
}

/// A running cluster of our own. It stops when this value is dropped and when this process dies, be it by SIGKILL.
#[derive(Debug)]
pub struct Cluster {
    home: Home,
    address: Address,
    supervisor: Supervisor,
}

impl Cluster {
    /// Starts the cluster and returns when it takes connections. A second start on the same directory is instant: what is
    /// left of a killed run is stopped first; a directory that a living process uses is refused.
    ///
    /// Blocks for up to a few seconds (the first time for `initdb`): call it before the runtime or on a blocking thread.
    pub fn start(options: &Options) -> Result<Self> {
        let home = Home::open(&options.dir)?;
        let lock = home.lock_file("owner.lock")?;
        if lock.try_lock().is_err() {
            bail!("another running process uses the database in {}: stop it first", home.dir.display());
        }
        home.stop_leftover()?;
        home.initialise(options.fsync)?;
        let (address, child) = home.launch(options, Tie::Parent)?;
        tracing::info!(port = address.port, dir = %home.dir.display(), "Started PostgreSQL {}", home.binaries.version());
        Ok(Self { home, address, supervisor: Supervisor { child: Some(child), _lock: lock } })
    }

    /// The URL of a database of this cluster. It holds the password.
    pub fn url(&self, database: &str) -> String {
        self.address.url(database)
    }

    /// The loopback port.
    pub const fn port(&self) -> u16 {
        self.address.port
    }

    /// Where the data and the log are; not always the directory that was asked for (root's databases live elsewhere).
    pub fn dir(&self) -> &Path {
        &self.home.dir
    }

    /// Stops the cluster and says when that failed; dropping does the same silently.
    pub fn stop(mut self) -> Result<()> {
        self.supervisor.stop()
    }
}

/// The shell that watches over `postgres`, and the proof that the directory is ours.
#[derive(Debug)]
struct Supervisor {
    child: Option<Child>,
    _lock: File,
}

impl Supervisor {
    fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        drop(child.stdin.take());
        let deadline = Instant::now() + STOP_TIMEOUT;
        while child.try_wait().context("waiting for PostgreSQL to stop")?.is_none() {
            if Instant::now() > deadline {
                bail!("PostgreSQL did not stop within {STOP_TIMEOUT:?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!(%error, "PostgreSQL was left running");
        }
    }
}

/// Where a cluster listens.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) port: u16,
    pub(crate) password: String,
}

impl Address {
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }
}

/// What the server's life hangs on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tie {
    /// The process that started it.
    Parent,
    /// Its users: it stops when nobody has held `users.lock` for ten minutes.
    Users,
}

/// Waits for the end of its input, which comes when the parent closes the pipe or dies in whatever way, then stops the
/// server. A shell does it, because the parent-death signal of Linux follows the *thread* that forked, and needs unsafe code.
const SUPERVISE_FOR_PARENT: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
trap '' INT TERM HUP
{ cat <&3 >/dev/null; kill -INT "$server"; } 2>/dev/null &
exec 3<&-
wait "$server"
"#;

/// Looks every 15 s whether anybody holds the lock file $1; after 40 idle looks it stops the server, holding the lock, so
/// that a newcomer waits for the end and starts afresh.
const SUPERVISE_FOR_USERS: &str = r#"
lock=$1; shift
"$@" </dev/null &
server=$!
trap '' INT TERM HUP
{
    idle=0
    while sleep 15 && kill -0 "$server"; do
        if flock -n "$lock" true; then idle=$((idle + 1)); else idle=0; fi
        if [ "$idle" -ge 40 ]; then
            flock -n "$lock" sh -c 'kill -INT "$1"; while kill -0 "$1"; do sleep 0.1; done' sh "$server"
            idle=0
        fi
    done
} 2>/dev/null &
wait "$server"
"#;

/// The directory of a cluster: `data` belongs to the database's user, everything beside it to us.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) dir: PathBuf,
    pub(crate) binaries: Binaries,
    run_as: RunAs,
}

impl Home {
    pub(crate) fn open(wanted: &Path) -> Result<Self> {
        let binaries = Binaries::find()?;
        let run_as = RunAs::choose()?;
        // A data directory belongs to one major version; a newer PostgreSQL begins with a new one.
        let dir = run_as.reachable(&wanted.join(format!("pg{}", binaries.version())))?;
        // Others may pass through, so that the database's user reaches `data`; what is secret has a mode of its own.
        DirBuilder::new().recursive(true).mode(0o755).create(&dir).with_context(|| format!("making {}", dir.display()))?;
        Ok(Self { dir, binaries, run_as })
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(crate) fn lock_file(&self, name: &str) -> Result<File> {
        let path = self.dir.join(name);
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o644)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))
    }

    /// Makes the data directory when there is none. An interrupted attempt leaves nothing behind that looks whole.
    pub(crate) fn initialise(&self, fsync: Fsync) -> Result<()> {
        // What was not synced may be torn after the machine went down: such a cluster begins anew.
        let torn = fsync == Fsync::Off && self.data().join("postmaster.pid").exists() && self.boot_of_last_start() != boot_id();
        if !torn && self.data().join("PG_VERSION").exists() && self.dir.join("password").exists() {
            return Ok(());
        }
        let started = Instant::now();
        let fresh = self.dir.join("data.new");
        for dir in [&fresh, &self.data()] {
            if dir.exists() {
                std::fs::remove_dir_all(dir).with_context(|| format!("removing {}", dir.display()))?;
            }
        }
        DirBuilder::new().mode(0o700).create(&fresh).with_context(|| format!("making {}", fresh.display()))?;
        self.run_as.own(&fresh)?;

        let password = random_password()?;
        write_secret(&self.dir.join("password"), &password)?;
        let password_for_initdb = self.dir.join("password.initdb");
        write_secret(&password_for_initdb, &password)?;
        self.run_as.own(&password_for_initdb)?;

        let mut initdb = self.run_as.command(self.binaries.program("initdb"));
        initdb
            .args(["--username", USER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"])
            .arg("--pwfile")
            .arg(&password_for_initdb)
            .arg("--pgdata")
            .arg(&fresh);
        if fsync == Fsync::Off {
            initdb.arg("--no-sync");
        }
        let output = initdb.stdin(Stdio::null()).output().context("running initdb")?;
        std::fs::remove_file(&password_for_initdb).context("removing the password file of initdb")?;
        if !output.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        std::fs::rename(&fresh, self.data()).context("putting the data directory in place")?;
        tracing::info!(elapsed_ms = started.elapsed().as_millis(), "Initialised a PostgreSQL cluster");
        Ok(())
    }

    /// Starts the server and waits until it takes connections.
    pub(crate) fn launch(&self, options: &Options, tie: Tie) -> Result<(Address, Child)> {
        let password = std::fs::read_to_string(self.dir.join("password")).context("reading the cluster's password")?;
        if let Some(boot) = boot_id() {
            std::fs::write(self.dir.join("boot_id"), boot).context("noting the machine's start")?;
        }
        for attempt in 1.. {
            let port = match options.port {
                Some(port) => port,
                None => free_port()?,
            };
            let child = self.spawn(options, port, tie)?;
            match self.wait_until_ready(child) {
                Ok(child) => return Ok((Address { port, password }, child)),
                Err(_) if options.port.is_none() && attempt < PORT_ATTEMPTS && self.log_says("could not bind") => {}
                Err(error) => return Err(error),
            }
        }
        bail!("no free port was found")
    }

    fn spawn(&self, options: &Options, port: u16, tie: Tie) -> Result<Child> {
        let log = self.log()?;
        let mut command = self.run_as.command("/bin/sh");
        command.arg("-c");
        match tie {
            Tie::Parent => command.args([SUPERVISE_FOR_PARENT, "evp-localpg"]),
            Tie::Users => command.args([SUPERVISE_FOR_USERS, "evp-localpg"]).arg(self.dir.join("users.lock")),
        };
        command.arg(self.binaries.program("postgres")).arg("-D").arg(self.data());
        let mut set = |name: &str, value: &str| {
            command.arg("-c").arg(format!("{name}={value}"));
        };
        set("listen_addresses", "127.0.0.1");
        set("port", &port.to_string());
        // No socket file: its path would be limited to 107 bytes, and TCP is what every client understands.
        set("unix_socket_directories", "");
        set("max_connections", &options.max_connections.to_string());
        set("timezone", "UTC");
        set("log_timezone", "UTC");
        set("jit", "off");
        if options.fsync == Fsync::Off {
            set("fsync", "off");
            set("full_page_writes", "off");
            set("synchronous_commit", "off");
            set("max_wal_size", "4GB");
            // A test that ends may leave a connection half way through its authentication, and `drop database` waits for it.
            set("authentication_timeout", "15s");
        }
        for (name, value) in &options.settings {
            set(name, value);
        }
        // A group of its own, so that Ctrl-C in the terminal does not stop the database before the server has finished with it.
        command.process_group(0);
        command.stdout(log.try_clone().context("sharing the log file")?).stderr(log);
        command.stdin(match tie {
            Tie::Parent => Stdio::piped(),
            Tie::Users => Stdio::null(),
        });
        command.spawn().context("starting PostgreSQL")
    }

    fn log(&self) -> Result<File> {
        let path = self.dir.join("postgres.log");
        if std::fs::metadata(&path).is_ok_and(|meta| meta.len() > LOG_BYTES_MAX) {
            std::fs::remove_file(&path).context("starting the log anew")?;
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read(self.dir.join("postgres.log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(2000)..]).into_owned()
    }

    fn log_says(&self, words: &str) -> bool {
        self.log_tail().contains(words)
    }

    fn wait_until_ready(&self, mut child: Child) -> Result<Child> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if child.try_wait().context("watching PostgreSQL")?.is_some() {
                bail!("PostgreSQL did not start; the end of {}:\n{}", self.dir.join("postgres.log").display(), self.log_tail());
            }
            if self.is_ready() {
                return Ok(child);
            }
            if Instant::now() > deadline {
                // Closing the pipe stops a server that is tied to us; one that is tied to its users stops by itself.
                drop(child.stdin.take());
                bail!("PostgreSQL was not ready within {START_TIMEOUT:?}; see {}", self.dir.join("postgres.log").display());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn boot_of_last_start(&self) -> Option<String> {
        std::fs::read_to_string(self.dir.join("boot_id")).ok()
    }

    /// The eighth line of postmaster.pid is the server's state, which `pg_ctl` waits for too. The file outlives a server that was
    /// killed with its machine, so its port (the fourth line) must answer as well.
    fn is_ready(&self) -> bool {
        self.postmaster_pid_file().is_some_and(|text| {
            text.lines().nth(7).is_some_and(|state| state.trim() == "ready")
                && port_of(&text).is_some_and(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
        })
    }

    fn postmaster_pid_file(&self) -> Option<String> {
        std::fs::read_to_string(self.data().join("postmaster.pid")).ok()
    }

    /// Whether a server runs on this directory. A pid file alone is no proof: the process may be long dead.
    pub(crate) fn is_running(&self) -> Result<bool> {
        if self.postmaster_pid_file().is_none() {
            return Ok(false);
        }
        let status = self
            .run_as
            .command(self.binaries.program("pg_ctl"))
            .args(["status", "--silent", "--pgdata"])
            .arg(self.data())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .context("running pg_ctl status")?;
        Ok(status.success())
    }

    /// The address of a server that runs on this directory and takes connections.
    pub(crate) fn running_address(&self) -> Result<Option<Address>> {
        if !self.is_running()? || !self.is_ready() {
            return Ok(None);
        }
        let Some(port) = self.postmaster_pid_file().and_then(|text| port_of(&text)) else {
            return Ok(None);
        };
        let password = std::fs::read_to_string(self.dir.join("password")).context("reading the cluster's password")?;
        Ok(Some(Address { port, password }))
    }

    /// Stops a server that its owner left behind.
    pub(crate) fn stop_leftover(&self) -> Result<()> {
        if !self.is_running()? {
            return Ok(());
        }
        tracing::info!(dir = %self.dir.display(), "Stopping a PostgreSQL that an earlier run left behind");
        let status = self
            .run_as
            .command(self.binaries.program("pg_ctl"))
            .args(["stop", "--silent", "--mode", "fast", "--wait", "--timeout"])
            .arg(STOP_TIMEOUT.as_secs().to_string())
            .arg("--pgdata")
            .arg(self.data())
            .stdin(Stdio::null())
            .status()
            .context("running pg_ctl stop")?;
        // A supervisor may have stopped it while we asked.
        if !status.success() && self.is_running()? {
            bail!("the PostgreSQL in {} could not be stopped", self.dir.display());
        }
        Ok(())
    }
}

/// Which start of the machine this is; `None` where the kernel does not say.
fn boot_id() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()
}

/// The port that a postmaster.pid names.
fn port_of(pid_file: &str) -> Option<u16> {
    pid_file.lines().nth(3)?.trim().parse().ok()
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("finding a free port")?;
    Ok(listener.local_addr().context("finding a free port")?.port())
}

/// 192 random bits in hexadecimal: nothing in it needs escaping in a URL.
fn random_password() -> Result<String> {
    let mut bytes = [0_u8; 24];
    File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)).context("reading /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write_secret(path: &Path, secret: &str) -> Result<()> {
    if path.exists() {
        std::fs::remove_file(path).with_context(|| format!("replacing {}", path.display()))?;
    }
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("writing {}", path.display()))?;
    file.write_all(secret.as_bytes()).with_context(|| format!("writing {}", path.display()))
}
