//! Certificates for the calls between processes: an authority, and one certificate for each process.
//!
//! The authority's key lies beside its certificate: enough for development, and for installations whose operator keeps that
//! folder to himself. Whoever has an authority already gives its certificates the services' names.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

use chrono::{Datelike, NaiveDate, TimeDelta};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use souk_kernel::Timestamp;

use crate::roster::{Roster, RosterError, SERVICES};

/// How long the authority is valid, in days.
const AUTHORITY_DAYS: i64 = 3650;
/// What stands between the services of one process in the name of its files.
const TOGETHER: char = '+';
/// The certificate for a process with all services.
const EVERYTHING: &str = "souk";

/// rcgen speaks of days by their numbers.
macro_rules! midnight {
    ($day:expr) => {{
        let day: NaiveDate = $day;
        let number = |number: u32| u8::try_from(number).unwrap_or(1);
        date_time_ymd(day.year(), number(day.month()), number(day.day()))
    }};
}

/// Why certificates can't be made.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    /// A name is no service.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// A file can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key can't be read, or a host is no name.
    #[error("{what}: {source}")]
    Unusable {
        /// What.
        what: String,
        /// Why.
        source: rcgen::Error,
    },
}

/// What to make.
pub struct Order<'a> {
    /// Where.
    pub folder: &'a Path,
    /// For whom: services, those of one process joined by `+`. All of them, each alone and all together, when empty.
    pub processes: &'a [String],
    /// Further names and addresses that the certificates are for.
    pub hosts: &'a [String],
    /// From when.
    pub now: Timestamp,
    /// For how many days.
    pub days: i64,
}

/// Makes the certificates, and the authority if the folder has none; gives the names of their files, without endings.
pub fn make(order: &Order<'_>) -> Result<Vec<String>, CertsError> {
    let Order { folder, processes, hosts, now, days } = order;
    std::fs::create_dir_all(folder).map_err(|source| CertsError::Io { path: folder.to_path_buf(), source })?;
    let today = now.date_naive();
    let issuer = authority(folder, today)?;
    let mut made = Vec::new();
    let all = SERVICES.map(str::to_owned).into_iter().chain([EVERYTHING.to_owned()]).collect::<Vec<_>>();
    for name in if processes.is_empty() { &all } else { *processes } {
        let services = if name == EVERYTHING {
            Roster::everything()
        } else {
            Roster::of(&name.split(TOGETHER).collect::<Vec<_>>())?
        };
        let names = services.names().iter().map(|service| (*service).to_owned());
        let names = names.chain(["localhost", "127.0.0.1", "::1"].map(str::to_owned)).chain(hosts.iter().cloned());
        let unusable = |source| CertsError::Unusable { what: format!("a certificate for {name}"), source };
        let mut params = CertificateParams::new(names.collect::<Vec<_>>()).map_err(unusable)?;
        params.distinguished_name.push(DnType::CommonName, format!("souk {name}"));
        params.not_before = midnight!(today - TimeDelta::days(1));
        params.not_after = midnight!(today + TimeDelta::days(*days));
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().map_err(unusable)?;
        let certificate = params.signed_by(&key, &issuer).map_err(unusable)?;
        write_secret(&folder.join(format!("{name}.key")), &key.serialize_pem())?;
        write(&folder.join(format!("{name}.pem")), &certificate.pem())?;
        made.push(name.clone());
    }
    Ok(made)
}

fn authority(folder: &Path, today: NaiveDate) -> Result<Issuer<'static, KeyPair>, CertsError> {
    let (certificate, key_file) = (folder.join("ca.pem"), folder.join("ca.key"));
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "souk authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = midnight!(today - TimeDelta::days(1));
    params.not_after = midnight!(today + TimeDelta::days(AUTHORITY_DAYS));
    let unusable = |source| CertsError::Unusable { what: key_file.display().to_string(), source };
    match std::fs::read_to_string(&key_file) {
        Ok(pem) => {
            let key = KeyPair::from_pem(&pem).map_err(unusable)?;
            Ok(Issuer::new(params, key))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = KeyPair::generate().map_err(unusable)?;
            write(&certificate, &params.self_signed(&key).map_err(unusable)?.pem())?;
            write_secret(&key_file, &key.serialize_pem())?;
            Ok(Issuer::new(params, key))
        }
        Err(source) => Err(CertsError::Io { path: key_file, source }),
    }
}

fn write(path: &Path, text: &str) -> Result<(), CertsError> {
    put(path, text, 0o644)
}

/// Only the owner may read it.
fn write_secret(path: &Path, text: &str) -> Result<(), CertsError> {
    put(path, text, 0o600)
}

/// Written beside and renamed: a process that looks at this moment finds the former or the new, never a half.
fn put(path: &Path, text: &str, mode: u32) -> Result<(), CertsError> {
    let failed = |source| CertsError::Io { path: path.to_owned(), source };
    let draft = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&draft).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&draft, path).map_err(failed)
}
