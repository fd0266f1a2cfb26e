//! Limits of the state.

use std::path::PathBuf;

use crate::throttle::ThrottleConfig;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateConfig {
    /// The database's file; created when missing, with its folders.
    pub file: PathBuf,
    /// A session ends when it is not used for this long.
    pub session_idle_ms: i64,
    /// A session ends at this age, used or not.
    pub session_max_ms: i64,
    /// Sessions a user; the one that would expire first makes room.
    pub max_sessions_per_user: i64,
    /// Passwords hashed at once (each takes 19 MiB for some tens of milliseconds).
    pub max_concurrent_hashes: usize,
    /// Log-ins that wait for their turn to be hashed; more are told to come back.
    pub max_waiting_log_ins: usize,
    pub max_password_bytes: usize,
    pub max_preference_bytes: usize,
    /// The newest events of Flux are kept.
    pub max_flux_events: i64,
    pub max_flux_event_bytes: usize,
    pub throttle: ThrottleConfig,
}

impl StateConfig {
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            session_idle_ms: 12 * 3_600_000,
            session_max_ms: 7 * 24 * 3_600_000,
            max_sessions_per_user: 50,
            max_concurrent_hashes: 2,
            max_waiting_log_ins: 64,
            max_password_bytes: 1024,
            max_preference_bytes: 4096,
            max_flux_events: 300,
            max_flux_event_bytes: 32 * 1024,
            throttle: ThrottleConfig::default(),
        }
    }
}
