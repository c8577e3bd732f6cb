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

#[cfg(test)]
mod tests {
    use crate::ec2::scene::Scene;

    #[tokio::test]
    async fn a_dry_run_changes_nothing() {
        let scene = Scene::new().await;
        let delete = [("GroupId", "sg-1"), ("DryRun", "true")];
        assert_eq!(scene.refused("DeleteSecurityGroup", &delete).await, "DryRunOperation");
        assert!(scene.refused("DeleteVpc", &[("VpcId", "vpc-1")]).await.contains("Dependency"), "the group is there");
    }
}
