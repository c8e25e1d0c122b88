//! What the files hold, and what is wrong with it in words that help.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, Error, RootCertStore, ServerConfig,
    client::{WantsClientCert, WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem, pem::PemObject},
    server::WantsServerCert,
};

use super::{TlsError, provider};

/// A certificate with its key.
pub(super) struct Material {
    section: &'static str,
    cert: PathBuf,
    key_file: PathBuf,
    /// The certificate itself first.
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// The certificates of a file, at least one.
pub(super) fn authorities(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => {
            Err(TlsError::new(setting, format!("{} holds no certificate (PEM)", path.display())))
        }
        Ok(found) => Ok(found),
        Err(error) => Err(unreadable(setting, path, &error)),
    }
}

fn unreadable(setting: &str, path: &Path, error: &pem::Error) -> TlsError {
    let message = match error {
        pem::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("{} does not exist", path.display())
        }
        pem::Error::Io(error) => format!("{} can't be read: {error}", path.display()),
        pem::Error::NoItemsFound => format!("{} holds no private key (PEM)", path.display()),
        error => format!("{} is not PEM: {error}", path.display()),
    };
    TlsError::new(setting, message)
}

impl Material {
    pub(super) fn read(section: &'static str, cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = authorities(&format!("{section}.cert"), cert)?;
        let setting = format!("{section}.key");
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(&setting, key, &error))?;
        Ok(Self { section, cert: cert.to_owned(), key_file: key.to_owned(), chain, key: private })
    }

    pub(super) fn leaf(&self) -> &CertificateDer<'static> {
        &self.chain[0]
    }

    pub(super) fn between(&self) -> &[CertificateDer<'static>] {
        &self.chain[1..]
    }

    /// A listener's end with this certificate.
    pub(super) fn serve(
        &self,
        builder: ConfigBuilder<ServerConfig, WantsServerCert>,
    ) -> Result<ServerConfig, TlsError> {
        builder.with_single_cert(self.chain.clone(), self.key.clone_key()).map_err(|error| self.unfit(&error))
    }

    /// A caller's end with this certificate.
    pub(super) fn call(&self, builder: ConfigBuilder<ClientConfig, WantsClientCert>) -> Result<ClientConfig, TlsError> {
        builder.with_client_auth_cert(self.chain.clone(), self.key.clone_key()).map_err(|error| self.unfit(&error))
    }

    /// Whether the certificate is valid today; who issued it is the visitors' business.
    pub(super) fn check_dates(&self) -> Result<(), TlsError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.chain.iter().cloned());
        let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build() else {
            return Ok(());
        };
        // Dates are looked at before names and issuers: any other complaint means that they are right.
        let name = ServerName::try_from("localhost").expect("a label");
        match verifier.verify_server_cert(self.leaf(), self.between(), &name, &[], UnixTime::now()) {
            Err(error @ Error::InvalidCertificate(_)) if dates(&error).is_some() => Err(self.explain(&error, "")),
            _ => Ok(()),
        }
    }

    /// Why the own certificate would not be accepted by the others, under the name `name`.
    pub(super) fn explain(&self, error: &Error, name: &str) -> TlsError {
        let file = self.cert.display();
        let message = match error {
            error if dates(error).is_some() => format!("{file} {}", dates(error).unwrap_or_default()),
            Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
                format!("{file} has an unknown issuer: it was not issued by the authority in {}.ca", self.section)
            }
            Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => format!("{file} is not for `{name}`: that name must stand among its subject alternative names"),
            error => format!("{file} can't be used: {error}"),
        };
        TlsError::new(format!("{}.cert", self.section), message)
    }

    pub(super) fn unusable(&self, error: &Error) -> TlsError {
        TlsError::new(self.section, format!("TLS can't be set up: {error}"))
    }

    fn unfit(&self, error: &Error) -> TlsError {
        let (file, key) = (self.cert.display(), self.key_file.display());
        let message = match error {
            Error::InconsistentKeys(_) => format!("{key} is not the key of the certificate {file}"),
            error => format!("{key} can't be used with {file}: {error}"),
        };
        TlsError::new(format!("{}.key", self.section), message)
    }
}

fn dates(error: &Error) -> Option<&'static str> {
    match error {
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            Some("has expired")
        }
        Error::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            Some("is not valid yet")
        }
        _ => None,
    }
}
