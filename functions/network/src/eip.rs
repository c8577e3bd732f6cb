//! An Elastic IP address, for a NAT gateway. It costs money as long as it is allocated.

use crate::{
    Clients,
    dependents::{Within, judge},
    made, tagged,
};
use async_trait::async_trait;
use aws_sdk_ec2::{
    operation::describe_addresses::builders::DescribeAddressesFluentBuilder,
    types::{Address, DomainType, ResourceType},
};
use engine::{Departure, Found, Resource, Sighting, Site, TagChange, Whose, aws::fault};
use environment::{Code, Fault, Kind};

pub(crate) struct Eip(pub(crate) Clients);

#[async_trait]
impl Resource for Eip {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let request = self.0.ec2.describe_addresses();
        let request = match at.id {
            Some(id) => request.allocation_ids(id),
            None => request.set_filters(Some(tagged::of_resource(at))),
        };
        let found = tagged::ours(at, list(request).await?).next();
        Ok(found.and_then(|address| {
            let found = address_found(address.allocation_id()?, address.public_ip());
            Some(tagged::with_tags(at, found, &address))
        }))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let request = self.0.once.allocate_address().domain(DomainType::Vpc);
        let request = request.tag_specifications(tagged::specification(at, ResourceType::ElasticIp));
        let answer = request.send().await.map_err(|error| fault("ec2:AllocateAddress", error))?;
        let id = made("ec2:AllocateAddress", answer.allocation_id())?;
        Ok(address_found(&id, answer.public_ip()))
    }

    async fn retag(&self, _at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        tagged::retag(&self.0.ec2, &found.id, change).await
    }

    /// Is refused with `InvalidIPAddress.InUse` until the NAT gateway is gone.
    async fn remove(&self, at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let answer = self.0.ec2.release_address().allocation_id(id).send().await;
        match answer.map_err(|error| fault("ec2:ReleaseAddress", error)) {
            Ok(_) => Ok(Departure::Gone),
            // An address that was released before and is another account's by now answers so, too
            // (EC2 API reference, ReleaseAddress). Whether it is gone, a look tells.
            Err(refused) if refused.aws_code.as_deref() == Some("AuthFailure") => match self.find(at).await {
                Ok(None) => Ok(Departure::Gone),
                Err(absent) if absent.code == Code::NotFound => Ok(Departure::Gone),
                _ => Err(refused),
            },
            Err(conflict) if conflict.code == Code::Conflict => judge(&self.0, at, Within::Address(id), conflict).await,
            Err(other) => Err(other),
        }
    }
}

impl Eip {
    pub(crate) async fn sightings(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let request = self.0.ec2.describe_addresses().filters(tagged::of(whose));
        Ok(tagged::sightings(Kind::Eip, whose, list(request).await?))
    }
}

/// AWS answers addresses in one page.
pub(crate) async fn list(request: DescribeAddressesFluentBuilder) -> Result<Vec<Address>, Fault> {
    let answer = request.send().await.map_err(|error| fault("ec2:DescribeAddresses", error))?;
    Ok(answer.addresses.unwrap_or_default())
}

fn address_found(id: &str, public_ip: Option<&str>) -> Found {
    let found = Found::ready(id).attribute("AllocationId", id);
    match public_ip {
        Some(public_ip) => found.attribute("PublicIp", public_ip),
        None => found,
    }
}
