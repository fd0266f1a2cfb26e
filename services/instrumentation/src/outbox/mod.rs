//! The outbox relay: events that a service wrote in the transaction that made them true go to a Redis stream, in the
//! order in which they were written, at least once.
//!
//! The service owns a table `outbox (seq, event_id, kind, payload, traceparent, created_at)`, `seq` an identity column.
//! Rows leave it only after Redis has taken them, so a crash between the two sends an event twice under the same id, and
//! consumers drop the second.
//!
//! Redis copies to its replicas after it has answered: where it has some, a row leaves only when [`RelayConfig::replicas`]
//! of them have the event, so that a failover loses none.
//!
//! What must always hold: no Postgres transaction is open while Redis is waited for; nothing that a consumer group has
//! not acknowledged is ever trimmed; the stream has a bound, and what does not fit waits in Postgres.
//!
//! One relay at a time works over all instances of a service. It is chosen by an advisory lock of a database session
//! that the relay keeps to itself: when the process or the session ends, the other instance goes on. Should two believe
//! to be chosen for a moment (a failover), events are doubled but first sightings keep their order, because each relay
//! sends everything that still waits, oldest first.

mod storage;
mod stream;
mod telemetry;

use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use self::storage::Session;
use self::stream::Stream;
pub use self::telemetry::OutboxMetrics;
use crate::clock::SharedClock;
use crate::config::Env;
use crate::faults::Faults;

/// How much at a time, how much at most, and how often.
#[derive(Debug, Clone, Copy)]
pub struct RelayConfig {
    /// Events sent in one round trip.
    pub batch: usize,
    /// Entries that the stream may hold; while not all groups have acknowledged them, further events wait in Postgres.
    pub max_stream_entries: usize,
    /// Pause when nothing waits.
    pub idle: Duration,
    /// Pause after a failure, and between an instance's attempts to be chosen.
    pub after_failure: Duration,
    /// How often an idle stream is trimmed and the gauges are measured.
    pub trim_every: Duration,
    /// Replicas that must have an event before it counts as sent; zero where Redis stands alone.
    pub replicas: usize,
    /// How long events are held back while there are fewer.
    pub wait_for_replicas: Duration,
}

impl RelayConfig {
    /// Reads `REDIS_WAIT_REPLICAS`.
    pub fn from_env(env: &mut Env) -> Self {
        Self { replicas: env.optional("REDIS_WAIT_REPLICAS", 0), ..Self::default() }
    }
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            batch: 100,
            max_stream_entries: 10_000,
            idle: Duration::from_millis(200),
            after_failure: Duration::from_secs(1),
            trim_every: Duration::from_secs(1),
            replicas: 0,
            wait_for_replicas: Duration::from_secs(30),
        }
    }
}

/// Where events go, and who must have seen them before they are trimmed.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name of the Redis stream.
    pub stream: &'static str,
    /// Every consumer group that reads it.
    pub groups: &'static [&'static str],
}

/// What came of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// This many events were sent; zero when none waits.
    Sent(usize),
    /// The stream is full of what its groups have not acknowledged: everything waits.
    HeldBack,
    /// Another instance is the relay.
    Standby,
}

/// Why a round failed. What was not removed from the outbox is sent again.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The outbox cannot be read.
    #[error("outbox")]
    Database(#[from] sqlx::Error),
    /// The stream cannot be written.
    #[error("stream")]
    Stream(#[from] redis::RedisError),
    /// Too few replicas have what was sent, so that a failover could lose it.
    #[error("{have} of {wanted} replicas have the events")]
    NotCopied {
        /// Replicas that have them.
        have: usize,
        /// Replicas that must.
        wanted: usize,
    },
}

/// The relay of one service's outbox.
pub struct Relay {
    pool: PgPool,
    stream: Stream,
    config: RelayConfig,
    metrics: OutboxMetrics,
    clock: SharedClock,
    stuck: Option<(Faults, &'static str)>,
    session: Option<Session>,
    trimmed_at: Option<Instant>,
    uncopied_since: Option<Instant>,
}

impl Relay {
    /// A relay from the outbox in `pool` to `target`.
    pub fn new(
        pool: PgPool,
        redis: crate::kv::Connection,
        target: Target,
        config: RelayConfig,
        metrics: OutboxMetrics,
        clock: SharedClock,
    ) -> Self {
        let stream = Stream::new(redis, target);
        Self {
            pool,
            stream,
            config,
            metrics,
            clock,
            stuck: None,
            session: None,
            trimmed_at: None,
            uncopied_since: None,
        }
    }

    /// Sends nothing while the fault `name` is on.
    pub fn stuck_by(mut self, faults: Faults, name: &'static str) -> Self {
        self.stuck = Some((faults, name));
        self
    }

    /// Works until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut measured_at: Option<Instant> = None;
        while !shutdown.is_cancelled() {
            let pause = match self.once().await {
                Ok(Round::Sent(sent)) if sent == self.config.batch => Duration::ZERO,
                Ok(Round::Sent(_) | Round::HeldBack) => self.config.idle,
                Ok(Round::Standby) => self.config.after_failure,
                Err(error) => {
                    tracing::warn!(error = crate::problem::chain(&error), "events wait in the outbox");
                    self.config.after_failure
                }
            };
            if measured_at.is_none_or(|at| at.elapsed() >= self.config.trim_every) {
                measured_at = Some(Instant::now());
                self.measure().await;
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One round: trims when that is due, and sends the oldest events as far as the stream has room.
    pub async fn once(&mut self) -> Result<Round, RelayError> {
        if self.stuck.as_ref().is_some_and(|(faults, name)| faults.is_active(name)) {
            return Ok(Round::Sent(0));
        }
        let Some(mut session) = self.session().await? else {
            // The relay tells them: what this instance told when it was the relay is over.
            self.metrics.held_back.set(0.0);
            self.metrics.stream_length.set(0.0);
            return Ok(Round::Standby);
        };
        let result = self.send(&mut session).await;
        // A session that failed may have lost the lock with its connection: it is dropped, and asked for again.
        if !matches!(result, Err(RelayError::Database(_))) {
            self.session = Some(session);
        }
        result
    }

    async fn send(&mut self, session: &mut Session) -> Result<Round, RelayError> {
        let idle = self.trimmed_at.is_none_or(|at| at.elapsed() >= self.config.trim_every);
        let mut length = self.stream.length();
        if idle || length + self.config.batch > self.config.max_stream_entries {
            length = self.stream.trim().await?;
            self.trimmed_at = Some(Instant::now());
            self.metrics.stream_length.set(length as f64);
        }
        let room = self.config.max_stream_entries.saturating_sub(length).min(self.config.batch);
        if room == 0 {
            self.metrics.held_back.set(session.waiting().await? as f64);
            return Ok(Round::HeldBack);
        }
        self.metrics.held_back.set(0.0);
        let events = session.oldest(room).await?;
        if events.is_empty() {
            return Ok(Round::Sent(0));
        }
        let copies = self.stream.add(&events, self.config.replicas).await?;
        self.copied(copies)?;
        let sent: Vec<i64> = events.iter().map(|event| event.seq).collect();
        session.remove(&sent).await?;
        Ok(Round::Sent(sent.len()))
    }

    /// Whether enough replicas have what was sent. While they do not, it is sent again, but not for ever: a shop whose
    /// replica is being replaced still tells what happened.
    fn copied(&mut self, have: usize) -> Result<(), RelayError> {
        let wanted = self.config.replicas;
        if have >= wanted {
            self.uncopied_since = None;
            return Ok(());
        }
        if self.uncopied_since.get_or_insert_with(Instant::now).elapsed() < self.config.wait_for_replicas {
            return Err(RelayError::NotCopied { have, wanted });
        }
        tracing::warn!(have, wanted, "too few replicas for long: events are sent without");
        Ok(())
    }

    async fn session(&mut self) -> Result<Option<Session>, sqlx::Error> {
        match self.session.take() {
            Some(session) => Ok(Some(session)),
            None => Session::open(&self.pool).await,
        }
    }

    /// Every instance shows the backlog: it is the table's, not the relay's.
    async fn measure(&self) {
        match storage::backlog(&self.pool).await {
            Ok((pending, oldest)) => {
                let lag_ms = oldest.map_or(0, |at| (self.clock.now() - at).num_milliseconds().max(0));
                self.metrics.pending.set(pending as f64);
                self.metrics.lag_seconds.set(lag_ms as f64 / 1000.0);
            }
            Err(error) => tracing::debug!(%error, "outbox gauges are not fresh"),
        }
    }
}
