//! How long AWS takes to answer.

use crate::Call;
use std::time::Duration;

/// The usual time of a call, seen from a function in the same region: a key look-up takes a few milliseconds, a look
/// some tens, and what makes or removes something the longest.
pub(crate) fn of(call: &Call) -> Duration {
    Duration::from_millis(match call.service.as_str() {
        "dynamodb" => 5,
        _ if call.is_look() => 60,
        _ => 200,
    })
}
