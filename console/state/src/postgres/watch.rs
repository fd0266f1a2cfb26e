//! Whether a server of the state's Postgres takes writes, and which one.
//!
//! The pool opens connections to one server. A task asks through the pool now and then, and at once when an operation met a
//! server that is away or takes no writes, or had no answer in time. When the pool has no good answer all servers are asked;
//! when one leads, the pool is pointed there and connections from before are thrown away, each when it would be used next.
//! Not so when the pool is merely in full use and its server leads: opening all connections anew would add to the load. What
//! runs is given up when another server leads, or its own has been silent twice, and not when that has no room for one more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use parking_lot::Mutex;
use sqlx::{
    ConnectOptions as _, Connection as _,
    postgres::{PgConnectOptions, PgConnection, PgPool},
};
use tokio::sync::{Notify, watch};

use super::hosts::{self, Hosts};

/// How often servers are asked while none takes writes.
const ASK_WHILE_AWAY: Duration = Duration::from_millis(250);
/// One slow answer is no outage: after so many there is nobody to wait for.
const SILENT_ROUNDS: u32 = 2;
/// Failures come in swarms: the servers are not asked more often than this.
const PAUSE: Duration = Duration::from_millis(50);
/// How long one server may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether a session may write, as libpq asks it for `target_session_attrs=read-write`.
const TAKES_WRITES: &str =
    "SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'";

/// What is known of the servers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Watch(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    born: Instant,
    /// Milliseconds after `born`; connections from before are thrown away.
    not_before: AtomicU64,
    away_since: Mutex<Option<Instant>>,
    /// How often there was nobody left for what was running.
    lost: watch::Sender<u64>,
    alarm: Notify,
}

impl Watch {
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            born: Instant::now(),
            not_before: AtomicU64::new(0),
            away_since: Mutex::new(None),
            lost: watch::Sender::new(0),
            alarm: Notify::new(),
        }))
    }

    /// For how long no server has taken writes; none: one does.
    pub fn away_for(&self) -> Option<Duration> {
        self.0.away_since.lock().map(|since| since.elapsed())
    }

    /// An operation failed in a way that may mean that the server is away: it counts as that until one has answered.
    pub fn raise_alarm(&self) {
        self.0.away_since.lock().get_or_insert_with(Instant::now);
        self.wake();
    }

    /// An operation had no answer in time, which says nothing of the server yet: it is asked.
    pub fn wake(&self) {
        self.0.alarm.notify_one();
    }

    /// Once what runs now has nobody to wait for; an alarm alone may be that of one connection.
    pub async fn lost(&self) {
        // An error would mean that its sender is gone, which lives as long as this.
        let _ = self.0.lost.subscribe().changed().await;
    }

    fn lose(&self) {
        self.0.lost.send_modify(|times| *times += 1);
    }

    /// Whether a connection of this age may still be used.
    pub fn allows(&self, age: Duration) -> bool {
        let opened = self.0.born.elapsed().saturating_sub(age);
        opened.as_millis() as u64 >= self.0.not_before.load(Ordering::Acquire)
    }

    /// No connection that is open now is to be used again.
    fn renew(&self) {
        // A connection that opens in this very millisecond goes too: one too many is opened, none too few.
        self.0.not_before.store(self.0.born.elapsed().as_millis() as u64 + 1, Ordering::Release);
    }

    /// Runs until the pool is closed. `current` is the server, by its place in the address, that the pool connects to.
    pub async fn run(self, pool: PgPool, hosts: Hosts, mut current: usize, every: Duration) {
        let (place, mut is_told, mut silent) = (hosts.place(), false, 0);
        loop {
            let pause = if self.away_for().is_some() { ASK_WHILE_AWAY.min(every) } else { every };
            tokio::select! {
                () = pool.close_event() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.0.alarm.notified() => {}
            }
            let answer = if self.away_for().is_some() { Answer::Bad } else { ask_through(&pool).await };
            if answer == Answer::Good {
                silent = 0;
                continue;
            }
            match primary(&hosts).await {
                Ok(found) if found == current && answer == Answer::Full => silent = 0,
                Ok(found) => {
                    let server = hosts::name(&hosts.all()[found]);
                    pool.set_connect_options(hosts.all()[found].clone());
                    self.renew();
                    if found != current {
                        tracing::warn!(server, "another server of the state's database leads");
                        current = found;
                        self.lose();
                    }
                    silent = 0;
                    let since = self.0.away_since.lock().take();
                    if std::mem::take(&mut is_told) {
                        let away_ms = since.map_or(0, |since| since.elapsed().as_millis() as u64);
                        tracing::info!(server, away_ms, "the state's database is there again");
                    }
                }
                Err(unled) => {
                    self.0.away_since.lock().get_or_insert_with(Instant::now);
                    silent = if unled.is_refused_by(current) { 0 } else { silent + 1 };
                    if silent >= SILENT_ROUNDS {
                        self.lose();
                    }
                    if !std::mem::replace(&mut is_told, true) {
                        let error = unled.into_error().map(|e| e.to_string());
                        tracing::error!(place, error, "no server of the state's database takes writes");
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Whether a session of this connection may write.
pub async fn takes_writes(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(TAKES_WRITES).fetch_one(connection).await
}

/// What comes of asking through the pool.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Its server takes writes.
    Good,
    Bad,
    /// No connection was free in time, so nobody was asked.
    Full,
}

async fn ask_through(pool: &PgPool) -> Answer {
    let mut connection = match tokio::time::timeout(ANSWER_TIMEOUT, pool.acquire()).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(sqlx::Error::PoolTimedOut)) | Err(_) => return Answer::Full,
        Ok(Err(_)) => return Answer::Bad,
    };
    match tokio::time::timeout(ANSWER_TIMEOUT, takes_writes(&mut connection)).await {
        Ok(Ok(true)) => Answer::Good,
        _ => Answer::Bad,
    }
}

/// No server says that it takes writes.
pub struct Unled {
    /// Of servers by their place, why they could not be asked; not of those that were silent or take no writes.
    failed: Vec<(usize, sqlx::Error)>,
}

impl Unled {
    /// Whether this server answered in its own words, as one does that has no room for another connection.
    fn is_refused_by(&self, place: usize) -> bool {
        self.failed.iter().any(|(of, error)| *of == place && matches!(error, sqlx::Error::Database(_)))
    }

    /// The last one.
    pub fn into_error(mut self) -> Option<sqlx::Error> {
        self.failed.pop().map(|(_, error)| error)
    }
}

/// The first server that says that it takes writes; all are asked at the same time.
pub async fn primary(hosts: &Hosts) -> Result<usize, Unled> {
    let mut asked: FuturesUnordered<_> =
        hosts
            .all()
            .iter()
            .enumerate()
            .map(|(place, options)| async move {
                (place, tokio::time::timeout(ANSWER_TIMEOUT, ask(options)).await)
            })
            .collect();
    let mut failed = Vec::new();
    while let Some((place, answer)) = asked.next().await {
        match answer {
            Ok(Ok(true)) => return Ok(place),
            Ok(Err(error)) => failed.push((place, error)),
            Ok(Ok(false)) | Err(_) => {}
        }
    }
    Err(Unled { failed })
}

async fn ask(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut connection = options.connect().await?;
    let answer = takes_writes(&mut connection).await;
    let _ = connection.close().await;
    answer
}
