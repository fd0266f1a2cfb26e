//! Limits of the state.

use std::{fmt, path::PathBuf, time::Duration};

use crate::throttle::ThrottleConfig;

/// Where the state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The database's file; created when missing, with its folders.
    File(PathBuf),
    Postgres(PostgresConfig),
}

/// A Postgres that consoles share. The address holds a password and does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresConfig {
    /// As libpq has it, with several hosts where there are several:
    /// `postgres://user:password@host1:port1,host2:port2/database?target_session_attrs=read-write`.
    pub url: String,
    /// Most connections open at a time, but for the one that looks after the servers.
    pub max_connections: u32,
    /// How long a request waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long the server works on one statement, but for migrations.
    pub statement_timeout: Duration,
    /// How long a start waits for a server that takes writes.
    pub startup_timeout: Duration,
    /// How long it may then take to bring the database to the newest version, the wait for another console that does so
    /// included.
    pub migrate_timeout: Duration,
    /// How often the servers are asked whether they are there.
    pub ask_every: Duration,
}

impl PostgresConfig {
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
            startup_timeout: Duration::from_mins(1),
            migrate_timeout: Duration::from_mins(5),
            ask_every: Duration::from_secs(2),
        }
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateConfig {
    pub place: Place,
    /// A session ends when it is not used for this long.
    pub session_idle_ms: i64,
    /// A session ends at this age, used or not.
    pub session_max_ms: i64,
    /// Sessions a user; the one that would expire first makes room.
    pub max_sessions_per_user: i64,
    /// While Postgres is away or does not answer in time, a session that was seen within this time counts as it was. It is
    /// also how long one that was ended elsewhere may go on then.
    pub remember_session_ms: i64,
    /// Sessions remembered for that; the one that was not seen for longest makes room.
    pub max_remembered_sessions: usize,
    /// Passwords hashed at once (each takes 19 MiB for some tens of milliseconds).
    pub max_concurrent_hashes: usize,
    /// Log-ins that wait for their turn to be hashed; more are told to come back.
    pub max_waiting_log_ins: usize,
    pub max_password_bytes: usize,
    pub max_preference_bytes: usize,
    /// The newest events of Flux are kept.
    pub max_flux_events: i64,
    pub max_flux_event_bytes: usize,
    /// Alarms remembered; the one that ended first, or ends first, makes room.
    pub max_alarms: i64,
    pub throttle: ThrottleConfig,
}

impl StateConfig {
    /// In a file.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self::at(Place::File(file.into()))
    }

    pub fn at(place: Place) -> Self {
        Self {
            place,
            session_idle_ms: 12 * 3_600_000,
            session_max_ms: 7 * 24 * 3_600_000,
            max_sessions_per_user: 50,
            remember_session_ms: 5 * 60_000,
            max_remembered_sessions: 1000,
            max_concurrent_hashes: 2,
            max_waiting_log_ins: 64,
            max_password_bytes: 1024,
            max_preference_bytes: 4096,
            max_flux_events: 300,
            max_flux_event_bytes: 32 * 1024,
            max_alarms: 10_000,
            throttle: ThrottleConfig::default(),
        }
    }
}
