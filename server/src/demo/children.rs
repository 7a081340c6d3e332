//! The processes of the demo: started together, stopped together, none outlives the supervisor.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// A child that has not gone this long after it was asked to is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// A child process and its name in messages.
struct Member {
    name: &'static str,
    process: Child,
}

/// The processes that were started.
#[derive(Default)]
pub struct Children(Vec<Member>);

/// What a child is given.
pub struct Start<'a> {
    pub name: &'static str,
    /// The subcommand of this same binary.
    pub arguments: &'a [&'a str],
    /// The only variables of ours that it sees: secrets travel here, never in arguments.
    pub variables: Vec<(&'static str, String)>,
    /// Written to its standard input, which is then closed.
    pub input: Option<String>,
}

impl Children {
    /// Starts this binary once more. The child dies with the supervisor, whatever the supervisor dies of.
    pub async fn start(&mut self, start: Start<'_>) -> Result<()> {
        let program = std::env::current_exe().context("finding this program's own file")?;
        let mut command = Command::new(program);
        command.arg("--die-with-parent").args(start.arguments).stdin(Stdio::piped()).kill_on_drop(true);
        for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("EVP_") || n == "DATABASE_URL") {
            command.env_remove(name);
        }
        command.envs(start.variables);
        let mut process = command.spawn().with_context(|| format!("starting {}", start.name))?;
        if let Some(mut stdin) = process.stdin.take() {
            stdin
                .write_all(start.input.unwrap_or_default().as_bytes())
                .await
                .with_context(|| format!("talking to {}", start.name))?;
        }
        self.0.push(Member { name: start.name, process });
        Ok(())
    }

    /// The first of them that ends: its name and how.
    pub async fn first_end(&mut self) -> (&'static str, std::io::Result<ExitStatus>) {
        let waits = self.0.iter_mut().map(|m| Box::pin(async { (m.name, m.process.wait().await) }));
        futures::future::select_all(waits).await.0
    }

    /// Asks all to end, in the reverse order of their start, and kills those that do not.
    pub async fn stop(mut self) {
        for member in self.0.iter_mut().rev() {
            if let Some(pid) =
                member.process.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
            {
                // It may be gone already: a Ctrl-C reaches the whole group.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
            if tokio::time::timeout(PATIENCE, member.process.wait()).await.is_err() {
                let _ = member.process.kill().await;
            }
        }
    }
}

/// Makes this process end when its parent does, even if the parent is killed.
pub fn die_with_parent() -> Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
        .context("asking to die with the parent")?;
    Ok(())
}
