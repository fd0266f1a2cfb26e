//! How many mails a mailbox gets within an hour that strangers can cause: anybody can type anybody's address into a
//! checkout, and let one card after the other be declined, or order and cancel.
//!
//! A shopper who buys all day long stays below these bounds. What is beyond them is not sent, and counted
//! (`shop_notifications_sent_total`, outcome `withheld`); an order's page says all that its mails say. What only staff or
//! the owner of an account can cause is always sent, and so is a new password: `identity` bounds how often one is asked for
//! an account, and nobody but its owner has an address that is the same mailbox.
//!
//! Counted in Redis for all instances together, by event, so that one that is delivered again counts once. Kept is a
//! digest of the mailbox and the ids of its events, for an hour. Without Redis nothing is withheld: there would be no
//! event either.

use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use redis::{RedisError, Script};
use sha2::{Digest as _, Sha256};
use shop_instrumentation::kv;

use crate::event::{Event, MailKind};
use crate::mailbox;

const WINDOW: Duration = Duration::from_hours(1);

/// How many mails of some kinds a mailbox gets within the window.
#[derive(Debug)]
pub struct Bound {
    /// Its part of a counter's name.
    scope: &'static str,
    pub most: u64,
    withheld: Withheld,
}

/// What a mail beyond the bound does to later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Withheld {
    /// It keeps the bound used up: a flood brings no mails until it has been over for the whole window.
    Counts,
    /// Nothing: there are as many in each window, however many there could be.
    IsForgotten,
}

/// Orders that came to nothing.
pub const UNPAID: Bound = Bound { scope: "unpaid", most: 4, withheld: Withheld::Counts };
/// All that a shopper causes with orders, those of [`UNPAID`] among it.
pub const ORDERS: Bound = Bound { scope: "orders", most: 20, withheld: Withheld::IsForgotten };
/// Accounts that somebody asks for. A person needs one, and a few more for typing errors.
pub const REGISTRATIONS: Bound = Bound { scope: "registrations", most: 10, withheld: Withheld::Counts };

/// What bounds the mails of a kind, the narrowest first.
const fn bounds(kind: MailKind) -> &'static [Bound] {
    match kind {
        MailKind::OrderDeclined | MailKind::OrderFailed => &[UNPAID, ORDERS],
        MailKind::OrderConfirmed
        | MailKind::OrderCancelled
        | MailKind::ReturnRequested
        | MailKind::ReturnWithdrawn => &[ORDERS],
        MailKind::ConfirmRegistration | MailKind::AlreadyRegistered => &[REGISTRATIONS],
        MailKind::OrderShipped
        | MailKind::OrderRefunded
        | MailKind::ReturnRefused
        | MailKind::Registered
        | MailKind::PasswordReset
        | MailKind::PasswordChanged
        | MailKind::AccountDeleted => &[],
    }
}

/// `KEYS[1]` has the events of a mailbox whose mails are within the bound, by the second in which each was counted. `ARGV`
/// is now and the window in seconds, the bound, the event's id, and 1 where what is beyond the bound counts: then those
/// within it count from now on. 1 when the mail is one of them.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1] - ARGV[2])
         if redis.call('ZSCORE', KEYS[1], ARGV[4]) then return 1 end
         local within = redis.call('ZRANGE', KEYS[1], 0, -1)
         local is_full = #within >= tonumber(ARGV[3])
         if not is_full then redis.call('ZADD', KEYS[1], ARGV[1], ARGV[4]) end
         if is_full and ARGV[5] == '1' then
           for _, id in ipairs(within) do redis.call('ZADD', KEYS[1], ARGV[1], id) end
         end
         redis.call('EXPIRE', KEYS[1], ARGV[2])
         return is_full and 0 or 1",
    )
});

/// The mails of the last hour.
#[derive(Clone)]
pub struct Quota {
    redis: kv::Connection,
}

impl Quota {
    pub fn new(redis: kv::Connection) -> Self {
        Self { redis }
    }

    /// Whether the mail of this event is one too many. One that is not stays so as long as the hour lasts.
    pub async fn is_used_up(
        &self,
        kind: MailKind,
        event: &Event,
        now: DateTime<Utc>,
    ) -> Result<bool, RedisError> {
        for bound in bounds(kind) {
            let mut call = COUNT.key(key(bound, event.email()));
            call.arg(now.timestamp()).arg(WINDOW.as_secs()).arg(bound.most);
            call.arg(event.id().to_string()).arg(u8::from(bound.withheld == Withheld::Counts));
            let mut connection = self.redis.clone();
            let counted: bool =
                kv::observe("EVALSHA quota", async move { call.invoke_async(&mut connection).await }).await?;
            if !counted {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// By what a mailbox is counted.
fn key(bound: &Bound, address: &str) -> String {
    let digest = format!("{:x}", Sha256::digest(mailbox::of(address)));
    format!("notifications:{}:{}", bound.scope, &digest[..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_one_however_its_address_is_written_and_is_not_in_the_key() {
        let key = |address| key(&UNPAID, address);
        assert_eq!(key("Kim+shop@Example.com "), key("kim@example.com"));
        assert_ne!(key("kim@example.com"), key("kim@example.org"));
        assert!(!key("kim@example.com").contains("kim"));
    }

    #[test]
    fn the_narrowest_bound_comes_first() {
        for kind in MailKind::ALL {
            assert!(bounds(kind).is_sorted_by_key(|bound| bound.most), "{}", kind.as_str());
        }
    }
}
