//! EC2.

pub(crate) mod nat_gateway;

/// What the rules remember of EC2.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) nat_gateways: nat_gateway::NatGateways,
}
