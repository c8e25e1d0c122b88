//! What the primary has: asked by many, answered with one question for all of them.

use std::time::Duration;

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use super::LIMIT;

/// Where so many share a question much is being asked: then the next one waits for a moment, so that more share it.
const MANY: usize = 8;
const MOMENT: Duration = Duration::from_millis(1);
/// How long nobody tries to connect after that has failed.
const PAUSE: Duration = Duration::from_millis(500);
/// So many share a question, at most.
const TOGETHER: usize = 1024;

/// How far the primary's log had come at some moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Position {
    /// Positions of different sessions can't be compared: the other may have been with another server.
    pub session: u64,
    /// All that was committed before ends here or earlier. In bytes.
    pub log: u64,
}

/// Something that was just written to the primary. Whoever shows it follows the server that the session is with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub session: u64,
    pub mark: Uuid,
}

enum Ask {
    Position(oneshot::Sender<Position>),
    Mark(oneshot::Sender<Mark>),
}

/// Who is asked what the primary has. Cheap to clone.
#[derive(Clone)]
pub(super) struct Primary {
    asks: mpsc::Sender<Ask>,
}

impl Primary {
    /// And the work of answering, which ends when nobody can ask any more.
    pub fn new(options: PgConnectOptions) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (asks, asked) = mpsc::channel(TOGETHER);
        (Self { asks }, answer(options, asked))
    }

    /// How far it is, at a moment after this was called; nothing when it does not say.
    pub async fn position(&self) -> Option<Position> {
        let (answer, wait) = oneshot::channel();
        self.asks.send(Ask::Position(answer)).await.ok()?;
        wait.await.ok()
    }

    /// Writes something; nothing when that can't be done.
    pub async fn mark(&self) -> Option<Mark> {
        let (answer, wait) = oneshot::channel();
        self.asks.send(Ask::Mark(answer)).await.ok()?;
        wait.await.ok()
    }
}

async fn answer(options: PgConnectOptions, mut asked: mpsc::Receiver<Ask>) {
    let mut asks = Vec::new();
    let mut session: Option<Session> = None;
    let mut sessions = 0;
    let mut failed: Option<Instant> = None;
    loop {
        let together = asked.recv_many(&mut asks, TOGETHER).await;
        if together == 0 {
            return;
        }
        if session.is_none() && failed.is_none_or(|at| at.elapsed() > PAUSE) {
            sessions += 1;
            session = timeout(LIMIT, Session::begin(&options, sessions)).await.ok().and_then(Result::ok);
        }
        // A session with which something went wrong is over: a server that was promoted, or exchanged for another, gets a new
        // one.
        session = match session.take() {
            Some(session) => timeout(LIMIT, session.answer(&mut asks)).await.ok().and_then(Result::ok),
            None => None,
        };
        failed = session.is_none().then(|| failed.filter(|at| at.elapsed() <= PAUSE).unwrap_or_else(Instant::now));
        // Who was not answered learns it by this.
        asks.clear();
        if together >= MANY {
            sleep(MOMENT).await;
        }
    }
}

/// A connection to the primary. The server at its other end, and the history that it writes, stay the same for as long as it
/// is there: a server that is promoted refused to tell a position before.
struct Session {
    number: u64,
    connection: PgConnection,
    log: Log,
}

/// How the log is cut into pages, each with a header.
#[derive(Clone, Copy)]
struct Log {
    page: u64,
    segment: u64,
}

impl Session {
    async fn begin(options: &PgConnectOptions, number: u64) -> Result<Self, sqlx::Error> {
        // Marks do not have to survive anything.
        let options = options.clone().options([("synchronous_commit", "local")]);
        let mut connection = PgConnection::connect_with(&options).await?;
        let sizes =
            "SELECT current_setting('wal_block_size')::bigint, pg_size_bytes(current_setting('wal_segment_size'))";
        let (page, segment): (i64, i64) = sqlx::query_as(sizes).fetch_one(&mut connection).await?;
        let log = Log { page: page.cast_unsigned(), segment: segment.cast_unsigned() };
        Ok(Self { number, connection, log })
    }

    async fn answer(mut self, asks: &mut Vec<Ask>) -> Result<Self, sqlx::Error> {
        let session = self.number;
        let mut position = None;
        for ask in asks.drain(..) {
            match ask {
                Ask::Position(answer) => {
                    let position = match position {
                        Some(position) => position,
                        None => *position.insert(Position { session, log: self.position().await? }),
                    };
                    // Whoever went away does not need it.
                    let _ = answer.send(position);
                }
                Ask::Mark(answer) => {
                    let mark = self.mark().await?;
                    let _ = answer.send(Mark { session, mark });
                }
            }
        }
        Ok(self)
    }

    async fn position(&mut self) -> Result<u64, sqlx::Error> {
        // Not what is flushed: with `synchronous_commit = off` more than that is committed.
        let question = "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint";
        let next: i64 = sqlx::query_scalar(question).fetch_one(&mut self.connection).await?;
        Ok(self.log.end(next.cast_unsigned()))
    }

    async fn mark(&mut self) -> Result<Uuid, sqlx::Error> {
        let mark = Uuid::new_v4();
        let forget = "DELETE FROM replica_marks WHERE made_at < now() - interval '1 hour'";
        sqlx::query(forget).execute(&mut self.connection).await?;
        let write = "INSERT INTO replica_marks (mark, made_at) VALUES ($1, now())";
        sqlx::query(write).bind(mark).execute(&mut self.connection).await?;
        Ok(mark)
    }
}

impl Log {
    /// Where the record before ends, if the next one begins at `next`. They differ where a page ends: its header is in between,
    /// and a replica that has everything is not beyond it.
    fn end(self, next: u64) -> u64 {
        // XLogLongPHD at the beginning of a segment, XLogShortPHD elsewhere.
        let header = if next % self.segment < self.page { 40 } else { 24 };
        if next % self.page == header { next - header } else { next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_page_is_not_waited_for() {
        let log = Log { page: 8192, segment: 16 << 20 };
        let segment = 3 * log.segment;
        assert_eq!(log.end(segment + 40), segment);
        assert_eq!(log.end(segment + 24), segment + 24, "no record begins there");
        assert_eq!(log.end(segment + 8192 + 24), segment + 8192);
        assert_eq!(log.end(segment + 8192 + 40), segment + 8192 + 40, "a record of before may end there");
        assert_eq!(log.end(segment + 8192 + 4096), segment + 8192 + 4096);
    }
}
