//! Which addresses a request may go to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Network;

/// Which addresses may be connected to: those of the public Internet, and what the operator allows besides.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    allowed: Vec<Network>,
}

impl Reach {
    pub(super) fn new(allowed: Vec<Network>) -> Self {
        Self { allowed }
    }

    pub(super) fn includes(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.allowed.iter().any(|network| network.contains(address))
    }
}

/// Whether `address` belongs to the public Internet, by the special-purpose registries of IANA (RFC 6890 and its
/// successors).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    // This network, private, loopback, link-local; from 224 on multicast, reserved and broadcast.
    let local = matches!((a, b, c), (0 | 10 | 127 | 224.., ..) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _));
    // Shared by carriers, protocol assignments, 6to4 relays, benchmarks, documentation.
    let special = matches!(
        (a, b, c),
        (100, 64..=127, _) | (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113)
    );
    !local && !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    match (a, b) {
        // An IPv4 address behind a translator is reached as that address.
        (0x64, 0xff9b) if address.segments()[2..6] == [0; 4] => {
            let [.., a, b, c, d] = address.octets();
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Of what was given out (2000::/3), these lead elsewhere: Teredo and other protocols, documentation, 6to4.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x2002, _) | (0x3fff, 0..=0xfff) => false,
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_reached() {
        let nowhere = Reach::default();
        for address in ["1.1.1.1", "93.184.216.34", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "64:ff9b::101:101"] {
            assert!(nowhere.includes(address.parse().unwrap()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!nowhere.includes(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn the_operator_may_allow_more() {
        let some = Reach::new(vec!["10.1.0.0/16".parse().unwrap()]);
        assert!(some.includes("10.1.2.3".parse().unwrap()));
        assert!(some.includes("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!some.includes("10.2.2.3".parse().unwrap()));
        assert!(!some.includes("169.254.169.254".parse().unwrap()));
    }
}
