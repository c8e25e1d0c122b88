//! A mail server for tests: it answers each command as it is told to, or not at all.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// It listens for as long as the test runs.
pub struct Responder {
    address: SocketAddr,
    mails: Arc<Mutex<Vec<String>>>,
}

/// What it says to a command; `None` for what everybody says, an empty text for nothing at all.
///
/// Besides commands it is asked about `CONNECT`, and about `MESSAGE`: all of a mail has come.
pub type Answers = dyn Fn(&str) -> Option<&'static str> + Send + Sync;

impl Responder {
    pub async fn starts(answers: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mails = Arc::<Mutex<Vec<String>>>::default();
        let (answers, taken): (Arc<Answers>, _) = (Arc::new(answers), Arc::clone(&mails));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&answers), Arc::clone(&taken)));
            }
        });
        Self { address, mails }
    }

    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// With a name and a password.
    pub fn url_with_login(&self) -> String {
        format!("smtp://cleo:secret@{}", self.address)
    }

    /// The mails that it took.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

fn usual(command: &str) -> &'static str {
    match command {
        "CONNECT" => "220 test ESMTP",
        "DATA" => "354 go on",
        "QUIT" => "221 bye",
        "AUTH" => "235 welcome",
        _ => "250 fine",
    }
}

async fn converse(stream: TcpStream, answers: Arc<Answers>, taken: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut command = "CONNECT".to_owned();
    loop {
        let answer = answers(&command).unwrap_or_else(|| usual(&command));
        if answer.is_empty() {
            // The other side has to lose its patience.
            std::future::pending::<()>().await;
        }
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        if command == "QUIT" {
            return Some(());
        }
        if command == "DATA" && answer.starts_with("354") {
            let mut mail = String::new();
            while !mail.ends_with("\r\n.\r\n") {
                if stream.read_line(&mut mail).await.ok()? == 0 {
                    return None;
                }
            }
            if answers("MESSAGE").is_none_or(|answer| answer.starts_with('2')) {
                taken.lock().unwrap().push(mail);
            }
            "MESSAGE".clone_into(&mut command);
            continue;
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        command = line.split([' ', '\r']).next()?.to_uppercase();
    }
}
