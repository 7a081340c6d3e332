//! Whom PostgreSQL runs as. It refuses root, so root hands it to an unprivileged user and keeps its data where that user can reach it.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Where the data goes when root asked for a directory that the unprivileged user cannot enter (such as below /root).
const REACHABLE_BASE: &str = "/var/lib/evp-localpg";

/// The user that the database runs as.
#[derive(Debug, Clone, Copy)]
pub struct RunAs(Option<(u32, u32)>);

impl RunAs {
    /// Ourselves, or for root the user `postgres`, or else `nobody`.
    pub fn choose() -> Result<Self> {
        // The owner of /proc/self is the effective user: std has no geteuid.
        let uid = std::fs::metadata("/proc/self").context("reading /proc/self")?.uid();
        if uid != 0 {
            return Ok(Self(None));
        }
        let passwd = std::fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
        for wanted in ["postgres", "nobody"] {
            let found = passwd.lines().find_map(|line| {
                let mut fields = line.split(':');
                (fields.next()? == wanted).then_some(())?;
                let uid = fields.nth(1)?.parse().ok()?;
                let gid = fields.next()?.parse().ok()?;
                Some((uid, gid))
            });
            if let Some(ids) = found {
                return Ok(Self(Some(ids)));
            }
        }
        bail!("PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody` to run it as")
    }

    /// A command that runs as this user. Dropping to another user also drops root's supplementary groups.
    pub fn command(self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some((uid, gid)) = self.0 {
            command.uid(uid).gid(gid);
        }
        // The caller's directory may be closed to this user; every path that we pass is absolute.
        command.current_dir("/");
        // What the supervising shells call (cat, sleep, flock) is always there, whatever the caller's PATH.
        command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command
    }

    /// Gives a file or directory to this user.
    pub fn own(self, path: &Path) -> Result<()> {
        if let Some((uid, gid)) = self.0 {
            std::os::unix::fs::chown(path, Some(uid), Some(gid))
                .with_context(|| format!("giving {} to the database's user", path.display()))?;
        }
        Ok(())
    }

    /// The directory asked for, or one in its place that this user can enter.
    pub fn reachable(self, wanted: &Path) -> Result<PathBuf> {
        let wanted = std::path::absolute(wanted).with_context(|| format!("finding {}", wanted.display()))?;
        let Some((uid, gid)) = self.0 else { return Ok(wanted) };
        let closed = wanted.ancestors().skip(1).any(|parent| {
            std::fs::metadata(parent).is_ok_and(|meta| {
                let mode = meta.permissions().mode();
                let shift = if meta.uid() == uid {
                    6
                } else if meta.gid() == gid {
                    3
                } else {
                    0
                };
                mode >> shift & 1 == 0
            })
        });
        if !closed {
            return Ok(wanted);
        }
        let name = wanted.file_name().map_or_else(|| "cluster".to_owned(), |name| name.to_string_lossy().into_owned());
        Ok(Path::new(REACHABLE_BASE).join(format!("{name}-{:016x}", fnv1a(wanted.as_os_str().as_encoded_bytes()))))
    }
}

/// FNV-1a: stable over compilers and runs, which std's hasher is not.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
