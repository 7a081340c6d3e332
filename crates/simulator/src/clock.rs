//! Where the shell takes the time from.

use std::sync::Arc;

use chrono::{DateTime, Utc};

/// The time, handed in. Tests hand in their own.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The machine's clock.
pub fn system_clock() -> Clock {
    #[allow(clippy::disallowed_methods, reason = "the one place where the simulator reads the machine's clock")]
    Arc::new(|| DateTime::<Utc>::from(std::time::SystemTime::now()))
}
