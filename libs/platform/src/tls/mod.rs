//! TLS: certificates from files, for the edge and between processes.
//!
//! Between processes both sides show a certificate of one authority ([`Mutual`]), and a caller checks that the other side
//! has the name of the service that it means. At the edge only the server shows one ([`Edge`]). Files that change are read
//! again; what can't be used leaves the former in place.

#[cfg(feature = "cluster")]
mod engine;
mod material;
mod reload;

#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::WebPkiClientVerifier,
};
use serde::{Deserialize, Serialize};

#[cfg(feature = "cluster")]
pub(crate) use self::engine::of_engine;
use self::{material::Material, reload::Reloading};

/// The protocols of a listener that speaks both, best first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The section `tls`: who this process is to the other processes. All of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MutualConfig {
    /// The certificate of the authority that all processes trust, PEM.
    pub ca: Option<PathBuf>,
    /// This process's certificate, with those between it and the authority, PEM.
    pub cert: Option<PathBuf>,
    /// The key of `cert`, PEM.
    pub key: Option<PathBuf>,
}

/// The section `gateway.tls`: who the marketplace is to its visitors. Both or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EdgeConfig {
    /// The certificate, with those between it and a public authority, PEM.
    pub cert: Option<PathBuf>,
    /// The key of `cert`, PEM.
    pub key: Option<PathBuf>,
}

/// Why certificates can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {message}")]
pub struct TlsError {
    /// The key of the configuration, `tls.cert`.
    pub setting: String,
    /// What is wrong, with the file's name.
    pub message: String,
}

impl TlsError {
    fn new(setting: impl Into<String>, message: impl Into<String>) -> Self {
        Self { setting: setting.into(), message: message.into() }
    }
}

/// What a listener needs.
pub trait Accepting: Send + Sync {
    /// The configuration of now, for the next connection.
    fn server(&self) -> Arc<ServerConfig>;
}

/// TLS between processes. Cheap to clone.
#[derive(Clone)]
pub struct Mutual {
    ends: Arc<Reloading<Ends>>,
}

struct Ends {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Mutual {
    /// As configured; `None` when it isn't. `names` are the services of this process: its certificate must name them.
    pub fn open(config: &MutualConfig, names: &[&'static str]) -> Result<Option<Self>, TlsError> {
        let MutualConfig { ca, cert, key } = config;
        let (ca, cert, key) = match (ca, cert, key) {
            (None, None, None) => return Ok(None),
            (Some(ca), Some(cert), Some(key)) => (ca.clone(), cert.clone(), key.clone()),
            _ => {
                let given = [("tls.ca", ca), ("tls.cert", cert), ("tls.key", key)];
                let missing = given.iter().find(|(_, path)| path.is_none()).map_or("tls", |(name, _)| name);
                return Err(TlsError::new(
                    missing,
                    "is not set, but the other keys of the section are: it takes all three",
                ));
            }
        };
        let files = vec![ca.clone(), cert.clone(), key.clone()];
        let names = names.to_vec();
        let read = move || {
            let authorities = material::authorities("tls.ca", &ca)?;
            let own = Material::read("tls", &cert, &key)?;
            ends(authorities, own, &names)
        };
        Ok(Some(Self { ends: Arc::new(Reloading::new(files, read)?) }))
    }

    /// The configuration of now, for the next connection to another process.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.ends.current().client)
    }
}

impl Accepting for Mutual {
    fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.ends.current().server)
    }
}

/// TLS for visitors.
pub struct Edge {
    server: Reloading<Arc<ServerConfig>>,
}

impl Edge {
    /// As configured; `None` when it isn't.
    pub fn open(config: &EdgeConfig) -> Result<Option<Self>, TlsError> {
        let (cert, key) = match (&config.cert, &config.key) {
            (None, None) => return Ok(None),
            (Some(cert), Some(key)) => (cert.clone(), key.clone()),
            (Some(_), None) => return Err(TlsError::new("gateway.tls.key", "is not set, but gateway.tls.cert is")),
            (None, Some(_)) => return Err(TlsError::new("gateway.tls.cert", "is not set, but gateway.tls.key is")),
        };
        let files = vec![cert.clone(), key.clone()];
        let read = move || {
            let own = Material::read("gateway.tls", &cert, &key)?;
            own.check_dates()?;
            let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
            let builder = builder.map_err(|error| own.unusable(&error))?.with_no_client_auth();
            let mut server = own.serve(builder)?;
            server.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
            Ok(Arc::new(server))
        };
        Ok(Some(Self { server: Reloading::new(files, read)? }))
    }
}

impl Accepting for Edge {
    fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server.current())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn ends(authorities: Vec<CertificateDer<'static>>, own: Material, names: &[&'static str]) -> Result<Ends, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).map_err(|error| TlsError::new("tls.ca", format!("can't be used: {error}")))?;
    }
    let roots = Arc::new(roots);
    let unusable = |error: &dyn std::fmt::Display| TlsError::new("tls.ca", format!("can't be used: {error}"));

    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), provider()).build();
    let verifier = verifier.map_err(|error| unusable(&error))?;
    for name in names {
        let name = ServerName::try_from(*name).expect("the name of a service is a label");
        let verified = verifier.verify_server_cert(own.leaf(), own.between(), &name, &[], UnixTime::now());
        verified.map_err(|error| own.explain(&error, &name.to_str()))?;
    }

    let versions = &[&rustls::version::TLS13];
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider()).build();
    let server = ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions);
    let server = server.map_err(|error| own.unusable(&error))?;
    let mut server = own.serve(server.with_client_cert_verifier(clients.map_err(|error| unusable(&error))?))?;
    server.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();

    let client = ClientConfig::builder_with_provider(provider()).with_protocol_versions(versions);
    let client = client.map_err(|error| own.unusable(&error))?.with_root_certificates(roots);
    let mut client = own.call(client)?;
    client.alpn_protocols = vec![ALPN[0].to_vec()];
    Ok(Ends { server: Arc::new(server), client: Arc::new(client) })
}
