//! The state file of a cluster: which processes there are, and what is to be done with them.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio::process::Command;

use crate::{error::Error, report::Report};

#[derive(Debug, Deserialize)]
pub struct State {
    /// Whether it is up and not about to end.
    pub ready: bool,
    /// Of the script.
    pub pid: u32,
    #[serde(default)]
    pub gateways: Vec<String>,
    #[serde(default)]
    souk: PathBuf,
    /// How a command finds the data.
    #[serde(default)]
    on_data: Vec<String>,
    #[serde(default)]
    pub rolling: Rolling,
    pub processes: Vec<Process>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Rolling {
    /// How many rolling restarts have ended.
    pub done: u64,
    /// Why the last one ended early.
    pub failed: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Process {
    pub name: String,
    pub service: String,
    /// None while it is down.
    pub pid: Option<u32>,
    pub status: String,
    /// Of a database: `primary` or `replica`.
    pub role: Option<String>,
    /// Whether it is one of Souk's own.
    #[serde(default)]
    pub souk: bool,
}

impl Process {
    pub fn is_ready(&self) -> bool {
        self.status == "ready" && self.pid.is_some()
    }
}

impl State {
    pub fn read(file: &Path) -> Result<Self, Error> {
        let text = std::fs::read(file).map_err(Error::io(format!("--cluster {}", file.display())))?;
        let unusable = |cause| Error::Usage(format!("--cluster {}: is no state of a cluster: {cause}", file.display()));
        serde_json::from_slice(&text).map_err(unusable)
    }

    /// Whether everything runs.
    pub fn is_whole(&self) -> bool {
        self.processes.iter().all(Process::is_ready)
    }

    /// What does not run, for messages.
    pub fn missing(&self) -> String {
        let missing = self.processes.iter().filter(|process| !process.is_ready());
        missing.map(|process| format!("{} ({})", process.name, process.status)).collect::<Vec<_>>().join(", ")
    }

    /// Runs `souk verify` on the cluster's data; a broken rule is shown with what it printed.
    pub async fn verify(&self, report: &mut Report, name: &str) -> Result<(), Error> {
        let mut command = Command::new(&self.souk);
        command.arg("verify").args(&self.on_data).kill_on_drop(true);
        let output = command.output().await.map_err(Error::io(self.souk.display().to_string()))?;
        let code = output.status.code().map_or_else(|| "killed".to_owned(), |code| format!("exit {code}"));
        report.check(name, "exit 0", &code, output.status.success());
        if !output.status.success() {
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            for line in out.lines().filter(|line| !line.starts_with("ok ")).chain(err.lines().rev().take(5)) {
                report.fact(name, &line);
            }
        }
        Ok(())
    }
}

/// Sends a signal by its name.
pub async fn signal(name: &str, pid: u32) -> Result<(), Error> {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).output().await;
    let output = sent.map_err(Error::io("running kill"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Usage(format!("process {pid} can't be sent {name}: {}", String::from_utf8_lossy(&output.stderr).trim())))
}
