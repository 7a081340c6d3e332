//! The poll behind the hints: one task a node looks for commands of the charge points that are connected here, and for connections
//! that another node has taken over. The bus makes it fast, this makes it sure (DESIGN § 11).

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::Csms;

/// A command whose hint was lost waits this long at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Connections are compared with the database's epochs every so many looks: a silent one finds out at its next write anyway.
const EPOCHS_EVERY: u32 = 10;

pub(crate) async fn run(csms: Csms) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks: u32 = 0;
    loop {
        tokio::select! {
            () = csms.0.shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        looks = looks.wrapping_add(1);
        let leases = csms.0.registry.leases();
        if leases.is_empty() {
            continue;
        }
        let charge_points: Vec<_> = leases.iter().map(|lease| lease.charge_point).collect();
        match csms.0.charging.due_commands(&charge_points).await {
            Ok(due) => due.into_iter().for_each(|charge_point| csms.0.registry.wake(charge_point)),
            Err(error) => tracing::warn!(%error, "Looking for commands failed; again in a second"),
        }
        if looks.is_multiple_of(EPOCHS_EVERY) {
            match csms.0.stations.outdated(&leases).await {
                Ok(outdated) => outdated.into_iter().for_each(|lease| csms.0.registry.supersede(lease)),
                Err(error) => tracing::warn!(%error, "Comparing the epochs failed; again soon"),
            }
        }
    }
}
