//! `souk events`: dead letters of all services.

use std::process::ExitCode;

use souk_kernel::{EventId, PageQuery};
use souk_platform::events::DeadLetters;

use super::{Error, open};
use crate::cli::Events;

pub async fn run(what: Events) -> Result<ExitCode, Error> {
    match what {
        Events::List(installation) => {
            let databases = open(&installation)?.databases().await?;
            let mut count = 0;
            for db in databases.all() {
                let mut page = PageQuery { limit: PageQuery::MAX_LIMIT, ..PageQuery::default() };
                loop {
                    let letters = DeadLetters(db).list(&page).await?;
                    if letters.items.is_empty() {
                        break;
                    }
                    for letter in letters.items {
                        count += 1;
                        println!(
                            "{}  {}  {} -> {}  {}  {}",
                            letter.id,
                            letter.failed_at.to_rfc3339(),
                            letter.source,
                            letter.consumer,
                            letter.kind,
                            letter.error
                        );
                    }
                    page.offset += page.limit;
                }
            }
            databases.close().await;
            eprintln!("{count} dead letters");
            Ok(ExitCode::SUCCESS)
        }
        Events::Show { id, installation } => {
            let id = parse(&id)?;
            let databases = open(&installation)?.databases().await?;
            let mut found = false;
            for db in databases.all() {
                for letter in DeadLetters(db).of(id).await? {
                    found = true;
                    println!("{}", serde_json::to_string_pretty(&letter).expect("a dead letter is plain data"));
                }
            }
            databases.close().await;
            if found { Ok(ExitCode::SUCCESS) } else { Err(Error::Usage(format!("no dead letter has the id {id}"))) }
        }
        Events::Replay { id, all: _, installation } => {
            let id = id.map(|id| parse(&id)).transpose()?;
            let databases = open(&installation)?.databases().await?;
            let mut count = 0;
            for db in databases.all() {
                count += DeadLetters(db).replay(id).await?;
            }
            databases.close().await;
            println!("{count} deliveries will be tried again by the running server, or at its next start");
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn parse(id: &str) -> Result<EventId, Error> {
    id.parse().map_err(|error| Error::Usage(format!("id: {error}")))
}
