//! Every frame to and from charge points, as it came; the evidence when something is disputed.
//!
//! Knows no OCPP: a frame is a text with a direction, and what others noted about it.

mod store;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use domain::ChargePointId;
use serde::Serialize;
use sqlx::PgConnection;

use crate::db::{self, Db};
use crate::stations::Lease;

/// Partitions are made this many days ahead, so that a maintenance that fails for days loses nothing.
const DAYS_AHEAD: i64 = 7;
/// What one page of the log shows.
const TAIL_MAX: i64 = 500;

/// Which way a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the charge point.
    In,
    /// To it.
    Out,
}

impl Direction {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// A frame to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFrame {
    pub at: DateTime<Utc>,
    pub lease: Lease,
    pub direction: Direction,
    /// 2 a call, 3 its result, 4 its error; 0 when it could not be read.
    pub message_type: i16,
    pub message_id: Option<String>,
    pub action: Option<String>,
    /// Without U+0000.
    pub frame: String,
    /// What was wrong with it: a JSON array of path and words; `None` when nothing was.
    pub violations: Option<String>,
}

/// A frame that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedFrame {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub epoch: i64,
    pub direction: Direction,
    pub message_type: i16,
    pub message_id: Option<String>,
    pub action: Option<String>,
    pub frame: String,
    pub violations: Option<serde_json::Value>,
}

/// The use cases of the log.
#[derive(Debug, Clone)]
pub struct OcppLogs {
    db: Db,
}

impl OcppLogs {
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// The newest frames of a charge point, newest first; at most 500. `before` is the id to go on from.
    pub async fn tail(
        &self,
        charge_point: ChargePointId,
        before: Option<i64>,
        at_most: i64,
    ) -> Result<Vec<LoggedFrame>, sqlx::Error> {
        store::tail(self.db.pool(), charge_point, before, at_most.clamp(1, TAIL_MAX)).await
    }

    /// Makes the partitions of the coming days; how many were missing. Call it at the start and every few hours.
    pub async fn ensure_partitions(&self) -> Result<u32, sqlx::Error> {
        db::tx(&self.db, |mut tx| async move {
            let today = tx.now().date_naive();
            let mut made = 0;
            // Yesterday too: what came before midnight may still be written after it.
            for days in -1..=DAYS_AHEAD {
                if store::ensure_partition(&mut tx, today + TimeDelta::days(days)).await? {
                    made += 1;
                }
            }
            Ok(made)
        })
        .await
    }

    /// Drops whole days that are older than the retention; how many.
    pub async fn drop_older_than(&self, retention: TimeDelta) -> Result<i32, sqlx::Error> {
        db::tx(&self.db, move |mut tx| async move {
            let first_kept = (tx.now() - retention).date_naive();
            store::drop_before(&mut tx, first_kept).await
        })
        .await
    }
}

/// Keeps the frames, in one statement.
pub(crate) async fn append(c: &mut PgConnection, frames: &[&NewFrame]) -> Result<(), sqlx::Error> {
    if frames.is_empty() { Ok(()) } else { store::append(c, frames).await }
}
