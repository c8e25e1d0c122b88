//! etcd for tests: the one that `SOUK_TEST_ETCD_URL` names (see `scripts/with-engines`), on which every test has keys of its own,
//! and one that a test can take away.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tokio::net::TcpSocket;

use super::DiscoveryConfig;

const VARIABLE: &str = "SOUK_TEST_ETCD_URL";

/// The server of this run, with its user and a name that nobody else has; nothing when tests run without one.
///
/// # Panics
/// When the variable holds no URL.
pub fn server() -> Option<DiscoveryConfig> {
    let url = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty())?;
    let mut url = url::Url::parse(&url).expect("SOUK_TEST_ETCD_URL is a URL");
    let (user, password) = (url.username().to_owned(), url.password().unwrap_or_default().to_owned());
    url.set_username("").and_then(|()| url.set_password(None)).expect("it has a host");
    let name = format!("souk-test/{}", uuid::Uuid::now_v7().simple());
    let etcd = vec![url.to_string()];
    Some(DiscoveryConfig { etcd, name, user, password: password.into(), ..DiscoveryConfig::default() })
}

/// How long an etcd that has just been started may take to answer.
#[cfg(feature = "cluster")]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// The keys of all who are registered, as soon as etcd answers.
///
/// # Panics
/// When it does not, or the configuration can't be used.
#[cfg(feature = "cluster")]
pub async fn registered(config: &DiscoveryConfig) -> Vec<String> {
    let answered = async {
        loop {
            if let Some(keys) = asked_once(config).await {
                return keys;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.expect("etcd answers in the end")
}

/// The keys of all who are registered; nothing when etcd does not answer, or not to us.
///
/// # Panics
/// When the configuration can't be used.
#[cfg(feature = "cluster")]
pub async fn asked_once(config: &DiscoveryConfig) -> Option<Vec<String>> {
    let stop = tokio_util::sync::CancellationToken::new();
    let opened = super::Discovery::open(config, Vec::new(), stop).await.expect("the configuration can be used");
    let discovery = opened.expect("it names an etcd");
    let connection = discovery.shared.etcd.connect().await.ok()?;
    let (listed, _) = connection.list(&discovery.shared.prefix).await.ok()?;
    Some(listed.kvs.into_iter().map(|pair| String::from_utf8_lossy(&pair.key).into_owned()).collect())
}

/// Certificates for an etcd, PEM.
#[derive(Clone, Copy)]
pub struct Certificates<'a> {
    /// Of the authority; who comes has to show one of its certificates.
    pub authority: &'a Path,
    /// Its own, for `localhost`.
    pub cert: &'a Path,
    /// The key of that.
    pub key: &'a Path,
}

/// An etcd for one test, which can be taken away. It has no users.
pub struct Server {
    folder: PathBuf,
    clients: Held,
    members: Held,
    process: Child,
}

impl Server {
    /// Starts it with its data in `folder`; nothing when it is not installed.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start(folder: &Path) -> Option<Self> {
        let (folder, clients, members) = (folder.join("etcd"), Held::take(), Held::take());
        let process = command(&folder, clients.address, members.address, "http").spawn().ok()?;
        Some(Self { folder, clients, members, process })
    }

    /// Starts one that is reached by TLS.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start_secured(folder: &Path, certificates: Certificates<'_>) -> Option<Self> {
        let (folder, clients, members) = (folder.join("etcd"), Held::take(), Held::take());
        let mut command = command(&folder, clients.address, members.address, "https");
        command.arg("--client-cert-auth").arg("--trusted-ca-file").arg(certificates.authority);
        command.arg("--cert-file").arg(certificates.cert).arg("--key-file").arg(certificates.key);
        let process = command.spawn().ok()?;
        Some(Self { folder, clients, members, process })
    }

    /// The configuration of those that use it.
    pub fn config(&self) -> DiscoveryConfig {
        DiscoveryConfig { etcd: vec![self.url()], ..DiscoveryConfig::default() }
    }

    /// Where it answers if it has no certificates.
    pub fn url(&self) -> String {
        format!("http://{}", self.clients.address)
    }

    /// The same if it has.
    pub fn secured_url(&self) -> String {
        format!("https://localhost:{}", self.clients.address.port())
    }

    /// Ends it as a power cut does.
    ///
    /// # Panics
    /// When that fails.
    pub fn kill(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).expect("it can be killed");
    }

    /// Starts it again, with what it had or without.
    ///
    /// # Panics
    /// When that fails.
    pub fn revive(&mut self, empty: bool) {
        if empty && self.folder.exists() {
            std::fs::remove_dir_all(&self.folder).expect("its data can be removed");
        }
        let started = command(&self.folder, self.clients.address, self.members.address, "http").spawn();
        self.process = started.expect("it was installed before");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            eprintln!("the etcd of a test can't be ended: {error}");
        }
    }
}

/// An address that nobody else is given, also while etcd is away; whoever connects then is refused.
struct Held {
    address: SocketAddr,
    _socket: Option<TcpSocket>,
}

impl Held {
    fn take() -> Self {
        let taken = || -> std::io::Result<Self> {
            let socket = TcpSocket::new_v4()?;
            // Two may have one address, as long as only one of them listens.
            socket.set_reuseaddr(true)?;
            socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
            let address = socket.local_addr()?;
            // Elsewhere etcd could not have it as well.
            Ok(Self { address, _socket: cfg!(target_os = "linux").then_some(socket) })
        };
        taken().expect("there is a free port")
    }
}

fn command(folder: &Path, clients: SocketAddr, members: SocketAddr, scheme: &str) -> Command {
    let mut command = Command::new("etcd");
    let (clients, members) = (format!("{scheme}://{clients}"), format!("http://{members}"));
    command.arg("--data-dir").arg(folder).args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
    command.args(["--listen-peer-urls", &members, "--initial-advertise-peer-urls", &members]);
    command.arg("--initial-cluster").arg(format!("default={members}"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}
