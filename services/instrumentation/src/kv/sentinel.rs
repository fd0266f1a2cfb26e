//! The server that leads, as Sentinels tell it (Redis documentation, "Guidelines for Redis clients with support for
//! Redis Sentinel").
//!
//! What must always hold: an answer that a master would not give, and a lost connection, have the Sentinels asked before
//! the next command; nobody waits for them for longer than [`ASK_WITHIN`], and they are not asked more often than every
//! [`ASK_PAUSE`], however many commands fail.
//!
//! A master that was replaced while it lives goes on taking writes until a Sentinel demotes it, up to twenty seconds
//! later, and all of them are lost. So the Sentinels are asked beside the commands every [`ASK_AGAIN`], too.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::aio::ConnectionManager;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo as _, RedisError,
    ServerErrorKind, Value,
};

use super::sentinel_url::SentinelUrl;
use super::{KvConfig, manager};
use crate::dependency::{self, Failed};

/// For one Sentinel.
const ONE_WITHIN: Duration = Duration::from_millis(300);
/// For all of them.
const ASK_WITHIN: Duration = Duration::from_secs(1);
const ASK_PAUSE: Duration = Duration::from_millis(100);
/// An answer this old is looked at again in the background.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// An answer this old is looked at again before it is used: nobody asked for anything meanwhile.
const TOO_OLD: Duration = Duration::from_secs(3);

/// A master that is followed wherever it goes.
pub(super) struct Followed {
    url: SentinelUrl,
    config: KvConfig,
    known: Mutex<Known>,
    /// One asks, the others wait for its answer.
    asking: Arc<tokio::sync::Mutex<()>>,
    /// Who is asked first: another one every time, so that one who is cut off is not believed for long.
    turn: AtomicUsize,
}

#[derive(Default)]
struct Known {
    master: Option<Master>,
    /// Whether something spoke against it since the Sentinels named it.
    is_doubted: bool,
    asked: Option<Instant>,
}

struct Master {
    address: (String, u16),
    connection: ConnectionManager,
}

impl Followed {
    pub(super) fn new(url: SentinelUrl, config: KvConfig) -> Self {
        Self { url, config, known: Mutex::default(), asking: Arc::default(), turn: AtomicUsize::new(0) }
    }

    pub(super) fn database(&self) -> i64 {
        self.url.database
    }

    /// A connection to the server that leads.
    pub(super) async fn master(self: &Arc<Self>) -> Result<ConnectionManager, RedisError> {
        if let Some(known) = self.known() {
            self.look_again();
            return known;
        }
        let _one = self.asking.lock().await;
        if let Some(known) = self.known() {
            return known;
        }
        self.ask_and_settle().await
    }

    /// Asks in the background when the last answer is old and nobody asks already.
    fn look_again(self: &Arc<Self>) {
        if self.known.lock().asked.is_some_and(|at| at.elapsed() < ASK_AGAIN) {
            return;
        }
        let followed = Arc::clone(self);
        if let Ok(one) = Arc::clone(&self.asking).try_lock_owned() {
            tokio::spawn(async move {
                // Who waits for a master hears of a failure; here it would be repeated twice a second.
                let _ = followed.ask_and_settle().await;
                drop(one);
            });
        }
    }

    async fn ask_and_settle(&self) -> Result<ConnectionManager, RedisError> {
        let found = tokio::time::timeout(ASK_WITHIN, self.ask()).await;
        self.settle(found.unwrap_or_else(|_| Err(away("too slow"))))
    }

    /// What a command's end says about the master.
    pub(super) fn learn(&self, end: Result<&[Value], &RedisError>) {
        let is_odd = match end {
            Ok(values) => values.iter().any(is_no_masters),
            Err(error) => {
                let aborted = error.kind() == ErrorKind::Server(ServerErrorKind::ExecAbort);
                aborted || dependency::of_redis(error) == Failed::Away
            }
        };
        if is_odd {
            self.known.lock().is_doubted = true;
        }
    }

    /// What can be said without asking; nothing when somebody has to.
    fn known(&self) -> Option<Result<ConnectionManager, RedisError>> {
        let known = self.known.lock();
        let asked_within = |limit| known.asked.is_some_and(|at| at.elapsed() < limit);
        let asked_lately = asked_within(ASK_PAUSE);
        match &known.master {
            Some(master) if asked_lately || (!known.is_doubted && asked_within(TOO_OLD)) => {
                Some(Ok(master.connection.clone()))
            }
            None if asked_lately => Some(Err(away("nobody knew a master a moment ago"))),
            _ => None,
        }
    }

    /// Remembers what the Sentinels said. Where they do not answer, the master that they named last stands.
    fn settle(&self, found: Result<(String, u16), RedisError>) -> Result<ConnectionManager, RedisError> {
        let mut known = self.known.lock();
        known.asked = Some(Instant::now());
        match (found, &known.master) {
            (Ok(address), Some(master)) if master.address == address => {
                let connection = master.connection.clone();
                known.is_doubted = false;
                Ok(connection)
            }
            (Ok(address), _) => {
                tracing::info!(host = address.0, port = address.1, "redis master found");
                let server = ConnectionAddr::Tcp(address.0.clone(), address.1).into_connection_info()?;
                let client = Client::open(server.set_redis_settings(self.url.login()))?;
                let connection = manager(client, self.config)?;
                known.master = Some(Master { address, connection: connection.clone() });
                known.is_doubted = false;
                Ok(connection)
            }
            (Err(_), Some(master)) => Ok(master.connection.clone()),
            (Err(error), None) => Err(error),
        }
    }

    /// Asks one Sentinel after the other; the first who knows a master is believed.
    async fn ask(&self) -> Result<(String, u16), RedisError> {
        let sentinels = &self.url.sentinels;
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut last = away("there are none");
        for i in 0..sentinels.len() {
            let sentinel = &sentinels[(first + i) % sentinels.len()];
            match tokio::time::timeout(ONE_WITHIN, self.ask_one(sentinel)).await {
                Ok(Ok(address)) => return Ok(address),
                Ok(Err(error)) => last = error,
                Err(_) => last = away("no answer in time"),
            }
        }
        Err(last)
    }

    async fn ask_one(&self, (host, port): &(String, u16)) -> Result<(String, u16), RedisError> {
        let client = Client::open(ConnectionAddr::Tcp(host.clone(), *port).into_connection_info()?)?;
        let limits = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ONE_WITHIN))
            .set_response_timeout(Some(ONE_WITHIN));
        let mut connection = client.get_multiplexed_async_connection_with_config(&limits).await?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.url.master);
        let answer: Option<(String, u16)> = question.query_async(&mut connection).await?;
        answer.ok_or_else(|| away("a Sentinel knows no master of this name"))
    }
}

/// An answer that only a server gives that does not lead.
fn is_no_masters(value: &Value) -> bool {
    match value {
        Value::ServerError(error) => {
            matches!(error.kind(), Some(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown))
        }
        Value::Array(values) => values.iter().any(is_no_masters),
        _ => false,
    }
}

/// Whoever asked tries again later, as with any lost connection.
fn away(why: &'static str) -> RedisError {
    io::Error::new(io::ErrorKind::NotConnected, format!("sentinels: {why}")).into()
}
