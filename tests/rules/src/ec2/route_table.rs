//! Route tables and the subnets that follow them.

use super::{memory::State, xml::list};
use crate::{
    Answer, Call,
    answer::{element, items, leaf, retain, text},
    rule::Rule,
    world::World,
};
use std::collections::{BTreeMap, BTreeSet};
use xmltree::Element;

/// A route table.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteTable {
    pub(crate) vpc: String,
    /// The association by which it is its VPC's main one.
    pub(crate) main: Option<String>,
    /// The subnets by association.
    pub(crate) associations: BTreeMap<String, String>,
    /// The targets by destination.
    pub(crate) routes: BTreeMap<String, String>,
    /// The table as `CreateRouteTable` shows it.
    pub(crate) made: Option<Element>,
}

impl RouteTable {
    /// A VPC's main table.
    pub(crate) fn main(vpc: String) -> RouteTable {
        RouteTable { vpc, main: Some("rtbassoc-00000001".to_owned()), ..RouteTable::default() }
    }

    /// A table as the local cloud shows it. There associations outlive their subnet.
    pub(crate) fn read(item: &Element, removed: &BTreeSet<String>) -> RouteTable {
        let target = |route: &Element| [text(route, "gatewayId"), text(route, "natGatewayId")].concat();
        let made = Element { name: "routeTable".to_owned(), ..item.clone() };
        let mut table = RouteTable { vpc: text(item, "vpcId"), made: Some(made), ..RouteTable::default() };
        table.routes =
            list(item, "routeSet").map(|route| (text(route, "destinationCidrBlock"), target(route))).collect();
        for association in list(item, "associationSet") {
            let (id, subnet) = (text(association, "routeTableAssociationId"), text(association, "subnetId"));
            if text(association, "main") == "true" {
                table.main = Some(id);
            } else if !removed.contains(&subnet) {
                table.associations.insert(id, subnet);
            }
        }
        table
    }
}

impl State {
    /// The table and the association that a subnet has.
    fn table_of(&self, subnet: &str) -> Option<(&String, &String)> {
        self.route_tables.iter().find_map(|(table, held)| {
            let (association, _) = held.associations.iter().find(|(_, known)| *known == subnet)?;
            Some((table, association))
        })
    }
}

/// A subnet follows one table: a second association is refused, the same one again is answered with the first.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateRouteTable.html>
pub(crate) struct RouteTableAssociation;

impl Rule for RouteTableAssociation {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        let state = &world.ec2;
        let error = |code: &str, message: String| Some(Answer::error(call, code, &message));
        match call.action.as_str() {
            "AssociateRouteTable" => {
                let (table, subnet) = (call.text("RouteTableId"), call.text("SubnetId"));
                let vpc = &state.route_tables.get(table)?.vpc;
                if state.subnets.get(subnet).is_some_and(|subnet| subnet.vpc != *vpc) {
                    let message = format!("Route table {table} and subnet {subnet} belong to different networks");
                    return error("InvalidParameterValue", message);
                }
                let (known, association) = state.table_of(subnet)?;
                if known != table {
                    let message = format!(
                        "the specified association for route table {table} conflicts with an existing association"
                    );
                    return error("Resource.AlreadyAssociated", message);
                }
                let said = vec![
                    leaf("associationId", association),
                    element("associationState", vec![leaf("state", "associated")]),
                ];
                Some(Answer::xml(element("AssociateRouteTableResponse", said)))
            }
            "DisassociateRouteTable" => {
                let id = call.text("AssociationId");
                let mut tables = state.route_tables.values();
                if tables.clone().any(|table| table.main.as_deref() == Some(id)) {
                    let message = format!("cannot disassociate the main route table association {id}");
                    return error("InvalidParameterValue", message);
                }
                if tables.any(|table| table.associations.contains_key(id)) {
                    return None;
                }
                error("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"))
            }
            _ => None,
        }
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.action != "DescribeRouteTables" {
            return;
        }
        let Some(document) = answer.document() else { return };
        for table in items(document, "routeTableSet") {
            let removed = |item: &Element| world.ec2.removed.contains(&text(item, "subnetId"));
            retain(table, "associationSet", |item| !removed(item));
        }
    }
}
