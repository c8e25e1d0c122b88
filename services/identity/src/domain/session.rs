//! Refresh tokens: each is good once. A session is the family of tokens that followed from one login; whoever shows a token
//! that was spent before must have stolen it, or been stolen from, so the whole family ends (RFC 9700 section 4.14.2).

use souk_kernel::Timestamp;

/// Which token of its family was shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presented {
    /// The newest.
    Current,
    /// One that was exchanged before.
    Spent,
}

/// A session at the moment of the question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionState {
    pub revoked: bool,
    pub expires_at: Timestamp,
}

/// What follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Exchange it for a new pair.
    Rotate,
    /// It was stolen: end the family.
    EndFamily,
    /// It is worth nothing any more.
    Refuse,
}

/// What follows from showing a token of a session.
pub fn judge(session: SessionState, presented: Presented, now: Timestamp) -> Verdict {
    match presented {
        _ if session.revoked => Verdict::Refuse,
        Presented::Spent => Verdict::EndFamily,
        Presented::Current if now < session.expires_at => Verdict::Rotate,
        Presented::Current => Verdict::Refuse,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use souk_kernel::Clock;

    use super::*;

    #[test]
    fn a_token_is_good_once_and_until_it_expires() {
        let now = Clock::system().now();
        let hour = std::time::Duration::from_hours(1);
        let table = [
            // revoked, expired, presented, verdict
            (false, false, Presented::Current, Verdict::Rotate),
            (false, true, Presented::Current, Verdict::Refuse),
            (false, false, Presented::Spent, Verdict::EndFamily),
            (false, true, Presented::Spent, Verdict::EndFamily),
            (true, false, Presented::Current, Verdict::Refuse),
            (true, false, Presented::Spent, Verdict::Refuse),
        ];
        for (revoked, expired, presented, verdict) in table {
            let expires_at = if expired { now - hour } else { now + hour };
            let session = SessionState { revoked, expires_at };
            assert_eq!(judge(session, presented, now), verdict, "{session:?} {presented:?}");
        }
        let at_the_limit = SessionState { revoked: false, expires_at: now };
        assert_eq!(judge(at_the_limit, Presented::Current, now), Verdict::Refuse);
    }

    /// A family as the store keeps it.
    struct Family {
        issued: usize,
        revoked: bool,
    }

    impl Family {
        fn show(&mut self, token: usize, now: Timestamp) -> bool {
            let presented = if token + 1 == self.issued { Presented::Current } else { Presented::Spent };
            let state = SessionState { revoked: self.revoked, expires_at: now + std::time::Duration::from_secs(1) };
            match judge(state, presented, now) {
                Verdict::Rotate => self.issued += 1,
                Verdict::EndFamily => self.revoked = true,
                Verdict::Refuse => {}
            }
            judge(state, presented, now) == Verdict::Rotate
        }
    }

    proptest! {
        /// Whatever a thief and the owner do in whatever order: each token is exchanged at most once, and after the first
        /// reuse nothing is exchanged any more.
        #[test]
        fn no_token_is_exchanged_twice(shown in proptest::collection::vec(0_usize..8, 1..40)) {
            let now = Clock::system().now();
            let mut family = Family { issued: 1, revoked: false };
            let mut exchanged = Vec::new();
            for token in shown {
                if token >= family.issued {
                    continue;
                }
                let was_revoked = family.revoked;
                let good = family.show(token, now);
                prop_assert!(!(good && (was_revoked || exchanged.contains(&token))));
                if good {
                    exchanged.push(token);
                }
            }
        }
    }
}
