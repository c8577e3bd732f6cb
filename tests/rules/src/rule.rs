//! What a rule is, and all of them.

use crate::{Answer, Call, ec2, world::World};

/// One thing that AWS does and the local cloud does not.
pub(crate) trait Rule: Sync {
    /// AWS's answer to a call that it does not carry out, or has carried out before.
    fn refuse(&self, _call: &Call, _world: &mut World) -> Option<Answer> {
        None
    }

    /// Makes the local cloud's answer to a call AWS's, and remembers what was done.
    fn follow(&self, _call: &Call, _answer: &mut Answer, _world: &mut World) {}
}

/// Every rule, in the order in which they are asked: who refuses first stands first, and whoever hides something from
/// an answer stands after those who learn from it.
pub(crate) const RULES: &[&dyn Rule] = &[&ec2::nat_gateway::NatGateway];
