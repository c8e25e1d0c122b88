//! Processes of the program that register in an etcd, and how they leave it: told to stop, killed, or stopped for a while. Without
//! etcd installed (Debian: apt-get install etcd-server) most of these tests say nothing.
#![cfg(feature = "cluster")]

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use souk_platform::discovery::{
    DiscoveryConfig,
    testing::{Certificates, Server, asked_once, registered},
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_mins(1);
/// How long a process stays known that says nothing, where a test waits for that to end.
const TTL: Duration = Duration::from_secs(3);

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

/// A process with notifications.
struct Process {
    child: Child,
    address: String,
}

fn souk(data: &Path, settings: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_souk"));
    command.args(["serve", "notifications", "--set", "notifications.transport=mailbox", "--data"]).arg(data);
    for setting in settings {
        command.args(["--set", setting]);
    }
    command
}

impl Process {
    fn start(data: &Path, settings: &[String]) -> Self {
        let mut command = souk(data, settings);
        let mut child = command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().expect("it is built");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("it is text");
        let address = line.trim().rsplit_once("//").expect("it says where it listens").1.to_owned();
        Self { child, address }
    }

    fn key(&self) -> String {
        format!("souk/peers/notifications/{}", self.address)
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("there is `kill`").success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("a process of a test can't be ended: {error}");
        }
    }
}

fn settings(config: &DiscoveryConfig, ttl: Duration) -> Vec<String> {
    vec![format!("discovery.etcd={}", config.etcd.join(",")), format!("discovery.ttl={}s", ttl.as_secs())]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_is_forgotten_with_its_lease_and_one_that_is_told_to_stop_at_once() {
    let folder = TempDir::new().expect("there is room for a folder");
    let Some(etcd) = Server::start(folder.path()) else { return };
    let config = etcd.config();
    let start = |name: &str, ttl| Process::start(&folder.path().join(name), &settings(&config, ttl));
    // Known for longer than it takes a busy machine to look, and for longer than it takes one to say so.
    let (mut killed, told) = (start("killed", Duration::from_secs(10)), start("told", Duration::from_mins(1)));
    let paused = start("paused", TTL);
    let has = async |process: &Process| registered(&config).await.contains(&process.key());
    for process in [&killed, &told, &paused] {
        eventually("it is registered", async || has(process).await).await;
    }

    killed.signal("KILL");
    killed.child.wait().expect("it has ended");
    assert!(has(&killed).await, "nobody has said so");
    eventually("it is forgotten", async || !has(&killed).await).await;

    told.signal("TERM");
    let took = eventually("it is gone", async || !has(&told).await).await;
    assert!(took < Duration::from_secs(30), "before its lease ends: {took:?}");

    paused.signal("STOP");
    eventually("nothing is heard of it any more", async || !has(&paused).await).await;
    paused.signal("CONT");
    eventually("it is there again", async || has(&paused).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn etcd_may_come_later_forget_everything_and_ask_for_certificates() {
    let folder = TempDir::new().expect("there is room for a folder");
    let Some(mut etcd) = Server::start(folder.path()) else { return };
    let config = etcd.config();
    etcd.kill();
    let process = Process::start(&folder.path().join("process"), &settings(&config, TTL));
    etcd.revive(true);
    eventually("it is registered", async || registered(&config).await == [process.key()]).await;
    etcd.kill();
    etcd.revive(true);
    eventually("it is registered again", async || registered(&config).await == [process.key()]).await;
    drop((process, etcd));

    let certs = folder.path().join("certs");
    let made = Command::new(env!("CARGO_BIN_EXE_souk")).args(["certs", "gateway", "--dir"]).arg(&certs).output();
    assert!(made.expect("it is built").status.success());
    let (authority, cert, key) = (certs.join("ca.pem"), certs.join("gateway.pem"), certs.join("gateway.key"));
    let secured = TempDir::new().expect("there is room for a folder");
    let certificates = Certificates { authority: &authority, cert: &cert, key: &key };
    let etcd = Server::start_secured(secured.path(), certificates).expect("it is installed");
    let config = DiscoveryConfig {
        etcd: vec![etcd.secured_url()],
        root_certificate: Some(authority.clone()),
        cert: Some(cert.clone()),
        key: Some(key.clone()),
        ..DiscoveryConfig::default()
    };
    let mut with_certificates = settings(&config, TTL);
    for (name, path) in [("root_certificate", &authority), ("cert", &cert), ("key", &key)] {
        with_certificates.push(format!("discovery.{name}={}", path.display()));
    }
    let process = Process::start(&folder.path().join("secured"), &with_certificates);
    eventually("it is registered by TLS", async || registered(&config).await == [process.key()]).await;
    let stranger = DiscoveryConfig { cert: None, key: None, ..config };
    assert_eq!(asked_once(&stranger).await, None, "who shows no certificate learns nothing");
}

#[test]
fn what_is_wrong_ends_the_start_with_the_setting() {
    let folder = TempDir::new().expect("there is room for a folder");
    let refusal = |listen: &str, settings: &[&str]| {
        let settings: Vec<_> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut command = souk(folder.path(), &settings);
        let output = command.args(["--listen", listen]).output().expect("it is built");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).expect("it is text")
    };
    let told = refusal("127.0.0.1:0", &["discovery.etcd=consul://127.0.0.1:8500"]);
    assert!(told.contains("souk: discovery.etcd: `consul://127.0.0.1:8500` is not the address of an etcd"), "{told}");
    let told = refusal("0.0.0.0:0", &["discovery.etcd=http://127.0.0.1:2379"]);
    assert!(told.contains("souk: discovery.advertise: is not set, and 0.0.0.0:"), "{told}");
    let told = refusal("127.0.0.1:0", &[]);
    assert!(told.contains("peers.identity is not set") && told.contains("or discovery.etcd to look it up"), "{told}");
}

#[test]
fn an_etcd_that_nobody_finds_is_told_by_its_setting_and_the_process_runs() {
    let folder = TempDir::new().expect("there is room for a folder");
    let mut command = souk(folder.path(), &["discovery.etcd=http://127.0.0.1:9".to_owned()]);
    command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it is built");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("it is text");
    assert!(line.starts_with("listening on "), "{line}");
    let mut said = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut told = String::new();
    while !told.contains("discovery.etcd") {
        let size = said.read_line(&mut told).expect("it is text");
        assert_ne!(size, 0, "it ended and has only said {told}");
    }
    assert!(told.contains("http://127.0.0.1:9"), "{told}");
    let stopped = Command::new("kill").arg(child.id().to_string()).status();
    assert!(stopped.expect("there is `kill`").success());
    said.read_to_string(&mut told).expect("it is text");
    assert!(child.wait().expect("it has ended").success(), "{told}");
}
