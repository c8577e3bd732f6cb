//! What a rule is, and all of them.

use crate::{
    Answer, Call, cloud_map, ec2, ecs, events, iam, lag, prefect, quotas, secrets, sqs, throttle, world::World,
};

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
pub(crate) const RULES: &[&dyn Rule] = &[
    &throttle::Throttling,
    &lag::Unseen,
    &ec2::memory::Memory,
    &ec2::dry_run::DryRun,
    &ec2::token::ClientToken,
    &ec2::nat_gateway::NatGateways,
    &ec2::absent::AbsentParent,
    &ec2::vpc::VpcBlock,
    &ec2::subnet::SubnetBlock,
    &ec2::internet_gateway::InternetGateway,
    &ec2::address::Address,
    &ec2::network_interface::NetworkInterface,
    &ec2::route_table::RouteTableAssociation,
    &ec2::route::Route,
    &ec2::dependency::Dependencies,
    &ec2::tag::Tags,
    &ec2::absent::AbsentNamed,
    &ec2::filter::Filters,
    &iam::RoleName,
    &iam::RoleIsNew,
    &secrets::Secrets,
    &sqs::Queues,
    &events::Rules,
    &cloud_map::namespace::Namespace,
    &cloud_map::operation::Operation,
    &ecs::task_definition::TaskDefinition,
    &ecs::cluster::Cluster,
    &ecs::service::Service,
    &ecs::task::Task,
    &prefect::Workers,
    &quotas::ServiceQuotas,
    &quotas::AccountSummary,
    // Last to refuse, so that a create that another rule answers counts for nothing.
    &quotas::Quotas,
    // Last to follow, so that what it hides is known to the others.
    &lag::Stale,
];
