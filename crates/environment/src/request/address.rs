//! Which addresses a team's Prefect server may have: the one rule for numbers in a URL and for what a name
//! resolves to.
//!
//! Refused is what means the machine that opens it, or answers every machine with that machine's own secrets: a
//! service that calls such an address for a caller is the caller's deputy. Private addresses are fine: a server
//! may live in the environment's own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a server may have this address. `allow_loopback` is for the local cloud, whose servers are on this
/// machine.
pub fn may_be_a_server(address: IpAddr, allow_loopback: bool) -> bool {
    match address {
        IpAddr::V4(address) => is_fine_v4(address, allow_loopback),
        IpAddr::V6(address) => is_fine_v6(address, allow_loopback),
    }
}

fn is_fine_v4(address: Ipv4Addr, allow_loopback: bool) -> bool {
    // 0.0.0.0/8 is this machine, 192.0.0.0/24 the protocols' own, from 224.0.0.0 on nothing is one machine.
    let is_special = matches!(address.octets(), [0, ..] | [192, 0, 0, _] | [224..=255, ..]);
    // The metadata services, the time and the names of EC2 and ECS are link-local.
    !is_special && !address.is_link_local() && (allow_loopback || !address.is_loopback())
}

fn is_fine_v6(address: Ipv6Addr, allow_loopback: bool) -> bool {
    /// The metadata, time and name services of EC2 and EKS.
    const EC2: [u16; 2] = [0xfd00, 0xec2];
    if address.is_loopback() {
        return allow_loopback;
    }
    let segments = address.segments();
    let is_site_local = segments[0] & 0xffc0 == 0xfec0;
    !address.is_multicast()
        && !address.is_unicast_link_local()
        && !is_site_local
        && segments[..2] != EC2
        && disguised(segments).into_iter().flatten().all(|inner| is_fine_v4(inner, allow_loopback))
}

/// The IPv4 addresses that an IPv6 address may stand for: whoever translates it would call those.
fn disguised(segments: [u16; 8]) -> [Option<Ipv4Addr>; 2] {
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    let tail = v4(segments[6], segments[7]);
    match segments {
        // Compatible, mapped and translated (RFC 4291, RFC 2765).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => [tail, None],
        // NAT64, with the well-known prefix and with a network's own (RFC 6052, RFC 8215).
        [0x64, 0xff9b, ..] => [tail, None],
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => [v4(high, low), None],
        // Teredo: its server, and the client with every bit turned round (RFC 4380).
        [0x2001, 0, high, low, ..] => [v4(high, low), v4(!segments[6], !segments[7])],
        // ISATAP, in any network (RFC 5214).
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => [tail, None],
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(address: &str) -> (bool, bool) {
        let address = address.parse().unwrap();
        (may_be_a_server(address, false), may_be_a_server(address, true))
    }

    #[test]
    fn public_and_private_addresses_are_fine() {
        for address in [
            "93.184.216.34",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "2600:1f18::1",
            "fd12:3456::1",
            "::ffff:10.1.2.3",
            "64:ff9b::5db8:d822",
            "2002:5db8:d822::1",
        ] {
            assert_eq!(verdicts(address), (true, true), "{address}");
        }
    }

    #[test]
    fn this_machine_is_a_server_on_the_local_cloud_only() {
        for address in [
            "127.0.0.1",
            "127.255.255.254",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::127.0.0.1",
            "2002:7f00:1::",
            "2001:0:7f00:1:0:0:a247:27dd",
            "2001:0:5db8:d822:0:0:80ff:fffe",
            "2600:1f18::5efe:127.0.0.1",
            "2600:1f18::200:5efe:127.0.0.1",
        ] {
            assert_eq!(verdicts(address), (false, true), "{address}");
        }
    }

    #[test]
    fn what_has_a_meaning_of_its_own_is_a_server_nowhere() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.169.253",
            "169.254.170.2",
            "192.0.0.8",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::169.254.169.254",
            "::ffff:169.254.169.254",
            "::ffff:0:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::169.254.169.254",
            "2002:a9fe:a9fe::",
            "2001:0:a9fe:a9fe::",
            "2001:0:5db8:d822:0:0:5601:5601",
            "fe80::1",
            "fe80::5efe:169.254.169.254",
            "2600:1f18::5efe:169.254.169.254",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd00:ec2::253",
            "fd00:ec2::23",
        ] {
            assert_eq!(verdicts(address), (false, false), "{address}");
        }
    }
}
