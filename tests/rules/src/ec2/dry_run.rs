//! A dry run changes nothing.

use crate::{Answer, Call, rule::Rule, world::World};
use serde_json::json;

/// A call with `DryRun` says that it would have succeeded, and does nothing.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html>
pub(crate) struct DryRun;

impl Rule for DryRun {
    fn refuse(&self, call: &Call, _world: &mut World) -> Option<Answer> {
        let message = "Request would have succeeded, but DryRun flag is set.";
        (call.service == "ec2" && call.text("DryRun") == "true")
            .then(|| Answer::error_with(call, 412, "DryRunOperation", message, json!({})))
    }
}
