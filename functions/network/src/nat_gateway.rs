//! A NAT gateway: the slowest and dearest part of an environment. It takes about two minutes to come and one
//! to go, and stays listed as deleted for an hour.

use crate::{Clients, made, tagged};
use async_trait::async_trait;
use aws_sdk_ec2::{
    operation::describe_nat_gateways::builders::DescribeNatGatewaysFluentBuilder,
    types::{self, ConnectivityType, NatGatewayState, ResourceType},
};
use engine::{Departure, Found, Resource, Sighting, Site, State, TagChange, Whose, aws::fault};
use environment::{Code, Fault, Kind};

pub(crate) struct NatGateway(pub(crate) Clients);

#[async_trait]
impl Resource for NatGateway {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let request = self.0.ec2.describe_nat_gateways();
        let request = match at.id {
            Some(id) => request.nat_gateway_ids(id),
            None => request.set_filter(Some(tagged::of_resource(at))),
        };
        let seen = tagged::ours(at, list(request).await?);
        // A failed or leaving one of an earlier operation may stand beside the one that counts.
        let found = seen.filter(is_there).min_by_key(|gateway| match gateway.state() {
            Some(NatGatewayState::Failed) => 2,
            Some(NatGatewayState::Deleting) => 1,
            _ => 0,
        });
        Ok(found.and_then(|gateway| Some(tagged::with_tags(at, read(&gateway)?, &gateway))))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let connectivity = ConnectivityType::from(at.text("ConnectivityType")?);
        let request = self.0.ec2.create_nat_gateway().subnet_id(at.text("SubnetId")?);
        let request = request.allocation_id(at.text("AllocationId")?).connectivity_type(connectivity);
        let request = request.client_token(at.token());
        let request = request.tag_specifications(tagged::specification(at, ResourceType::Natgateway));
        let answer = request.send().await.map_err(|error| not_attached_yet(fault("ec2:CreateNatGateway", error)))?;
        let gateway = answer.nat_gateway();
        let id = made("ec2:CreateNatGateway", gateway.and_then(types::NatGateway::nat_gateway_id))?;
        Ok(Found::ready(id).state(gateway.map_or(State::Settling, state)))
    }

    /// A gateway that has failed cannot be mended: it is deleted, and another one made when it is gone.
    async fn try_again(&self, at: &Site<'_>, found: Found, _failure: Fault) -> Result<Found, Fault> {
        self.remove(at, &found.id).await?;
        Ok(found.state(State::Leaving))
    }

    async fn retag(&self, _at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        tagged::retag(&self.0.ec2, &found.id, change).await
    }

    /// A failed one is deleted the same way: AWS would take an hour to clear it away by itself.
    async fn remove(&self, _at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let answer = self.0.ec2.delete_nat_gateway().nat_gateway_id(id).send().await;
        answer.map_err(|error| fault("ec2:DeleteNatGateway", error))?;
        Ok(Departure::Leaving)
    }
}

impl NatGateway {
    pub(crate) async fn sightings(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let request = self.0.ec2.describe_nat_gateways().filter(tagged::of(whose));
        let there = list(request).await?.into_iter().filter(is_there);
        Ok(tagged::sightings(Kind::NatGateway, whose, there))
    }
}

pub(crate) async fn list(request: DescribeNatGatewaysFluentBuilder) -> Result<Vec<types::NatGateway>, Fault> {
    let gateways = request.into_paginator().items().send().collect::<Result<_, _>>().await;
    gateways.map_err(|error| fault("ec2:DescribeNatGateways", error))
}

/// The internet gateway is attached before a NAT gateway is made, so AWS's "not attached" is lag.
fn not_attached_yet(mut fault: Fault) -> Fault {
    if fault.aws_code.as_deref() == Some("Gateway.NotAttached") {
        fault.code = Code::NotFound;
    }
    fault
}

fn is_there(gateway: &types::NatGateway) -> bool {
    gateway.state() != Some(&NatGatewayState::Deleted)
}

fn read(gateway: &types::NatGateway) -> Option<Found> {
    let found = Found::ready(gateway.nat_gateway_id()?).state(state(gateway));
    Some(found.seen("SubnetId", gateway.subnet_id()))
}

fn state(gateway: &types::NatGateway) -> State {
    match gateway.state() {
        Some(NatGatewayState::Available) => State::Ready,
        Some(NatGatewayState::Deleting | NatGatewayState::Deleted) => State::Leaving,
        Some(NatGatewayState::Failed) => State::Failed(Fault {
            aws_code: gateway.failure_code().map(str::to_owned),
            ..Fault::new(Code::ResourceFailed, "AWS could not make the NAT gateway.")
        }),
        _ => State::Settling,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(state: NatGatewayState) -> types::NatGateway {
        types::NatGateway::builder().nat_gateway_id("nat-1").state(state).build()
    }

    #[test]
    fn a_gateway_is_ready_only_when_it_is_available() {
        assert!(matches!(state(&gateway(NatGatewayState::Pending)), State::Settling));
        assert!(matches!(state(&gateway(NatGatewayState::Available)), State::Ready));
        assert!(matches!(state(&gateway(NatGatewayState::Deleting)), State::Leaving));
    }

    #[test]
    fn a_deleted_gateway_is_absent_and_a_failed_one_is_not() {
        assert!(!is_there(&gateway(NatGatewayState::Deleted)));
        assert!(is_there(&gateway(NatGatewayState::Failed)));
    }

    #[test]
    fn a_failed_gateway_says_why_in_awss_code_and_not_in_its_words() {
        let failed = types::NatGateway::builder()
            .state(NatGatewayState::Failed)
            .failure_code("InsufficientFreeAddressesInSubnet")
            .failure_message("subnet-1 has no free addresses")
            .build();
        let State::Failed(fault) = state(&failed) else { panic!("it has failed") };
        assert_eq!(fault.code, Code::ResourceFailed);
        assert_eq!(fault.aws_code.as_deref(), Some("InsufficientFreeAddressesInSubnet"));
        assert!(!fault.message.contains("free addresses"));
    }
}
