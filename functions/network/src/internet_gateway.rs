//! The internet gateway. It has no name, no client token and nothing to correct.

use crate::{
    Clients,
    dependents::{Within, judge},
    made, tagged,
};
use async_trait::async_trait;
use aws_sdk_ec2::{
    operation::describe_internet_gateways::builders::DescribeInternetGatewaysFluentBuilder,
    types::{self, ResourceType},
};
use engine::{Departure, Found, Resource, Sighting, Site, TagChange, Whose, aws::fault};
use environment::{Code, Fault, Kind};

pub(crate) struct InternetGateway(pub(crate) Clients);

#[async_trait]
impl Resource for InternetGateway {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let request = self.0.ec2.describe_internet_gateways();
        let request = match at.id {
            Some(id) => request.internet_gateway_ids(id),
            None => request.set_filters(Some(tagged::of_resource(at))),
        };
        let found = tagged::ours(at, list(request).await?).next();
        Ok(found
            .and_then(|gateway| Some(tagged::with_tags(at, Found::ready(gateway.internet_gateway_id()?), &gateway))))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let request = self.0.once.create_internet_gateway();
        let request = request.tag_specifications(tagged::specification(at, ResourceType::InternetGateway));
        let answer = request.send().await.map_err(|error| fault("ec2:CreateInternetGateway", error))?;
        let id = answer.internet_gateway().and_then(types::InternetGateway::internet_gateway_id);
        made("ec2:CreateInternetGateway", id).map(Found::ready)
    }

    async fn retag(&self, _at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        tagged::retag(&self.0.ec2, &found.id, change).await
    }

    async fn remove(&self, at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let answer = self.0.ec2.delete_internet_gateway().internet_gateway_id(id).send().await;
        match answer.map_err(|error| fault("ec2:DeleteInternetGateway", error)) {
            Ok(_) => Ok(Departure::Gone),
            Err(conflict) if conflict.code == Code::Conflict => {
                judge(&self.0, at, Within::InternetGateway(id), conflict).await
            }
            Err(other) => Err(other),
        }
    }
}

impl InternetGateway {
    pub(crate) async fn sightings(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let request = self.0.ec2.describe_internet_gateways().filters(tagged::of(whose));
        Ok(tagged::sightings(Kind::InternetGateway, whose, list(request).await?))
    }
}

pub(crate) async fn list(request: DescribeInternetGatewaysFluentBuilder) -> Result<Vec<types::InternetGateway>, Fault> {
    let gateways = request.into_paginator().items().send().collect::<Result<_, _>>().await;
    gateways.map_err(|error| fault("ec2:DescribeInternetGateways", error))
}
