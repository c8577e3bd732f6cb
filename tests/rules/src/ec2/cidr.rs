//! Blocks of IPv4 addresses.

use std::net::Ipv4Addr;

/// A block, such as `10.0.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cidr {
    first: u32,
    length: u8,
}

impl Cidr {
    /// Reads a block. As on AWS, the bits of the host do not count.
    pub(crate) fn parse(text: &str) -> Option<Cidr> {
        let (address, length) = text.split_once('/')?;
        let (address, length) = (address.parse::<Ipv4Addr>().ok()?, length.parse::<u8>().ok()?);
        let shift = 32_u8.checked_sub(length)?;
        let mask = u32::MAX.checked_shl(shift.into()).unwrap_or(0);
        Some(Cidr { first: u32::from(address) & mask, length })
    }

    /// Whether a VPC or a subnet may be so large: from `/16` to `/28`.
    pub(crate) fn has_a_size_for_aws(&self) -> bool {
        (16..=28).contains(&self.length)
    }

    /// Whether all of `other` lies in this one.
    pub(crate) fn contains(&self, other: &Cidr) -> bool {
        self.first <= other.first && other.last() <= self.last()
    }

    /// Whether they share an address.
    pub(crate) fn overlaps(&self, other: &Cidr) -> bool {
        self.first <= other.last() && other.first <= self.last()
    }

    /// The address so many places from the start, of those that AWS does not keep for itself.
    pub(crate) fn address(&self, place: usize) -> String {
        let place = u32::try_from(place).unwrap_or(0);
        Ipv4Addr::from(self.first.saturating_add(4).saturating_add(place).min(self.last())).to_string()
    }

    fn last(&self) -> u32 {
        self.first | u32::MAX.checked_shr(self.length.into()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        Cidr::parse(text).expect("a block")
    }

    #[test]
    fn blocks_within_and_beside_each_other() {
        let vpc = cidr("10.0.0.0/16");
        assert!(vpc.contains(&cidr("10.0.255.0/24")) && vpc.contains(&vpc));
        assert!(!vpc.contains(&cidr("10.1.0.0/24")) && !vpc.contains(&cidr("10.0.0.0/8")));
        assert!(cidr("10.0.0.0/24").overlaps(&cidr("10.0.0.128/25")));
        assert!(!cidr("10.0.0.0/24").overlaps(&cidr("10.0.1.0/24")));
        assert_eq!(cidr("10.0.0.77/24"), cidr("10.0.0.0/24"), "the host's bits do not count");
    }

    #[test]
    fn what_is_not_a_block_is_none() {
        for text in ["", "10.0.0.0", "10.0.0/8", "10.0.0.0/33", "a/8"] {
            assert_eq!(Cidr::parse(text), None, "{text}");
        }
        assert_eq!(cidr("0.0.0.0/0").last(), u32::MAX);
    }

    #[test]
    fn the_first_four_addresses_are_awss() {
        assert_eq!(cidr("10.0.1.0/24").address(0), "10.0.1.4");
        assert_eq!(cidr("10.0.1.0/28").address(99), "10.0.1.15");
    }
}
