//! A subnet's association with a route table. It cannot carry tags and goes with its subnet.

use crate::{Clients, made, route_table, tagged};
use async_trait::async_trait;
use aws_sdk_ec2::types::{RouteTableAssociation, RouteTableAssociationStateCode as StateCode};
use engine::{Departure, Found, Resource, Site, State, aws::fault};
use environment::{Change, Code, Fault};

pub(crate) struct SubnetRouteTableAssociation(pub(crate) Clients);

#[async_trait]
impl Resource for SubnetRouteTableAssociation {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let filter = match (at.id, at.text("SubnetId")) {
            (Some(id), _) => tagged::filter("association.route-table-association-id", id),
            (None, Ok(subnet)) => tagged::filter("association.subnet-id", subnet),
            // The subnet is gone, and the association with it.
            (None, Err(_)) => return Ok(None),
        };
        let tables = route_table::list(self.0.ec2.describe_route_tables().filters(filter)).await?;
        // The filters choose tables: each comes with all of its associations.
        let mut associations = tables.iter().flat_map(|table| table.associations());
        Ok(associations.find_map(|association| read(at, association)))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let (subnet, table) = (at.text("SubnetId")?, at.text("RouteTableId")?);
        let answer = self.0.once.associate_route_table().subnet_id(subnet).route_table_id(table).send().await;
        let answer = answer.map_err(|error| fault("ec2:AssociateRouteTable", error))?;
        made("ec2:AssociateRouteTable", answer.association_id()).map(Found::ready)
    }

    /// Leads the subnet back to our table. AWS gives the association another id.
    async fn correct(&self, at: &Site<'_>, found: Found, _changes: &[Change]) -> Result<Found, Fault> {
        let request = self.0.once.replace_route_table_association().association_id(&found.id);
        let answer = request.route_table_id(at.text("RouteTableId")?).send().await;
        let answer = answer.map_err(|error| fault("ec2:ReplaceRouteTableAssociation", error))?;
        made("ec2:ReplaceRouteTableAssociation", answer.new_association_id()).map(Found::ready)
    }

    async fn remove(&self, _at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let answer = self.0.ec2.disassociate_route_table().association_id(id).send().await;
        answer.map_err(|error| fault("ec2:DisassociateRouteTable", error))?;
        Ok(Departure::Gone)
    }
}

/// The association, if it is the one that is looked for and still there. Where our subnet is associated with
/// another table, somebody else did that: the subnet is ours, and is led back.
fn read(at: &Site<'_>, association: &RouteTableAssociation) -> Option<Found> {
    let id = association.route_table_association_id()?;
    let meant = match at.id {
        Some(recorded) => id == recorded,
        None => association.subnet_id().is_some() && association.subnet_id() == at.text("SubnetId").ok(),
    };
    let state = meant.then(|| state(association))??;
    Some(Found::ready(id).state(state).seen("RouteTableId", association.route_table_id()))
}

fn state(association: &RouteTableAssociation) -> Option<State> {
    match association.association_state().and_then(|state| state.state()) {
        Some(StateCode::Disassociated) => None,
        Some(StateCode::Disassociating) => Some(State::Leaving),
        Some(StateCode::Associating) => Some(State::Settling),
        Some(StateCode::Failed) => {
            Some(State::Failed(Fault::new(Code::ResourceFailed, "AWS could not associate the subnet.")))
        }
        _ => Some(State::Ready),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::RouteTableAssociationState;

    #[test]
    fn a_dissolved_association_is_absent() {
        let in_state = |code: StateCode| {
            let state = RouteTableAssociationState::builder().state(code).build();
            RouteTableAssociation::builder().route_table_association_id("rtbassoc-1").association_state(state).build()
        };
        assert!(state(&in_state(StateCode::Disassociated)).is_none());
        assert!(matches!(state(&in_state(StateCode::Associated)), Some(State::Ready)));
        assert!(matches!(state(&in_state(StateCode::Failed)), Some(State::Failed(_))));
    }
}
