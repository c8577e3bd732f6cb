//! A route in one of our route tables. AWS gives it no id: ours is `<route table>|<destination>`.

use crate::{Clients, halves, route_table};
use async_trait::async_trait;
use aws_sdk_ec2::types;
use engine::{Departure, Found, Owner, Resource, Site, aws::fault};
use environment::{Change, Code, Fault};

pub(crate) struct Route(pub(crate) Clients);

#[async_trait]
impl Resource for Route {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let (table, destination) = match (at.id, at.text("RouteTableId")) {
            (Some(id), _) => halves(id)?,
            (None, Ok(table)) => (table, at.text("DestinationCidrBlock")?),
            // The table is gone, and its routes with it.
            (None, Err(_)) => return Ok(None),
        };
        let tables = route_table::list(self.0.ec2.describe_route_tables().route_table_ids(table)).await?;
        let seen = tables.iter().find(|seen| seen.route_table_id() == Some(table));
        let mut routes = seen.map(types::RouteTable::routes).unwrap_or_default().iter();
        let route = routes.find(|route| route.destination_cidr_block() == Some(destination));
        Ok(route.map(|route| read(at, table, destination, route)))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let (table, destination) = (at.text("RouteTableId")?, at.text("DestinationCidrBlock")?);
        let request = self.0.once.create_route().route_table_id(table).destination_cidr_block(destination);
        let request = match at.text("NatGatewayId") {
            Ok(gateway) => request.nat_gateway_id(gateway),
            Err(_) => request.gateway_id(at.text("GatewayId")?),
        };
        request.send().await.map_err(|error| not_attached_yet(fault("ec2:CreateRoute", error)))?;
        Ok(Found::ready(id(table, destination)))
    }

    /// A route that leads elsewhere than it should: to a gateway that was replaced, or wherever somebody led it.
    async fn correct(&self, at: &Site<'_>, found: Found, _changes: &[Change]) -> Result<Found, Fault> {
        let (table, destination) = (at.text("RouteTableId")?, at.text("DestinationCidrBlock")?);
        let request = self.0.ec2.replace_route().route_table_id(table).destination_cidr_block(destination);
        let request = match at.text("NatGatewayId") {
            Ok(gateway) => request.nat_gateway_id(gateway),
            Err(_) => request.gateway_id(at.text("GatewayId")?),
        };
        request.send().await.map_err(|error| not_attached_yet(fault("ec2:ReplaceRoute", error)))?;
        Ok(found)
    }

    async fn remove(&self, _at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let (table, destination) = halves(id)?;
        let request = self.0.ec2.delete_route().route_table_id(table).destination_cidr_block(destination);
        request.send().await.map_err(|error| fault("ec2:DeleteRoute", error))?;
        Ok(Departure::Gone)
    }
}

fn id(table: &str, destination: &str) -> String {
    format!("{table}|{destination}")
}

/// "Route table and network gateway belong to different networks", AWS says under this code while it does
/// not see the gateway's attachment. The attachment is there, since the route comes after it, and nothing
/// else in the request is anybody's input: AWS lags.
fn not_attached_yet(mut fault: Fault) -> Fault {
    if fault.aws_code.as_deref() == Some("InvalidParameterValue") {
        fault.code = Code::NotFound;
    }
    fault
}

/// A route that leads elsewhere than ours should was put there by somebody else, unless ours is recorded: then
/// somebody led it elsewhere, or what it led to is gone.
fn read(at: &Site<'_>, table: &str, destination: &str, route: &types::Route) -> Found {
    let (gateway, nat_gateway) = (route.gateway_id(), route.nat_gateway_id());
    let elsewhere = |property: &str, seen: Option<&str>| at.text(property).is_ok_and(|wanted| seen != Some(wanted));
    let foreign = at.id.is_none() && (elsewhere("GatewayId", gateway) || elsewhere("NatGatewayId", nat_gateway));
    Found::ready(id(table, destination))
        .owner(if foreign { Owner::Foreign } else { Owner::Ours })
        .seen("GatewayId", gateway)
        .seen("NatGatewayId", nat_gateway)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_known_by_its_table_and_destination() {
        let id = id("rtb-1", "0.0.0.0/0");
        assert_eq!(halves(&id).ok(), Some(("rtb-1", "0.0.0.0/0")));
    }

    #[test]
    fn an_attachment_that_is_not_seen_yet_is_waited_for() {
        let mut refused = Fault::new(Code::InvalidRequest, "");
        refused.aws_code = Some("InvalidParameterValue".into());
        assert!(not_attached_yet(refused).code.is_retryable());
        assert!(!not_attached_yet(Fault::new(Code::AccessDenied, "")).code.is_retryable());
    }
}
