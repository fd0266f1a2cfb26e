//! How many mails a mailbox gets within an hour that strangers can cause: anybody can type anybody's address into a
//! checkout, and let one card after the other be declined, or order and cancel.
//!
//! A shopper who buys all day long stays below these bounds. What is beyond them is not sent, and counted
//! (`shop_notifications_sent_total`, outcome `withheld`); an order's page says all that its mails say. What only staff or
//! the owner of an account can cause is always sent. Links for a new password are bounded here and not by refusing to ask
//! for one: a stranger would use a refusal up, and the owner would wait, while whoever is withheld a link here has others
//! that work. Money that goes back is bounded although staff gives it back, too: whoever orders and cancels causes it as
//! well.
//!
//! Who wants to use up a bound for longer than an hour has to cause as many mails in each hour as it allows. A few beyond
//! it now and then hold up nobody.
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
    /// It counts as those do that are sent: a flood brings no mails until it is over.
    Counts,
    /// Nothing: there are as many in each window, however many there could be.
    IsForgotten,
}

/// Orders that came to nothing.
pub const UNPAID: Bound = Bound { scope: "unpaid", most: 4, withheld: Withheld::Counts };
/// All that a shopper causes with orders, those of [`UNPAID`] among it.
pub const ORDERS: Bound = Bound { scope: "orders", most: 20, withheld: Withheld::IsForgotten };
/// Accounts that somebody asks for. A person needs one, and a few more for typing errors. No other page has the link of
/// such a mail: what is beyond the bound must not hold up the owner of the address.
pub const REGISTRATIONS: Bound = Bound { scope: "registrations", most: 10, withheld: Withheld::IsForgotten };

/// Links for a new password. Each works for an hour, and no newer one ends it: who gets no more of them has so many that do.
pub const RESETS: Bound = Bound { scope: "resets", most: 6, withheld: Withheld::IsForgotten };

/// What bounds the mails of a kind: all of it has to have room.
const fn bounds(kind: MailKind) -> &'static [Bound] {
    match kind {
        MailKind::OrderDeclined | MailKind::OrderFailed => &[UNPAID, ORDERS],
        MailKind::OrderConfirmed
        | MailKind::OrderCancelled
        | MailKind::OrderRefunded
        | MailKind::ReturnRequested
        | MailKind::ReturnWithdrawn => &[ORDERS],
        MailKind::ConfirmRegistration | MailKind::AlreadyRegistered => &[REGISTRATIONS],
        MailKind::PasswordReset => &[RESETS],
        MailKind::OrderShipped
        | MailKind::ReturnRefused
        | MailKind::Registered
        | MailKind::PasswordChanged
        | MailKind::AccountDeleted => &[],
    }
}

/// Each of `KEYS` has the events of a mailbox within one bound, by the second in which each was counted: ids of those whose
/// mails are within it, and beside them, after a minus, of those beyond it that count. `ARGV` is now and the window in
/// seconds, the event's id, and for each key its bound, and 1 where what is beyond it counts. 1 when the mail is within all
/// bounds; only then it takes a place, one in each. Of what is beyond, as many as the bound are kept, the newest.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local now, window, id = ARGV[1], ARGV[2], ARGV[3]
         local full = {}
         for n, key in ipairs(KEYS) do
           redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
           redis.call('ZREM', key, '-' .. id)
           if not redis.call('ZSCORE', key, id) and redis.call('ZCARD', key) >= tonumber(ARGV[2 + 2 * n]) then
             full[n] = true
           end
         end
         local is_within = next(full) == nil
         for n, key in ipairs(KEYS) do
           if is_within then
             redis.call('ZADD', key, 'NX', now, id)
             redis.call('EXPIRE', key, window)
           elseif full[n] and ARGV[3 + 2 * n] == '1' then
             redis.call('ZADD', key, now, '-' .. id)
             redis.call('EXPIRE', key, window)
             local beyond = {}
             for _, other in ipairs(redis.call('ZRANGE', key, 0, -1)) do
               if other:sub(1, 1) == '-' then beyond[#beyond + 1] = other end
             end
             for oldest = 1, #beyond - tonumber(ARGV[2 + 2 * n]) do
               redis.call('ZREM', key, beyond[oldest])
             end
           end
         end
         return is_within and 1 or 0",
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
        let bounds = bounds(kind);
        if bounds.is_empty() {
            return Ok(false);
        }
        let mut call = COUNT.prepare_invoke();
        call.arg(now.timestamp()).arg(WINDOW.as_secs()).arg(event.id().to_string());
        for bound in bounds {
            call.key(key(bound, event.email()));
            call.arg(bound.most).arg(u8::from(bound.withheld == Withheld::Counts));
        }
        let mut connection = self.redis.clone();
        let is_within: bool =
            kv::observe("EVALSHA quota", async move { call.invoke_async(&mut connection).await }).await?;
        Ok(!is_within)
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
}
