//! The section `network`: the VPC's address range, its subnets and the way out.

use super::{
    Reading,
    fields::{Field, Fields},
    violation::ViolationCode,
};
use crate::spec::{Nat, Network};
use ipnet::Ipv4Net;
use std::{net::Ipv4Addr, ops::RangeInclusive};

/// The address range of a VPC whose request names none: 10.0.0.0/16.
const DEFAULT_VPC: (Ipv4Addr, u8) = (Ipv4Addr::new(10, 0, 0, 0), 16);
/// How large AWS lets a VPC and a subnet be.
const PREFIXES: RangeInclusive<u8> = 16..=28;
/// One subnet for each availability zone.
pub const SUBNETS: RangeInclusive<usize> = 2..=3;
/// How many zones a network spans where the request says nothing.
const ZONES: usize = 3;

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Create,
    Existing,
}

/// The section.
pub(super) fn read(body: &mut Fields<'_>) -> Reading<Network> {
    let mut fields = Fields::section(body, "network");
    let mode = fields.get("mode");
    let chosen = match &mode {
        Some(field) => field.choice(&[("create", Mode::Create), ("existing", Mode::Existing)]),
        None => Some(Mode::Create),
    };
    if let (Some(field), Some(Mode::Existing)) = (&mode, chosen) {
        // Its other fields are not known yet either: this one sentence says it.
        field.refuse(ViolationCode::NotAvailable, "A network that exists cannot be used yet. Leave the mode out.");
        return None;
    }
    let nat = match fields.get("nat") {
        Some(field) => field.choice(&[("single", Nat::Single), ("per-az", Nat::PerAz), ("none", Nat::None)]),
        None => Some(Nat::Single),
    };
    let vpc = match fields.get("vpc_cidr") {
        Some(field) => vpc(&field),
        None => Ipv4Net::new(DEFAULT_VPC.0, DEFAULT_VPC.1).ok(),
    };
    let public = fields.get("public_subnets");
    let private = fields.get("private_subnets");
    let subnets = subnets(&fields, vpc, nat, public, private);
    fields.finish();
    chosen?;
    let (public_subnets, private_subnets) = subnets?;
    Some(Network::Create { vpc_cidr: vpc?, public_subnets, private_subnets, nat: nat? })
}

/// AWS would take these ranges in no VPC.
fn vpc(field: &Field<'_>) -> Option<Ipv4Net> {
    let range = range(field)?;
    let address = range.addr();
    let first = address.octets()[0];
    if first == 0 || address.is_loopback() || address.is_link_local() || first >= 224 {
        field.refuse(ViolationCode::NotAllowed, "Addresses of this range have a meaning of their own.");
        return None;
    }
    Some(range)
}

/// An address range as AWS takes it.
fn range(field: &Field<'_>) -> Option<Ipv4Net> {
    const FORM: &str = "This must be an IPv4 address range, for instance 10.0.0.0/16.";
    let text = field.text_like(1..=18, |text| text.parse::<Ipv4Net>().is_ok(), FORM)?;
    let range: Ipv4Net = text.parse().ok()?;
    if !PREFIXES.contains(&range.prefix_len()) {
        let detail = format!("The prefix must be /{} to /{}.", PREFIXES.start(), PREFIXES.end());
        field.refuse(ViolationCode::OutOfRange, detail);
        return None;
    }
    if range.trunc() != range {
        let detail = format!("The address has bits behind the prefix: did you mean {}?", range.trunc());
        field.refuse(ViolationCode::Invalid, detail);
        return None;
    }
    Some(range)
}

type Ranges = Vec<Ipv4Net>;

/// The subnets given, or those that follow from the VPC's range.
fn subnets(
    fields: &Fields<'_>,
    vpc: Option<Ipv4Net>,
    nat: Option<Nat>,
    public: Option<Field<'_>>,
    private: Option<Field<'_>>,
) -> Reading<(Ranges, Ranges)> {
    let without_private = nat == Some(Nat::None);
    if let Some(field) = private.as_ref().filter(|_| without_private)
        && !field.list(0..=usize::MAX)?.is_empty()
    {
        let detail = "Without a NAT gateway nothing can live in private subnets. Leave them out.";
        field.refuse(ViolationCode::Conflict, detail);
    }
    let private = private.filter(|_| !without_private);
    match (&public, &private) {
        (None, None) => return derived(fields, vpc?, without_private),
        (Some(_), None) if !without_private => {
            fields.refuse("private_subnets", ViolationCode::Required, "Give both lists of subnets, or neither.");
        }
        (None, Some(_)) => {
            fields.refuse("public_subnets", ViolationCode::Required, "Give both lists of subnets, or neither.");
        }
        _ => {}
    }
    let lists = [&public, &private].map(|list| list.as_ref().map(|list| (list, list.list(SUBNETS))));
    if let [Some((_, Some(public))), Some((list, Some(private)))] = &lists
        && public.len() != private.len()
    {
        list.refuse(ViolationCode::Conflict, "There must be as many private subnets as public ones.");
    }
    let mut before: Vec<(String, Ipv4Net)> = Vec::new();
    let [public, private] = lists.map(|list| {
        let items = list.and_then(|(_, items)| items)?;
        // Every item is judged before the first mistake counts.
        let ranges: Vec<_> = items.iter().map(|item| subnet(item, vpc, &mut before)).collect();
        ranges.into_iter().collect::<Option<Ranges>>()
    });
    Some((public?, if without_private { Ranges::new() } else { private? }))
}

/// A subnet lies within the VPC and shares no address with one before it.
fn subnet(field: &Field<'_>, vpc: Option<Ipv4Net>, before: &mut Vec<(String, Ipv4Net)>) -> Option<Ipv4Net> {
    let range = range(field)?;
    if let Some(vpc) = vpc.filter(|vpc| !vpc.contains(&range)) {
        field.refuse(ViolationCode::Conflict, format!("The subnet must lie within the VPC's range {vpc}."));
    }
    let overlap = before.iter().find(|(_, other)| other.contains(&range) || range.contains(other));
    if let Some((other, _)) = overlap {
        field.refuse(ViolationCode::Overlap, format!("The subnet shares addresses with {other}."));
    }
    before.push((field.pointer().to_owned(), range));
    Some(range)
}

/// Subnets that follow from the VPC's range: slices of 256 addresses, or as many as make eight, without the
/// first. In 10.0.0.0/16 these are 10.0.1.0/24 to 10.0.6.0/24.
fn derived(fields: &Fields<'_>, vpc: Ipv4Net, without_private: bool) -> Reading<(Ranges, Ranges)> {
    let prefix = (vpc.prefix_len() + 3).max(24);
    let slices = if PREFIXES.contains(&prefix) { vpc.subnets(prefix).ok() } else { None };
    let Some(slices) = slices else {
        let detail = "This range is too small to be divided into eight. Give public_subnets and private_subnets.";
        fields.refuse("vpc_cidr", ViolationCode::OutOfRange, detail);
        return None;
    };
    let mut slices = slices.skip(1);
    let public = slices.by_ref().take(ZONES).collect();
    let private = if without_private { Ranges::new() } else { slices.take(ZONES).collect() };
    Some((public, private))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted, codes_with, minimal};
    use super::*;
    use serde_json::{Value, json};

    fn network(section: Value) -> (Vec<String>, Vec<String>) {
        let mut body = minimal();
        body["network"] = section;
        let Network::Create { public_subnets, private_subnets, .. } = accepted(&body).spec.network;
        let text = |ranges: Ranges| ranges.iter().map(Ipv4Net::to_string).collect();
        (text(public_subnets), text(private_subnets))
    }

    fn codes(section: Value) -> Vec<(String, ViolationCode)> {
        codes_with("/network", section)
    }

    #[test]
    fn the_default_is_the_seeds_network() {
        let (public, private) = network(json!({}));
        assert_eq!(public, ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]);
        assert_eq!(private, ["10.0.4.0/24", "10.0.5.0/24", "10.0.6.0/24"]);
    }

    #[test]
    fn subnets_follow_from_the_vpcs_range() {
        let (public, private) = network(json!({"vpc_cidr": "172.16.8.0/22"}));
        assert_eq!((public[0].as_str(), private[2].as_str()), ("172.16.8.128/25", "172.16.11.0/25"));
        assert_eq!(
            codes(json!({"vpc_cidr": "10.0.0.0/26"})),
            [("/network/vpc_cidr".into(), ViolationCode::OutOfRange)]
        );
    }

    #[test]
    fn without_nat_there_are_no_private_subnets() {
        assert_eq!(network(json!({"nat": "none"})).1, [""; 0]);
        assert_eq!(network(json!({"nat": "none", "private_subnets": []})).0.len(), 3);
        assert_eq!(
            codes(json!({"nat": "none", "private_subnets": ["10.0.4.0/24", "10.0.5.0/24"]})),
            [("/network/private_subnets".into(), ViolationCode::Conflict)]
        );
    }

    #[test]
    fn every_wrong_range_is_named() {
        let section = json!({
            "vpc_cidr": "10.1.0.0/16",
            "public_subnets": ["10.1.1.0/24", "10.1.1.128/25", "10.2.0.0/24"],
            "private_subnets": ["10.1.4.1/24", "ten", "10.1.0.0/29"],
            "nats": 1
        });
        assert_eq!(
            codes(section),
            [
                ("/network/public_subnets/1".into(), ViolationCode::Overlap),
                ("/network/public_subnets/2".into(), ViolationCode::Conflict),
                ("/network/private_subnets/0".into(), ViolationCode::Invalid),
                ("/network/private_subnets/1".into(), ViolationCode::Invalid),
                ("/network/private_subnets/2".into(), ViolationCode::OutOfRange),
                ("/network/nats".into(), ViolationCode::UnknownField),
            ]
        );
    }

    #[test]
    fn the_lists_are_of_one_length_and_come_together() {
        let public = json!(["10.0.1.0/24", "10.0.2.0/24"]);
        assert_eq!(
            codes(json!({"public_subnets": public, "private_subnets": ["10.0.4.0/24", "10.0.5.0/24", "10.0.6.0/24"]})),
            [("/network/private_subnets".into(), ViolationCode::Conflict)]
        );
        assert_eq!(
            codes(json!({"public_subnets": public})),
            [("/network/private_subnets".into(), ViolationCode::Required)]
        );
        assert_eq!(
            codes(json!({"public_subnets": ["10.0.1.0/24"], "private_subnets": ["10.0.4.0/24"]})),
            [
                ("/network/public_subnets".into(), ViolationCode::OutOfRange),
                ("/network/private_subnets".into(), ViolationCode::OutOfRange)
            ]
        );
    }

    #[test]
    fn an_existing_network_is_not_available_yet() {
        assert_eq!(
            codes(json!({"mode": "existing", "vpc_id": "vpc-1"})),
            [("/network/mode".into(), ViolationCode::NotAvailable)]
        );
    }

    #[test]
    fn a_range_with_a_meaning_of_its_own_is_no_vpc() {
        for range in ["127.0.0.0/16", "169.254.0.0/16", "224.0.0.0/16", "0.0.0.0/16"] {
            assert_eq!(
                codes(json!({"vpc_cidr": range})),
                [("/network/vpc_cidr".into(), ViolationCode::NotAllowed)],
                "{range}"
            );
        }
    }
}
