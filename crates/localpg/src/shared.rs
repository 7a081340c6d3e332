//! The one cluster that all test processes of a checkout share.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cluster::{Address, Fsync, Home, Options, Tie};

/// nextest runs as many test processes as there are processors, each with a few pools; the load of a concurrency test is 100.
const MAX_CONNECTIONS: u16 = 400;

/// The shared cluster: started by whoever comes first, stopped ten minutes after the last user has gone (or by
/// `localpg stop`). Commits are not synced to disk: it is for tests and query checks only.
#[derive(Debug)]
pub struct TestCluster {
    address: Address,
    home: Home,
    /// Held (shared) while this process lives: the supervisor stops the server when nobody holds it.
    _user: File,
}

impl TestCluster {
    /// The cluster of this checkout's cache: `$EVP_CACHE`, else cargo's target directory. Blocks while it starts.
    pub fn shared() -> Result<Self> {
        Self::in_dir(&default_dir()?)
    }

    /// The shared cluster of a directory.
    pub fn in_dir(dir: &Path) -> Result<Self> {
        let home = Home::open(dir)?;
        // One starts, the others wait for it.
        let starting = home.lock_file("start.lock")?;
        starting.lock().context("waiting for the shared cluster to start")?;
        let user = home.lock_file("users.lock")?;
        user.lock_shared().context("waiting for the shared cluster to stop")?;
        let address = match home.running_address()? {
            Some(address) => address,
            None => {
                home.stop_leftover()?;
                home.initialise(Fsync::Off)?;
                let options = Options { fsync: Fsync::Off, max_connections: MAX_CONNECTIONS, ..Options::new(dir) };
                // The supervisor is not our child to wait for: it outlives this process.
                let (address, _detached) = home.launch(&options, Tie::Users)?;
                address
            }
        };
        drop(starting);
        Ok(Self { address, home, _user: user })
    }

    /// Stops the shared cluster of this checkout, whoever uses it.
    pub fn stop() -> Result<()> {
        let home = Home::open(&default_dir()?)?;
        let starting = home.lock_file("start.lock")?;
        starting.lock().context("waiting for the shared cluster to start")?;
        home.stop_leftover()
    }

    /// The URL of a database of this cluster. It holds the password.
    pub fn url(&self, database: &str) -> String {
        self.address.url(database)
    }

    /// Where the data and the log are.
    pub fn dir(&self) -> &Path {
        &self.home.dir
    }
}

fn default_dir() -> Result<PathBuf> {
    let cache = ["EVP_CACHE", "CARGO_TARGET_DIR"].into_iter().find_map(std::env::var_os).map(PathBuf::from);
    let cache = match cache {
        Some(cache) => cache,
        // A test binary lies in the target directory, which cargo marks.
        None => {
            let program = std::env::current_exe().context("finding this program's directory")?;
            program
                .ancestors()
                .find(|dir| dir.join("CACHEDIR.TAG").exists())
                .map_or_else(|| PathBuf::from("target"), Path::to_path_buf)
        }
    };
    Ok(cache.join("test-cluster"))
}
