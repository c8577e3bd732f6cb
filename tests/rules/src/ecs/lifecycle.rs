//! How a Fargate task starts and stops.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html>

use crate::world::World;
use jiff::Timestamp;

/// A task runs within this: 45 to 60 s with a small image.
pub(super) const STARTS_IN: f64 = 50.0;
/// A task that is told to stop has the 30 s of `stopTimeout`, and its interface is to be taken away.
pub(crate) const STOPS_IN: f64 = 35.0;
/// Its interface is in EC2 for so much longer.
pub(super) const INTERFACE_STAYS_FOR: f64 = 15.0;

/// The `lastStatus` of a task that was asked for and told to stop at these times.
pub(super) fn last_status(asked: Timestamp, told_to_stop: Option<Timestamp>, world: &World) -> &'static str {
    let stages: &[(f64, &str)] = match told_to_stop {
        Some(_) => &[(STOPS_IN, "STOPPED"), (31.0, "DEPROVISIONING"), (1.0, "STOPPING"), (0.0, "DEACTIVATING")],
        None => &[(STARTS_IN, "RUNNING"), (45.0, "ACTIVATING"), (10.0, "PENDING"), (0.0, "PROVISIONING")],
    };
    let since = told_to_stop.unwrap_or(asked);
    stages.iter().find(|(after, _)| world.is_through(since, *after)).map_or("PROVISIONING", |(_, status)| status)
}
