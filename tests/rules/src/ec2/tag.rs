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
