//! How many mails about orders that came to nothing an address gets: anybody can type anybody's address into a checkout
//! and let one card after the other be declined.
//!
//! Counted in Redis for all instances together, by event, so that one that is delivered again counts once. Kept is a
//! digest of the address and the ids of its events, for an hour. Without Redis nothing is withheld: there would be no
//! event either.

use std::time::Duration;

use chrono::{DateTime, Utc};
use redis::RedisError;
use sha2::{Digest as _, Sha256};
use shop_instrumentation::kv;

use crate::event::{Event, MailKind};

/// Mails of these kinds that an address gets within the window.
pub const MOST: u64 = 4;
const WINDOW: Duration = Duration::from_hours(1);

/// The mails of the last hour.
#[derive(Clone)]
pub struct Quota {
    redis: kv::Connection,
}

impl Quota {
    pub fn new(redis: kv::Connection) -> Self {
        Self { redis }
    }

    /// Whether the mail of this event is one too many. Asking again answers the same as long as the hour lasts.
    pub async fn is_used_up(
        &self,
        kind: MailKind,
        event: &Event,
        now: DateTime<Utc>,
    ) -> Result<bool, RedisError> {
        if !matches!(kind, MailKind::OrderDeclined | MailKind::OrderFailed) {
            return Ok(false);
        }
        let (key, id, now) = (key(event.email()), event.id().to_string(), now.timestamp());
        let window = WINDOW.as_secs() as i64;
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("ZREMRANGEBYSCORE").arg(&key).arg("-inf").arg(now - window).ignore();
        pipe.cmd("ZADD").arg(&key).arg("NX").arg(now).arg(&id).ignore();
        pipe.cmd("EXPIRE").arg(&key).arg(window).ignore();
        pipe.cmd("ZRANK").arg(&key).arg(&id);
        let mut connection = self.redis.clone();
        let (rank,): (Option<u64>,) =
            kv::observe("ZADD", async move { pipe.query_async(&mut connection).await }).await?;
        Ok(rank.is_some_and(|rank| rank >= MOST))
    }
}

/// By what an address is counted.
fn key(address: &str) -> String {
    let digest = format!("{:x}", Sha256::digest(address.trim().to_lowercase()));
    format!("notifications:unpaid:{}", &digest[..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_however_it_is_written_and_is_not_in_the_key() {
        assert_eq!(key("Kim@Example.com "), key("kim@example.com"));
        assert_ne!(key("kim@example.com"), key("kim@example.org"));
        assert!(!key("kim@example.com").contains("kim"));
    }
}
