//! Sessions that were seen lately, for a time in which Postgres is away or does not answer in time. Never asked while it
//! does.

use std::collections::HashMap;

use crate::Session;

/// By the token's SHA-256.
pub struct Recent {
    keep_ms: i64,
    max: usize,
    seen: HashMap<Vec<u8>, (Session, i64)>,
}

impl Recent {
    pub fn new(keep_ms: i64, max: usize) -> Self {
        Self { keep_ms, max, seen: HashMap::new() }
    }

    pub fn remember(&mut self, digest: Vec<u8>, session: &Session, now_ms: i64) {
        if self.max == 0 {
            return;
        }
        if !self.seen.contains_key(&digest) && self.seen.len() >= self.max {
            let oldest = self.seen.iter().min_by_key(|(_, (_, at))| *at).map(|(digest, _)| digest.clone());
            oldest.and_then(|digest| self.seen.remove(&digest));
        }
        self.seen.insert(digest, (session.clone(), now_ms));
    }

    pub fn forget(&mut self, digest: &[u8]) {
        self.seen.remove(digest);
    }

    /// Of all of a user.
    pub fn forget_user(&mut self, name: &str) {
        self.seen.retain(|_, (session, _)| !session.user_name.eq_ignore_ascii_case(name));
    }

    /// The session as it was, when it was seen lately enough and has not ended by itself.
    pub fn find(&self, digest: &[u8], now_ms: i64) -> Option<Session> {
        let (session, seen_ms) = self.seen.get(digest)?;
        (now_ms - seen_ms < self.keep_ms && session.expires_ms > now_ms).then(|| session.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(name: &str, expires_ms: i64) -> Session {
        Session { user_id: 1, user_name: name.to_owned(), expires_ms, csrf_token: String::new() }
    }

    #[test]
    fn a_session_is_remembered_for_a_while_and_never_beyond_its_end() {
        let mut recent = Recent::new(100, 2);
        recent.remember(vec![1], &session("kim", 1000), 0);
        recent.remember(vec![2], &session("kim", 50), 0);
        assert!(recent.find(&[1], 99).is_some() && recent.find(&[2], 49).is_some());
        assert!(recent.find(&[1], 100).is_none() && recent.find(&[2], 50).is_none());
        recent.forget(&[1]);
        assert!(recent.find(&[1], 0).is_none());
        recent.forget_user("KIM");
        assert!(recent.seen.is_empty());
    }

    #[test]
    fn the_one_that_was_not_seen_for_longest_makes_room() {
        let mut recent = Recent::new(100, 2);
        for (digest, at) in [(1, 0), (2, 1), (1, 2), (3, 3)] {
            recent.remember(vec![digest], &session("kim", 1000), at);
        }
        assert!(recent.find(&[1], 3).is_some() && recent.find(&[2], 3).is_none());
    }
}
