//! Where another process is, as it stands in the configuration.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `10.0.0.5:7001`, `http://catalog:7001`, `https://catalog:7001` (one instance each), `dns:catalog.souk.svc:7001`
/// (an instance for each address that the name has), or `etcd:` (each that has registered, see
/// [`discovery`](crate::discovery)).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Address {
    scheme: Scheme,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Scheme {
    /// With TLS if the process has it.
    Any,
    Http,
    Https,
    Dns,
    /// Without host and port.
    Etcd,
}

const ETCD: &str = "etcd:";

/// Why a text is not an address.
#[derive(Debug, PartialEq, Eq)]
pub struct ParseAddressError;

impl fmt::Display for ParseAddressError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(
            "must be an address such as http://10.0.0.5:7001, dns:catalog.souk.svc:7001 for all addresses of a name, or \
             etcd: for those that have registered",
        )
    }
}

impl std::error::Error for ParseAddressError {}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        if text == ETCD {
            return Ok(Self::etcd());
        }
        let prefixes = [("http://", Scheme::Http), ("https://", Scheme::Https), ("dns:", Scheme::Dns)];
        let found = prefixes.iter().find_map(|(prefix, scheme)| Some((text.strip_prefix(prefix)?, *scheme)));
        let (rest, scheme) = found.unwrap_or((text, Scheme::Any));
        let rest = if scheme == Scheme::Dns { rest } else { rest.strip_suffix('/').unwrap_or(rest) };
        let (host, port) = rest.rsplit_once(':').ok_or(ParseAddressError)?;
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let sound = match bracketed {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && plain(host),
        };
        let port: u16 = port.parse().map_err(|_| ParseAddressError)?;
        if sound && port > 0 { Ok(Self { scheme, host: host.to_owned(), port }) } else { Err(ParseAddressError) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Any => "",
            Scheme::Http => "http://",
            Scheme::Https => "https://",
            Scheme::Dns => "dns:",
            Scheme::Etcd => return out.write_str(ETCD),
        };
        write!(out, "{scheme}{}:{}", self.host, self.port)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Address {
    /// Whether it stands for as many instances as its name has addresses.
    pub(super) fn is_dns(&self) -> bool {
        self.scheme == Scheme::Dns
    }

    /// Whatever registers.
    pub fn etcd() -> Self {
        Self { scheme: Scheme::Etcd, host: String::new(), port: 0 }
    }

    /// Whether it stands for what registers.
    pub fn is_etcd(&self) -> bool {
        self.scheme == Scheme::Etcd
    }

    /// Whether it is that of one instance.
    pub(crate) fn is_of_one(&self) -> bool {
        !self.is_dns() && !self.is_etcd()
    }

    /// The same, saying whether it is by TLS.
    pub(crate) fn explicit(self, tls: bool) -> Self {
        Self { scheme: if tls { Scheme::Https } else { Scheme::Http }, ..self }
    }

    /// Whether it says where somebody listens, not where anybody finds him: `0.0.0.0`, `[::]`.
    pub(crate) fn is_unspecified(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
    }

    /// `host:port`, as it stands in requests.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What is wrong about it in a process that has TLS between processes, or hasn't.
    pub(crate) fn conflict(&self, tls: bool) -> Option<&'static str> {
        match (self.scheme, tls) {
            (Scheme::Http, true) => Some("says http, but calls go by TLS here (the section tls is set): write https"),
            (Scheme::Https, false) => {
                Some("says https, but this process has no certificates: set tls.ca, tls.cert, tls.key")
            }
            _ => None,
        }
    }

    /// The addresses of the host as they are now.
    pub(super) async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        Ok(tokio::net::lookup_host((host, self.port)).await?.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_as_written() {
        for text in ["10.0.0.5:7001", "http://catalog:7001", "https://[::1]:7001", "dns:catalog.souk.svc:7001", "etcd:"]
        {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!("http://a:1/".parse::<Address>().unwrap().to_string(), "http://a:1");
        for text in [
            "",
            "catalog",
            "http://catalog",
            "http://:1",
            "ftp://a:1",
            "a:0",
            "a:70000",
            "a b:1",
            "http://a:1/x",
            "etcd:x",
        ] {
            assert_eq!(text.parse::<Address>(), Err(ParseAddressError), "{text}");
        }
    }

    #[test]
    fn the_scheme_has_to_fit_the_process() {
        let conflict = |text: &str, tls| text.parse::<Address>().unwrap().conflict(tls).is_some();
        assert!(conflict("http://a:1", true) && conflict("https://a:1", false));
        assert!(!conflict("dns:a:1", true) && !conflict("a:1", true) && !conflict("http://a:1", false));
    }
}
