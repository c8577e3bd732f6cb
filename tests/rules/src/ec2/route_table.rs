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

#[cfg(test)]
mod tests {
    use crate::ec2::scene::{DONE, Scene, TABLE, one, set, told};

    const FIRST: [(&str, &str); 2] = [("RouteTableId", "rtb-1"), ("SubnetId", "subnet-1")];
    const ASSOCIATED: &str = "<R><associationId>rtbassoc-1</associationId></R>";

    #[tokio::test]
    async fn a_subnet_follows_one_table() {
        let scene = Scene::new().await;
        scene.done("AssociateRouteTable", &FIRST, ASSOCIATED).await;
        let again = scene.done("AssociateRouteTable", &FIRST, "<R><associationId>rtbassoc-2</associationId></R>").await;
        assert_eq!(told(&again, "associationId"), ["rtbassoc-1"], "the same one again is the first");
        let second = one("routeTable", "<routeTableId>rtb-2</routeTableId><vpcId>vpc-1</vpcId>");
        scene.done("CreateRouteTable", &[("VpcId", "vpc-1")], &second).await;
        let other = [("RouteTableId", "rtb-2"), ("SubnetId", "subnet-1")];
        assert_eq!(scene.refused("AssociateRouteTable", &other).await, "Resource.AlreadyAssociated");
        scene.done("DisassociateRouteTable", &[("AssociationId", "rtbassoc-1")], DONE).await;
        scene.done("AssociateRouteTable", &other, ASSOCIATED).await;
    }

    #[tokio::test]
    async fn an_absent_association_is_not_found() {
        let scene = Scene::new().await;
        let code = scene.refused("DisassociateRouteTable", &[("AssociationId", "rtbassoc-9")]).await;
        assert_eq!(code, "InvalidAssociationID.NotFound");
    }

    #[tokio::test]
    async fn an_associated_table_is_not_deleted() {
        let scene = Scene::new().await;
        scene.done("AssociateRouteTable", &FIRST, ASSOCIATED).await;
        assert_eq!(scene.refused("DeleteRouteTable", &[("RouteTableId", "rtb-1")]).await, "DependencyViolation");
        scene.done("DisassociateRouteTable", &[("AssociationId", "rtbassoc-1")], DONE).await;
        scene.done("DeleteRouteTable", &[("RouteTableId", "rtb-1")], DONE).await;
    }

    #[tokio::test]
    async fn an_association_goes_with_its_subnet() {
        let scene = Scene::new().await;
        scene.done("AssociateRouteTable", &FIRST, ASSOCIATED).await;
        scene.done("DeleteSubnet", &[("SubnetId", "subnet-1")], DONE).await;
        let kept = "<associationSet><item><routeTableAssociationId>rtbassoc-1</routeTableAssociationId>\
                    <subnetId>subnet-1</subnetId></item></associationSet>";
        let shown = set("routeTableSet", &[&[TABLE, kept].concat()]);
        let seen = scene.call("DescribeRouteTables", &[], &shown).await;
        assert_eq!(told(&seen, "routeTableSet/item/associationSet/item/subnetId"), [""; 0]);
        scene.done("DeleteRouteTable", &[("RouteTableId", "rtb-1")], DONE).await;
    }
}
