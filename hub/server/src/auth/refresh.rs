//! Refresh tokens: each is used once and followed by a successor; a stolen one is found out by its second use.
//!
//! A client may lose the reply that carried the successor. So the token before, from the same session, gets the same
//! successor again for a minute, until that successor is used. The successor is derived from the token with a key of
//! the hub, so that the hub need not keep it. Any later use means that two parties hold tokens of one session: the
//! session ends, for both.

use dreamseed_wire::ids::SessionId;
use jiff::Timestamp;
use ring::hmac;

use super::keys::{from_hex, to_hex};
use crate::store::{
    StoreError, WriteTx,
    refresh_tokens::{self, TokenHash, TokenRow},
};

/// How long the token before may ask for its successor again.
pub const GRACE_MS: i64 = 60_000;

/// What a token that was presented means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// Goes on with this token, new or once more.
    Next { session: SessionId, token: String },
    /// Not a token of a session that goes on.
    Unknown,
    /// Used up before: the session must end.
    Reused { session: SessionId },
}

/// Where the hashes of tokens are kept.
pub trait TokenRows {
    fn find(&self, hash: &TokenHash) -> Result<Option<TokenRow>, StoreError>;
    fn add(&mut self, hash: &TokenHash, session: SessionId, now: Timestamp) -> Result<(), StoreError>;
    fn mark_used(&mut self, hash: &TokenHash, now: Timestamp, next: &TokenHash) -> Result<(), StoreError>;
}

impl TokenRows for &WriteTx<'_> {
    fn find(&self, hash: &TokenHash) -> Result<Option<TokenRow>, StoreError> {
        refresh_tokens::find(self.conn(), hash)
    }

    fn add(&mut self, hash: &TokenHash, session: SessionId, now: Timestamp) -> Result<(), StoreError> {
        refresh_tokens::add(self, hash, session, now)
    }

    fn mark_used(&mut self, hash: &TokenHash, now: Timestamp, next: &TokenHash) -> Result<(), StoreError> {
        refresh_tokens::mark_used(self, hash, now, next)
    }
}

/// Makes and follows refresh tokens.
#[derive(Clone)]
pub struct RefreshTokens {
    key: hmac::Key,
}

impl RefreshTokens {
    /// Takes the key from which successors are derived.
    pub fn new(key: &[u8; 32]) -> Self {
        RefreshTokens { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// Begins a session with a random token.
    pub fn begin(
        &self,
        rows: &mut impl TokenRows,
        session: SessionId,
        random: &[u8; 32],
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let token = to_hex(random);
        rows.add(&hash(&token), session, now)?;
        Ok(token)
    }

    /// Follows a token. Nothing is written unless the answer is a fresh [`Rotation::Next`].
    pub fn rotate(
        &self,
        rows: &mut impl TokenRows,
        token: &str,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        if from_hex(token).is_none() {
            return Ok(Rotation::Unknown);
        }
        let presented = hash(token);
        let Some(row) = rows.find(&presented)? else { return Ok(Rotation::Unknown) };
        if row.session_ended {
            return Ok(Rotation::Unknown);
        }
        let session = row.session_id;
        let next = self.successor(session, token);
        let Some(used_at) = row.used_at else {
            let next_hash = hash(&next);
            rows.add(&next_hash, session, now)?;
            rows.mark_used(&presented, now, &next_hash)?;
            return Ok(Rotation::Next { session, token: next });
        };
        let in_grace = now.as_millisecond() - used_at.as_millisecond() <= GRACE_MS;
        if in_grace && !row.successor_used {
            Ok(Rotation::Next { session, token: next })
        } else {
            Ok(Rotation::Reused { session })
        }
    }

    fn successor(&self, session: SessionId, token: &str) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"dreamseed refresh token 1");
        context.update(session.0.as_bytes());
        context.update(token.as_bytes());
        to_hex(context.sign().as_ref())
    }
}

fn hash(token: &str) -> TokenHash {
    *blake3::hash(token.as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Memory {
        rows: HashMap<TokenHash, TokenRow>,
        ended: bool,
    }

    impl TokenRows for Memory {
        fn find(&self, hash: &TokenHash) -> Result<Option<TokenRow>, StoreError> {
            Ok(self.rows.get(hash).map(|row| TokenRow {
                successor_used: row
                    .successor
                    .and_then(|next| self.rows.get(&next))
                    .is_some_and(|next| next.used_at.is_some()),
                session_ended: self.ended,
                ..row.clone()
            }))
        }

        fn add(&mut self, hash: &TokenHash, session_id: SessionId, _: Timestamp) -> Result<(), StoreError> {
            let row = TokenRow {
                session_id,
                used_at: None,
                successor: None,
                successor_used: false,
                session_ended: false,
            };
            assert!(self.rows.insert(*hash, row).is_none(), "a token is added once");
            Ok(())
        }

        fn mark_used(
            &mut self,
            hash: &TokenHash,
            now: Timestamp,
            next: &TokenHash,
        ) -> Result<(), StoreError> {
            let row = self.rows.get_mut(hash).expect("marked tokens exist");
            assert!(row.used_at.is_none(), "a token is used once");
            row.used_at = Some(now);
            row.successor = Some(*next);
            Ok(())
        }
    }

    fn time(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).expect("time")
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// Presents the token that many generations before the newest.
        Present(usize),
        Wait(i64),
        Foreign([u8; 32]),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => Just(Step::Present(0)),
            4 => Just(Step::Present(1)),
            1 => (2_usize..5).prop_map(Step::Present),
            3 => (0_i64..=GRACE_MS).prop_map(Step::Wait),
            1 => (GRACE_MS..10 * GRACE_MS).prop_map(Step::Wait),
            1 => any::<[u8; 32]>().prop_map(Step::Foreign),
        ];
        prop::collection::vec(step, 1..40)
    }

    proptest! {
        /// The model is the rule in words: a list of tokens of which the last is unused, and when the last was made.
        #[test]
        fn it_follows_the_rule(steps in steps()) {
            let tokens = RefreshTokens::new(&[3; 32]);
            let session = SessionId::new();
            let mut rows = Memory::default();
            let mut chain = vec![tokens.begin(&mut rows, session, &[1; 32], time(0)).expect("begun")];
            let (mut now, mut made) = (0, 0);
            for step in steps {
                match step {
                    Step::Wait(ms) => now += ms,
                    Step::Foreign(bytes) => {
                        let answer = tokens.rotate(&mut rows, &to_hex(&bytes), time(now)).expect("answer");
                        prop_assert_eq!(answer, Rotation::Unknown);
                    }
                    Step::Present(back) => {
                        let Some(place) = chain.len().checked_sub(back + 1) else { continue };
                        let answer = tokens.rotate(&mut rows, &chain[place], time(now)).expect("answer");
                        match (rows.ended, back) {
                            (true, _) => prop_assert_eq!(answer, Rotation::Unknown),
                            (false, 0) => {
                                let Rotation::Next { session: of, token } = answer else {
                                    return Err(TestCaseError::fail(format!("{answer:?}")));
                                };
                                prop_assert_eq!(of, session);
                                prop_assert!(!chain.contains(&token));
                                chain.push(token);
                                made = now;
                            }
                            (false, 1) if now - made <= GRACE_MS => {
                                let same = Rotation::Next { session, token: chain[place + 1].clone() };
                                prop_assert_eq!(answer, same);
                            }
                            (false, _) => {
                                prop_assert_eq!(answer, Rotation::Reused { session });
                                rows.ended = true;
                            }
                        }
                    }
                }
                let live = rows.rows.values().filter(|row| row.used_at.is_none()).count();
                prop_assert_eq!(live, 1, "one unused token at any time");
                prop_assert_eq!(rows.rows.len(), chain.len());
            }
        }
    }

    #[test]
    fn tokens_of_another_shape_are_unknown() {
        let tokens = RefreshTokens::new(&[3; 32]);
        let mut rows = Memory::default();
        let first = tokens.begin(&mut rows, SessionId::new(), &[1; 32], time(0)).expect("begun");
        for odd in
            ["", "x", &first[1..], &first.to_uppercase().replace('0', "A"), &format!("{first}0"), "한글"]
        {
            assert_eq!(tokens.rotate(&mut rows, odd, time(0)).expect("answer"), Rotation::Unknown, "{odd}");
        }
    }

    #[test]
    fn a_clock_set_back_ends_no_session() {
        let tokens = RefreshTokens::new(&[3; 32]);
        let mut rows = Memory::default();
        let first = tokens.begin(&mut rows, SessionId::new(), &[1; 32], time(0)).expect("begun");
        let next = tokens.rotate(&mut rows, &first, time(0)).expect("answer");
        assert_eq!(tokens.rotate(&mut rows, &first, time(-3_600_000)).expect("answer"), next);
    }

    #[test]
    fn another_hub_derives_other_successors() {
        let session = SessionId::new();
        let one = RefreshTokens::new(&[3; 32]).successor(session, "token");
        assert_ne!(one, RefreshTokens::new(&[4; 32]).successor(session, "token"));
        assert_ne!(one, RefreshTokens::new(&[3; 32]).successor(SessionId::new(), "token"));
    }
}
