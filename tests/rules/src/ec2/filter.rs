//! Filters.

use super::xml::{tags, values};
use crate::{Answer, Call, answer::retain, rule::Rule, world::World};
use xmltree::Element;

/// A describe, where it lists what, and where an item holds what each filter of AWS is about.
struct Listing {
    action: &'static str,
    set: &'static str,
    filters: &'static [(&'static str, &'static str)],
}

const LISTINGS: &[Listing] = &[
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddresses.html>
    Listing {
        action: "DescribeAddresses",
        set: "addressesSet",
        filters: &[
            ("allocation-id", "allocationId"),
            ("association-id", "associationId"),
            ("instance-id", "instanceId"),
            ("network-border-group", "networkBorderGroup"),
            ("network-interface-id", "networkInterfaceId"),
            ("network-interface-owner-id", "networkInterfaceOwnerId"),
            ("private-ip-address", "privateIpAddress"),
            ("public-ip", "publicIp"),
        ],
    },
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNatGateways.html>
    Listing {
        action: "DescribeNatGateways",
        set: "natGatewaySet",
        filters: &[
            ("nat-gateway-id", "natGatewayId"),
            ("state", "state"),
            ("subnet-id", "subnetId"),
            ("vpc-id", "vpcId"),
        ],
    },
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html>
    Listing {
        action: "DescribeNetworkInterfaces",
        set: "networkInterfaceSet",
        filters: &[
            ("addresses.private-ip-address", "privateIpAddressesSet/item/privateIpAddress"),
            ("association.allocation-id", "association/allocationId"),
            ("association.association-id", "association/associationId"),
            ("association.public-ip", "association/publicIp"),
            ("attachment.attachment-id", "attachment/attachmentId"),
            ("attachment.instance-id", "attachment/instanceId"),
            ("attachment.instance-owner-id", "attachment/instanceOwnerId"),
            ("attachment.status", "attachment/status"),
            ("availability-zone", "availabilityZone"),
            ("description", "description"),
            ("group-id", "groupSet/item/groupId"),
            ("interface-type", "interfaceType"),
            ("mac-address", "macAddress"),
            ("network-interface-id", "networkInterfaceId"),
            ("owner-id", "ownerId"),
            ("private-ip-address", "privateIpAddress"),
            ("requester-managed", "requesterManaged"),
            ("status", "status"),
            ("subnet-id", "subnetId"),
            ("vpc-id", "vpcId"),
        ],
    },
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html>
    Listing {
        action: "DescribeSecurityGroups",
        set: "securityGroupInfo",
        filters: &[
            ("description", "groupDescription"),
            ("group-id", "groupId"),
            ("group-name", "groupName"),
            ("owner-id", "ownerId"),
            ("vpc-id", "vpcId"),
        ],
    },
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html>
    Listing {
        action: "DescribeRouteTables",
        set: "routeTableSet",
        filters: &[
            ("association.main", "associationSet/item/main"),
            ("association.route-table-association-id", "associationSet/item/routeTableAssociationId"),
            ("association.route-table-id", "associationSet/item/routeTableId"),
            ("association.subnet-id", "associationSet/item/subnetId"),
            ("owner-id", "ownerId"),
            ("route-table-id", "routeTableId"),
            ("route.destination-cidr-block", "routeSet/item/destinationCidrBlock"),
            ("route.gateway-id", "routeSet/item/gatewayId"),
            ("route.nat-gateway-id", "routeSet/item/natGatewayId"),
            ("route.origin", "routeSet/item/origin"),
            ("route.state", "routeSet/item/state"),
            ("vpc-id", "vpcId"),
        ],
    },
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInternetGateways.html>
    Listing {
        action: "DescribeInternetGateways",
        set: "internetGatewaySet",
        filters: &[
            ("attachment.state", "attachmentSet/item/state"),
            ("attachment.vpc-id", "attachmentSet/item/vpcId"),
            ("internet-gateway-id", "internetGatewayId"),
            ("owner-id", "ownerId"),
        ],
    },
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>
    Listing {
        action: "DescribeSubnets",
        set: "subnetSet",
        filters: &[
            ("availability-zone", "availabilityZone"),
            ("availability-zone-id", "availabilityZoneId"),
            ("cidr-block", "cidrBlock"),
            ("default-for-az", "defaultForAz"),
            ("map-public-ip-on-launch", "mapPublicIpOnLaunch"),
            ("owner-id", "ownerId"),
            ("state", "state"),
            ("subnet-arn", "subnetArn"),
            ("subnet-id", "subnetId"),
            ("vpc-id", "vpcId"),
        ],
    },
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html>
    Listing {
        action: "DescribeVpcs",
        set: "vpcSet",
        filters: &[
            ("cidr", "cidrBlock"),
            ("cidr-block-association.cidr-block", "cidrBlockAssociationSet/item/cidrBlock"),
            ("dhcp-options-id", "dhcpOptionsId"),
            ("is-default", "isDefault"),
            ("owner-id", "ownerId"),
            ("state", "state"),
            ("vpc-id", "vpcId"),
        ],
    },
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html>
    Listing {
        action: "DescribeTags",
        set: "tagSet",
        filters: &[
            ("key", "key"),
            ("resource-id", "resourceId"),
            ("resource-type", "resourceType"),
            ("value", "value"),
        ],
    },
];

/// Every filter is applied, and a filter that AWS does not know is refused.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html>
pub(crate) struct Filters;

impl Rule for Filters {
    fn refuse(&self, call: &Call, _world: &mut World) -> Option<Answer> {
        let listing = of(call)?;
        let filters = call.filters();
        let (unknown, _) = filters.iter().find(|(name, _)| !is_about_tags(name) && path(listing, name).is_none())?;
        Some(Answer::error(call, "InvalidParameterValue", &format!("The filter '{unknown}' is invalid")))
    }

    fn follow(&self, call: &Call, answer: &mut Answer, _world: &mut World) {
        let (Some(listing), filters) = (of(call), call.filters()) else { return };
        if filters.is_empty() {
            return;
        }
        if let Some(document) = answer.document() {
            retain(document, listing.set, |item| {
                filters.iter().all(|(name, wanted)| {
                    let held = held(listing, item, name);
                    held.iter().any(|held| wanted.iter().any(|wanted| matches(wanted, held)))
                })
            });
        }
    }
}

fn of(call: &Call) -> Option<&'static Listing> {
    LISTINGS.iter().find(|listing| call.service == "ec2" && listing.action == call.action)
}

fn path(listing: &Listing, name: &str) -> Option<&'static str> {
    listing.filters.iter().find(|(known, _)| *known == name).map(|(_, path)| *path)
}

fn is_about_tags(name: &str) -> bool {
    name.starts_with("tag:") || name == "tag-key"
}

/// What an item holds of what a filter is about.
fn held(listing: &Listing, item: &Element, name: &str) -> Vec<String> {
    if let Some(path) = path(listing, name) {
        return values(item, path);
    }
    // An item of DescribeTags is a tag.
    let tags = match listing.action {
        "DescribeTags" => values(item, "key").into_iter().zip(values(item, "value")).collect(),
        _ => tags(item),
    };
    match name.strip_prefix("tag:") {
        Some(key) => tags.into_iter().filter(|(known, _)| known == key).map(|(_, value)| value).collect(),
        None => tags.into_iter().map(|(key, _)| key).collect(),
    }
}

/// Whether a text is as wanted, where `*` stands for anything and `?` for one character.
fn matches(wanted: &str, held: &str) -> bool {
    let mut wanted = wanted.chars();
    match wanted.next() {
        None => held.is_empty(),
        Some('*') => {
            let ends = held.char_indices().map(|(at, _)| at).chain([held.len()]);
            ends.map(|at| held.get(at..).unwrap_or_default()).any(|rest| matches(wanted.as_str(), rest))
        }
        Some(one) => {
            let mut held = held.chars();
            held.next().is_some_and(|first| one == '?' || one == first) && matches(wanted.as_str(), held.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ec2::scene::{Scene, set, told};

    #[test]
    fn wildcards() {
        for (wanted, held, is) in [
            ("blue", "blue", true),
            ("blue", "blues", false),
            ("bl*", "blue", true),
            ("*e", "blue", true),
            ("b?ue", "blue", true),
            ("b?e", "blue", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(wanted, held), is, "{wanted} and {held}");
        }
    }

    #[tokio::test]
    async fn addresses_are_found_by_their_tags() {
        let scene = Scene::new().await;
        let tagged = |id: &str, value: &str| {
            format!(
                "<allocationId>{id}</allocationId><tagSet><item><key>Name</key><value>{value}</value></item></tagSet>"
            )
        };
        let all = set("addressesSet", &[&tagged("eipalloc-1", "ours"), &tagged("eipalloc-2", "theirs")]);
        let filter = [("Filter.1.Name", "tag:Name"), ("Filter.1.Value.1", "ours")];
        let seen = scene.call("DescribeAddresses", &filter, &all).await;
        assert_eq!(told(&seen, "addressesSet/item/allocationId"), ["eipalloc-1"]);
    }

    #[tokio::test]
    async fn every_filter_must_hold_and_one_of_its_values() {
        let scene = Scene::new().await;
        let group = |id: &str, vpc: &str| format!("<groupId>{id}</groupId><vpcId>{vpc}</vpcId>");
        let all =
            set("securityGroupInfo", &[&group("sg-1", "vpc-1"), &group("sg-2", "vpc-1"), &group("sg-3", "vpc-2")]);
        let filters = [
            ("Filter.1.Name", "group-id"),
            ("Filter.1.Value.1", "sg-2"),
            ("Filter.1.Value.2", "sg-3"),
            ("Filter.2.Name", "vpc-id"),
            ("Filter.2.Value.1", "vpc-1"),
        ];
        let seen = scene.call("DescribeSecurityGroups", &filters, &all).await;
        assert_eq!(told(&seen, "securityGroupInfo/item/groupId"), ["sg-2"]);
    }

    #[tokio::test]
    async fn an_unknown_filter_is_refused() {
        let scene = Scene::new().await;
        let filter = [("Filter.1.Name", "vpcid"), ("Filter.1.Value.1", "vpc-1")];
        assert_eq!(scene.refused("DescribeSubnets", &filter).await, "InvalidParameterValue");
    }
}
