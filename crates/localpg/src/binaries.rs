//! Where PostgreSQL is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

/// The floor that migrations are written for; production may be anything newer.
pub const OLDEST_VERSION: u32 = 15;

/// The programs of one PostgreSQL installation.
#[derive(Debug, Clone)]
pub struct Binaries {
    dir: PathBuf,
    version: u32,
}

impl Binaries {
    /// The installation on PATH, or else the newest one where Debian keeps them.
    pub fn find() -> Result<Self> {
        let mut candidates: Vec<PathBuf> =
            std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        let mut packaged: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        packaged.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
        candidates.extend(packaged.into_iter().map(|(_, dir)| dir));

        let mut too_old = None;
        for dir in candidates {
            // On PATH there may be only links; the programs look for their libraries and each other beside the real file.
            let Ok(initdb) = dir.join("initdb").canonicalize() else { continue };
            let Some(dir) = initdb.parent().map(Path::to_path_buf) else { continue };
            if !dir.join("postgres").exists() {
                continue;
            }
            match version_of(&initdb) {
                Ok(version) if version >= OLDEST_VERSION => return Ok(Self { dir, version }),
                Ok(version) => too_old = Some((version, dir)),
                Err(_) => {}
            }
        }
        let found = too_old.map_or_else(
            || "no PostgreSQL is installed here".to_owned(),
            |(version, dir)| format!("PostgreSQL {version} in {} is too old", dir.display()),
        );
        bail!(
            "{found}: `initdb` and `postgres` {OLDEST_VERSION} or newer are needed, on PATH or in /usr/lib/postgresql/*/bin. \
             On Debian: apt-get install postgresql"
        )
    }

    /// The major version.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The full path of a program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

fn version_of(initdb: &Path) -> Result<u32> {
    let output = Command::new(initdb).arg("--version").output().with_context(|| format!("running {}", initdb.display()))?;
    // "initdb (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)", "initdb (PostgreSQL) 18beta1"
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace()
        .nth(2)
        .map(|word| word.chars().take_while(char::is_ascii_digit).collect::<String>())
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| anyhow!("no version in {text:?}"))
}
