//! A refresh token is exchanged for a new pair.

use souk_kernel::{SessionId, UserId};
use souk_platform::security::token_hash;

use super::tokens::{LoggedIn, NewToken, logged_in};
use crate::{
    app::App,
    domain::{AccountStatus, Verdict, judge},
    error::Error,
    store::{sessions, users},
};

enum Outcome {
    Rotated(SessionId, Box<users::Person>),
    Reused(SessionId, UserId, Vec<SessionId>),
    Refused,
}

/// Exchanges `token`; with `whose`, only if it is that user's. Showing a spent token ends the session.
pub async fn refresh(app: &App, token: &str, whose: Option<UserId>) -> Result<LoggedIn, Error> {
    let shown = token_hash(token);
    let new = NewToken::new();
    let (ttl, new_hash) = (app.config.refresh_token_ttl, new.hash);
    let transaction = app.db.transaction::<_, Error, _, _>(move |tx| async move {
        let now = tx.now();
        let found = sessions::find_by_token(&tx, &shown).await?;
        let Some((session, presented)) = found.filter(|(session, _)| whose.is_none_or(|user| user == session.user_id))
        else {
            return Ok(Outcome::Refused);
        };
        let mut verdict = judge(session.state(), presented, now);
        if verdict == Verdict::Rotate {
            let person = users::find_person(&tx, session.user_id).await?;
            let Some(person) = person.filter(|person| person.user.status == AccountStatus::Active) else {
                return Ok(Outcome::Refused);
            };
            if sessions::rotate(&tx, &session, &new_hash, now, now + ttl).await? {
                return Ok(Outcome::Rotated(session.id, Box::new(person)));
            }
            // Another request exchanged it between the reading and the writing: now it is a spent one.
            verdict = Verdict::EndFamily;
        }
        if verdict == Verdict::EndFamily {
            let ended = sessions::revoke(&tx, session.id, now).await?;
            return Ok(Outcome::Reused(session.id, session.user_id, ended));
        }
        Ok(Outcome::Refused)
    });
    match transaction.await? {
        Outcome::Rotated(session_id, person) => logged_in(app, *person, session_id, new.text),
        Outcome::Reused(session, user, ended) => {
            app.ended.add(ended);
            tracing::warn!(%session, %user, "a spent refresh token was shown; its session was ended");
            Err(Error::BadRefreshToken)
        }
        Outcome::Refused => Err(Error::BadRefreshToken),
    }
}
