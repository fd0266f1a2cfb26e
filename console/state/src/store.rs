//! The state and its opening.

use std::time::Duration;

use parking_lot::Mutex;

use crate::{
    OpenError, Place, StateConfig,
    database::Database,
    hashing::Hashing,
    postgres::Postgres,
    recent::Recent,
    sqlite,
    throttle::{SharedThrottle, Throttle, Throttling},
};

/// Users, sessions and preferences.
pub struct State {
    pub(crate) database: Database,
    pub(crate) config: StateConfig,
    pub(crate) throttle: Throttling,
    pub(crate) hashing: Hashing,
    pub(crate) recent: Mutex<Recent>,
}

impl State {
    /// Opens the database, checks it, and brings it to the newest version. Must be called inside a Tokio runtime.
    pub async fn open(config: StateConfig) -> Result<Self, OpenError> {
        let (database, throttle) = match &config.place {
            Place::File(file) => {
                let local = Mutex::new(Throttle::new(config.throttle));
                (Database::File(sqlite::open(file).await?), Throttling::Local(local))
            }
            Place::Postgres(postgres) => {
                let shared = SharedThrottle::new(postgres);
                (Database::Postgres(Postgres::open(postgres).await?), Throttling::Shared(shared))
            }
        };
        let state = Self {
            database,
            throttle,
            hashing: Hashing::new(config.max_concurrent_hashes, config.max_waiting_log_ins),
            recent: Mutex::new(Recent::new(config.remember_session_ms, config.max_remembered_sessions)),
            config,
        };
        // A failure shows again, and is said, at the first log-in.
        let _ = state.decoy().await;
        Ok(state)
    }

    /// For how long the Postgres of the state has been away; none: it is there. A file is always there.
    pub fn away_for(&self) -> Option<Duration> {
        match &self.database {
            Database::File(_) => None,
            Database::Postgres(postgres) => postgres.away_for(),
        }
    }

    /// For how long a session that was seen goes on while Postgres is away, in milliseconds.
    pub fn remembers_sessions_ms(&self) -> i64 {
        self.config.remember_session_ms
    }

    /// Waits for running statements and closes the database.
    pub async fn close(&self) {
        match &self.database {
            Database::File(pool) => pool.close().await,
            Database::Postgres(postgres) => postgres.pool.close().await,
        }
    }
}
