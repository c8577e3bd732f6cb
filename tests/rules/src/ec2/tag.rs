//! Tags go with what they are on.

use super::nat_gateway::Phase;
use crate::{
    Answer, Call,
    answer::{retain, text},
    rule::Rule,
    world::World,
};

/// `DescribeTags` shows no tags of what is gone.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html>
pub(crate) struct Tags;

impl Rule for Tags {
    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.service != "ec2" || call.action != "DescribeTags" {
            return;
        }
        let (state, now) = (&world.ec2, world.now);
        let is_gone = |id: &str| {
            let phase = state.nat_gateways.get(id).map(|gateway| gateway.phase(now));
            state.removed.contains(id) || matches!(phase, Some(Phase::Deleted | Phase::Gone))
        };
        if let Some(document) = answer.document() {
            retain(document, "tagSet", |tag| !is_gone(&text(tag, "resourceId")));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::ec2::scene::{DONE, Scene, set, told};

    #[tokio::test]
    async fn tags_go_with_what_they_are_on() {
        let scene = Scene::new().await;
        scene.done("DeleteSubnet", &[("SubnetId", "subnet-1")], DONE).await;
        let tag = |id: &str| format!("<resourceId>{id}</resourceId><key>Name</key><value>blue</value>");
        let all = set("tagSet", &[&tag("subnet-1"), &tag("vpc-1")]);
        let filter = [("Filter.1.Name", "tag:Name"), ("Filter.1.Value.1", "blue")];
        let seen = scene.call("DescribeTags", &filter, &all).await;
        assert_eq!(told(&seen, "tagSet/item/resourceId"), ["vpc-1"]);
    }
}
