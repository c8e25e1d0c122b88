//! The services of other processes: found in the configuration, made reachable under their names.

use std::{collections::BTreeMap, sync::Arc};

use souk_platform::{
    rpc::{Address, Directory, Peer},
    tls::Mutual,
};

use crate::{config::Config, roster::Roster};

/// The services of other processes, by name.
pub type Peers = BTreeMap<&'static str, Arc<Peer>>;

/// Why the other processes can't be reached as configured.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// Some have no address.
    #[error("{}", missing(.0))]
    Missing(Vec<&'static str>),
    /// An address can't be used.
    #[error("peers.{service}: {message}")]
    Address {
        /// Whose.
        service: &'static str,
        /// What is wrong.
        message: String,
    },
}

fn missing(services: &[&'static str]) -> String {
    let lines = services.iter().map(|service| {
        format!(
            "peers.{service} is not set: {service} does not run in this process and needs an address, for example \
             peers.{service} = [\"http://10.0.0.5:7001\"], or discovery.etcd to look it up"
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Makes everything that is not in `roster` reachable.
pub fn connect(
    config: &Config,
    roster: &Roster,
    tls: Option<&Mutual>,
    directory: &Directory,
) -> Result<Peers, PeerError> {
    let registered = [Address::etcd()];
    // Whoever stands nowhere is looked up.
    let otherwise = if config.discovery.is_on() { &registered[..] } else { &[] };
    let addresses = |service| match config.peers.of(service).map_or(&[][..], Vec::as_slice) {
        [] => otherwise,
        some => some,
    };
    let without: Vec<_> = roster.elsewhere().filter(|service| addresses(service).is_empty()).collect();
    if !without.is_empty() {
        return Err(PeerError::Missing(without));
    }
    let mut peers = Peers::new();
    for service in roster.elsewhere() {
        if !config.discovery.is_on() && addresses(service).iter().any(Address::is_etcd) {
            let message = "says `etcd:`, but discovery.etcd does not say where that is".to_owned();
            return Err(PeerError::Address { service, message });
        }
        let peer = Peer::new(service, addresses(service), tls.cloned());
        let peer = peer.map_err(|message| PeerError::Address { service, message })?;
        directory.connect(Arc::clone(&peer));
        peers.insert(service, peer);
    }
    Ok(peers)
}
