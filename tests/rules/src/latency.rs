//! How long AWS takes to answer.

use crate::Call;
use std::time::Duration;

/// The usual time of a call, seen from a function in the same region: a key look-up takes a few milliseconds, a look
/// some tens, and what makes or removes something the longest.
pub(crate) fn of(call: &Call) -> Duration {
    let reads = ["Describe", "List", "Get"].iter().any(|prefix| call.action.starts_with(prefix));
    Duration::from_millis(match call.service.as_str() {
        "dynamodb" => 5,
        _ if reads => 60,
        _ => 200,
    })
}
