//! Finds the server of a cluster that takes writes, and follows it after a promotion.
//!
//! The pool opens connections to one server. A task asks all servers now and then, and at once when an operation met a
//! server that is going away or takes no writes; when another one has become the primary, the pool is pointed there and
//! connections from before are thrown away, each when it would be used next.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::watch;

use super::hosts::{self, Hosts};

/// How often the servers are asked while all is well.
const EVERY: Duration = Duration::from_secs(2);
/// How often while no primary is known.
const EVERY_WHILE_LOST: Duration = Duration::from_millis(200);
/// Alarms come in swarms: the servers are not asked more often than this.
const ALARM_PAUSE: Duration = Duration::from_millis(50);
/// How long one server may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether a session may write, as libpq asks it for `target_session_attrs=read-write`.
const TAKES_WRITES: &str =
    "SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'";

/// Operations of this process that met a server which is going away or takes no writes.
static ALARM: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::channel(0).0);

/// Which connections are still to be used. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Freshness {
    born: Instant,
    /// Milliseconds after `born`; connections from before are thrown away.
    not_before: Arc<AtomicU64>,
}

/// An operation failed in a way that may mean that another server is the primary now.
pub(super) fn raise_alarm() {
    ALARM.send_modify(|alarms| *alarms = alarms.wrapping_add(1));
}

/// Whether a session of this connection may write.
pub(super) async fn takes_writes(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(TAKES_WRITES).fetch_one(connection).await
}

impl Freshness {
    pub(super) fn new() -> Self {
        Self { born: Instant::now(), not_before: Arc::default() }
    }

    /// Whether a connection of this age may still be used.
    pub(super) fn allows(&self, age: Duration) -> bool {
        let lived = self.born.elapsed().saturating_sub(age);
        lived.as_millis() as u64 >= self.not_before.load(Ordering::Acquire)
    }

    /// No connection that is open now is to be used again.
    fn renew(&self) {
        // A connection that opens in this very millisecond goes too: one too many is opened, none too few.
        self.not_before.store(self.born.elapsed().as_millis() as u64 + 1, Ordering::Release);
    }
}

/// Follows the primary until the pool is closed. `current` is the server that the pool connects to at first.
pub(super) async fn follow(pool: PgPool, hosts: Hosts, freshness: Freshness) {
    let mut alarm = ALARM.subscribe();
    let mut current: Option<usize> = Some(0);
    loop {
        let found = primary(&hosts).await;
        match (found, current) {
            (Some(found), known) if known != Some(found) => {
                tracing::warn!(
                    server = hosts::name(&hosts.options[found]),
                    "database primary found, following it"
                );
                pool.set_connect_options(hosts.options[found].clone());
                freshness.renew();
            }
            (None, Some(known)) => {
                tracing::error!(
                    server = hosts::name(&hosts.options[known]),
                    "no database server takes writes"
                );
            }
            _ => {}
        }
        current = found;
        let pause = if found.is_some() { EVERY } else { EVERY_WHILE_LOST };
        tokio::select! {
            () = pool.close_event() => return,
            () = tokio::time::sleep(pause) => {}
            changed = alarm.changed(), if found.is_some() => {
                if changed.is_err() {
                    return;
                }
                // Whatever connections there are may lead to a server that takes no writes any more.
                freshness.renew();
                tokio::time::sleep(ALARM_PAUSE).await;
            }
        }
    }
}

/// The first server that says that it takes writes; all are asked at the same time.
async fn primary(hosts: &Hosts) -> Option<usize> {
    let mut asked: FuturesUnordered<_> = hosts
        .options
        .iter()
        .enumerate()
        .map(|(place, options)| async move {
            let answer = tokio::time::timeout(ANSWER_TIMEOUT, ask(options)).await;
            matches!(answer, Ok(Ok(true))).then_some(place)
        })
        .collect();
    while let Some(answer) = asked.next().await {
        if answer.is_some() {
            return answer;
        }
    }
    None
}

async fn ask(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut connection = options.connect().await?;
    let answer = takes_writes(&mut connection).await;
    let _ = connection.close().await;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_from_before_a_promotion_are_not_used_again() {
        let freshness = Freshness {
            born: Instant::now().checked_sub(Duration::from_mins(1)).unwrap(),
            not_before: Arc::default(),
        };
        assert!(freshness.allows(Duration::from_secs(30)));
        freshness.renew();
        assert!(!freshness.allows(Duration::from_secs(30)));
        assert!(!freshness.allows(Duration::from_millis(50)));
    }
}
