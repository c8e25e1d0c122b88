//! The souk program as a child process that may be killed at any moment.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::{Instant, sleep, timeout},
};

use crate::{
    call::Call,
    client::{Connection, Target},
    error::Error,
    options::DEMO_PASSWORD,
    report::Report,
};

const START_LIMIT: Duration = Duration::from_mins(1);

pub struct Server {
    program: PathBuf,
    data: PathBuf,
    child: Option<Child>,
}

impl Server {
    pub fn new(program: &Path, data: &Path) -> Result<Self, Error> {
        let program = program.canonicalize().map_err(Error::io(format!("--souk {}", program.display())))?;
        Ok(Self { program, data: data.to_owned(), child: None })
    }

    /// Starts it and waits until it is ready; how long that took. The target follows it to its new port.
    pub async fn start(&mut self, target: &Target) -> Result<Duration, Error> {
        let began = Instant::now();
        let mut lines = self.spawn()?;
        let url =
            timeout(START_LIMIT, listening(&mut lines)).await.unwrap_or(Ok(None))?.ok_or_else(|| self.silent())?;
        // Whatever it still prints must not block it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        target.point_at(&url)?;
        let mut connection = Connection::new(target);
        let ready = Call::get("/health/ready");
        loop {
            match connection.send(&ready).await {
                Ok(answer) if answer.status.is_success() => return Ok(began.elapsed()),
                _ if began.elapsed() > START_LIMIT => return Err(self.silent()),
                _ => sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Starts it and kills it so soon that it may not be ready yet.
    pub async fn start_and_kill(&mut self, after: Duration) -> Result<(), Error> {
        let _lines = self.spawn()?;
        sleep(after).await;
        self.kill().await
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub async fn kill(&mut self) -> Result<(), Error> {
        match self.child.take() {
            Some(mut child) => child.kill().await.map_err(Error::io("killing the server")),
            None => Ok(()),
        }
    }

    pub async fn create_admin(&self, email: &str) -> Result<(), Error> {
        let arguments = ["admin", "create-user", "--email", email, "--password", DEMO_PASSWORD, "--role", "admin"];
        let output = self.run(&arguments).await?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::Usage(format!("souk admin create-user failed: {}", String::from_utf8_lossy(&output.stderr))))
    }

    /// Runs `souk verify` on the data; a broken rule is shown with what it printed.
    pub async fn verify(&self, report: &mut Report, name: &str) -> Result<(), Error> {
        let output = self.run(&["verify"]).await?;
        let code = output.status.code().map_or_else(|| "killed".to_owned(), |code| format!("exit {code}"));
        report.check(name, "exit 0", &code, output.status.success());
        if !output.status.success() {
            for line in String::from_utf8_lossy(&output.stdout).lines() {
                report.fact(name, &line);
            }
        }
        Ok(())
    }

    async fn run(&self, arguments: &[&str]) -> Result<Output, Error> {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--data").arg(&self.data).kill_on_drop(true);
        command.output().await.map_err(Error::io(self.program.display().to_string()))
    }

    fn spawn(&mut self) -> Result<Lines<BufReader<ChildStdout>>, Error> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .map_err(Error::io(self.log().display().to_string()))?;
        let mut child = Command::new(&self.program)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&self.data)
            .env("SOUK_GATEWAY__RATE_LIMIT__ENABLED", "false")
            .env("SOUK_SELLERS__AUTO_APPROVE", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::io(self.program.display().to_string()))?;
        let stdout = child.stdout.take().expect("stdout is piped");
        self.child = Some(child);
        Ok(BufReader::new(stdout).lines())
    }

    /// Beside the data, which is the server's own.
    fn log(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    fn silent(&self) -> Error {
        Error::TooLate { step: "start the server", what: format!("it is not ready; see {}", self.log().display()) }
    }
}

/// The address that it prints when it is ready; `None` when it ends before.
async fn listening(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<Option<String>, Error> {
    while let Some(line) = lines.next_line().await.map_err(Error::io("reading the server's output"))? {
        if let Some(url) = line.trim().strip_prefix("listening on ") {
            return Ok(Some(url.to_owned()));
        }
    }
    Ok(None)
}
