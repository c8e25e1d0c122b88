//! Who is at the other end, also behind proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap, HeaderName};
use souk_platform::config::Network;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address: the connection's, or, when that is a trusted proxy's, the last one in `X-Forwarded-For` that is
/// not. What stands further left was written by the client and may be a lie.
pub(crate) fn client_ip(extensions: &Extensions, headers: &HeaderMap, proxies: &[Network]) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    let trusted = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut client = peer.ip().to_canonical();
    if proxies.is_empty() || !trusted(client) {
        return Some(client);
    }
    for value in headers.get_all(FORWARDED_FOR).iter().rev() {
        for hop in value.to_str().unwrap_or_default().rsplit(',') {
            let Ok(address) = hop.trim().parse::<IpAddr>() else { return Some(client) };
            client = address.to_canonical();
            if !trusted(client) {
                return Some(client);
            }
        }
    }
    Some(client)
}

/// What counts as one client: an IPv4 address, or an IPv6 /64, of which a household has all addresses.
pub(crate) fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let from = |peer: &str, forwarded: &'static str, proxies: &[Network]| {
            let mut extensions = Extensions::new();
            extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
            let headers = HeaderMap::from_iter([(FORWARDED_FOR, forwarded.parse().unwrap())]);
            client_ip(&extensions, &headers, proxies).unwrap().to_string()
        };
        let proxies = [network("10.0.0.0/8")];
        assert_eq!(from("203.0.113.9", "198.51.100.1", &proxies), "203.0.113.9");
        assert_eq!(from("10.0.0.1", "198.51.100.1", &[]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", &proxies), "198.51.100.1");
        assert_eq!(from("::ffff:10.0.0.1", "198.51.100.1", &proxies), "198.51.100.1");
        assert_eq!(from("10.0.0.1", "nonsense", &proxies), "10.0.0.1");
        assert_eq!(from("10.0.0.1", "10.0.0.3", &proxies), "10.0.0.3");
    }

    #[test]
    fn an_ipv6_household_is_one_client() {
        let of = |text: &str| household(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
