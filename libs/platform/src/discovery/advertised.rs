//! Where a process says that it is.

use std::net::{IpAddr, SocketAddr};

use super::DiscoveryConfig;
use crate::{config::SettingError, rpc::Address};

const SETTING: &str = "discovery.advertise";

impl DiscoveryConfig {
    /// Where the others reach this process, which listens on `listened`, by TLS or not.
    ///
    /// # Errors
    /// Says why that can't be told, with the setting that would.
    pub fn advertised(&self, listened: SocketAddr, tls: bool) -> Result<Address, SettingError> {
        let wrong = |message: String| SettingError::new(SETTING, message);
        if self.advertise.is_empty() {
            if listened.ip().is_unspecified() {
                return Err(wrong(format!(
                    "is not set, and {listened}, which this process listens on, does not tell where others reach it: name \
                     that address, for example 10.0.0.5, or listen on it"
                )));
            }
            return Ok(explicit(&listened.to_string(), tls).expect("it is an address"));
        }
        let port = listened.port();
        let text = match self.advertise.parse::<IpAddr>() {
            Ok(ip) => SocketAddr::new(ip, port).to_string(),
            Err(_) => self.advertise.trim_end_matches('/').to_owned(),
        };
        let found = text.parse().or_else(|_| format!("{text}:{port}").parse());
        let address: Address = found.map_err(|_| {
            wrong(format!(
                "`{}` is no address; write HOST:PORT, or HOST alone for the port listened on",
                self.advertise
            ))
        })?;
        if !address.is_of_one() || address.is_unspecified() {
            return Err(wrong(format!("`{address}` is not the address of one process; write HOST:PORT")));
        }
        match address.conflict(tls) {
            Some(conflict) => Err(wrong(format!("{address} {conflict}"))),
            None => Ok(address.explicit(tls)),
        }
    }
}

fn explicit(text: &str, tls: bool) -> Option<Address> {
    Some(text.parse::<Address>().ok()?.explicit(tls))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advertised(advertise: &str, listened: &str, tls: bool) -> Result<String, String> {
        let config = DiscoveryConfig { advertise: advertise.to_owned(), ..DiscoveryConfig::default() };
        let address = config.advertised(listened.parse().unwrap(), tls);
        address.map(|address| address.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_where_the_process_listens_unless_something_else_is_said() {
        for (advertise, listened, tls, expected) in [
            ("", "10.0.0.5:7001", false, "http://10.0.0.5:7001"),
            ("", "[fd00::1]:7001", true, "https://[fd00::1]:7001"),
            ("10.0.0.5", "0.0.0.0:7001", false, "http://10.0.0.5:7001"),
            ("fd00::1", "[::]:7001", false, "http://[fd00::1]:7001"),
            ("catalog-0.catalog.souk.svc", "0.0.0.0:7001", true, "https://catalog-0.catalog.souk.svc:7001"),
            ("catalog.example:443", "0.0.0.0:7001", true, "https://catalog.example:443"),
            ("https://catalog.example/", "0.0.0.0:7001", true, "https://catalog.example:7001"),
        ] {
            assert_eq!(advertised(advertise, listened, tls).as_deref(), Ok(expected), "{advertise} {listened}");
        }
    }

    #[test]
    fn an_address_that_leads_nowhere_is_told_by_its_setting() {
        for (advertise, listened, tls, expected) in [
            ("", "0.0.0.0:7001", false, "is not set, and 0.0.0.0:7001, which this process listens on"),
            ("", "[::]:7001", false, "is not set, and [::]:7001"),
            ("0.0.0.0", "0.0.0.0:7001", false, "not the address of one process"),
            ("dns:catalog:7001", "0.0.0.0:7001", false, "not the address of one process"),
            ("etcd:", "0.0.0.0:7001", false, "not the address of one process"),
            ("a b", "0.0.0.0:7001", false, "is no address"),
            ("http://10.0.0.5", "0.0.0.0:7001", true, "says http, but"),
        ] {
            let error = advertised(advertise, listened, tls).unwrap_err();
            assert!(error.starts_with("discovery.advertise: ") && error.contains(expected), "{error}");
        }
    }
}
