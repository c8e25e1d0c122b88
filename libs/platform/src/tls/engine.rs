//! TLS to a server that is none of ours.

use std::{path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore};

use super::{ALPN, TlsError, material, material::Material, provider};

/// A caller's end for an engine that speaks HTTP/2: with public authorities, or the one in the file `{section}.root_certificate`, and
/// with a certificate of its own (`{section}.cert`, `{section}.key`) for those who ask for one.
pub(crate) fn of_engine(
    section: &'static str,
    root_certificate: Option<&Path>,
    own: Option<(&Path, &Path)>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    match root_certificate {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let setting = format!("{section}.root_certificate");
            for authority in material::authorities(&setting, path)? {
                let unusable = |error| TlsError::new(&setting, format!("{} can't be used: {error}", path.display()));
                roots.add(authority).map_err(unusable)?;
            }
        }
    }
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.expect("the provider has what TLS 1.2 and 1.3 need").with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => Material::read(section, cert, key)?.call(builder)?,
    };
    config.alpn_protocols = vec![ALPN[0].to_vec()];
    Ok(Arc::new(config))
}
