//! A route table. Its routes and associations are resources of their own.

use crate::{
    Clients,
    dependents::{Within, judge},
    made, tagged,
};
use async_trait::async_trait;
use aws_sdk_ec2::{
    operation::describe_route_tables::builders::DescribeRouteTablesFluentBuilder,
    types::{self, ResourceType},
};
use engine::{Departure, Found, Resource, Sighting, Site, TagChange, Whose, aws::fault};
use environment::{Code, Fault, Kind};

pub(crate) struct RouteTable(pub(crate) Clients);

#[async_trait]
impl Resource for RouteTable {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let request = self.0.ec2.describe_route_tables();
        let request = match at.id {
            Some(id) => request.route_table_ids(id),
            None => request.set_filters(Some(tagged::of_resource(at))),
        };
        let found = tagged::ours(at, list(request).await?).next();
        Ok(found.and_then(|table| {
            let found = Found::ready(table.route_table_id()?).seen("VpcId", table.vpc_id());
            Some(tagged::with_tags(at, found, &table))
        }))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let request = self.0.ec2.create_route_table().vpc_id(at.text("VpcId")?).client_token(at.token());
        let request = request.tag_specifications(tagged::specification(at, ResourceType::RouteTable));
        let answer = request.send().await.map_err(|error| fault("ec2:CreateRouteTable", error))?;
        let id = answer.route_table().and_then(types::RouteTable::route_table_id);
        made("ec2:CreateRouteTable", id).map(Found::ready)
    }

    async fn retag(&self, _at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        tagged::retag(&self.0.ec2, &found.id, change).await
    }

    async fn remove(&self, at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let answer = self.0.ec2.delete_route_table().route_table_id(id).send().await;
        match answer.map_err(|error| fault("ec2:DeleteRouteTable", error)) {
            Ok(_) => Ok(Departure::Gone),
            Err(conflict) if conflict.code == Code::Conflict => {
                judge(&self.0, at, Within::RouteTable(id), conflict).await
            }
            Err(other) => Err(other),
        }
    }
}

impl RouteTable {
    pub(crate) async fn sightings(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let request = self.0.ec2.describe_route_tables().filters(tagged::of(whose));
        Ok(tagged::sightings(Kind::RouteTable, whose, list(request).await?))
    }
}

pub(crate) async fn list(request: DescribeRouteTablesFluentBuilder) -> Result<Vec<types::RouteTable>, Fault> {
    let tables = request.into_paginator().items().send().collect::<Result<_, _>>().await;
    tables.map_err(|error| fault("ec2:DescribeRouteTables", error))
}

/// Whether it is the table that AWS makes with the VPC and removes with it.
pub(crate) fn is_main(table: &types::RouteTable) -> bool {
    table.associations().iter().any(|association| association.main() == Some(true))
}
