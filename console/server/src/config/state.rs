//! Where users, sessions, what Flux told and the order of alarms are kept.

use std::path::PathBuf;

use serde::Deserialize;

/// A file below `data_dir`, or a Postgres that several consoles share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateSettings {
    /// The file that holds the database's address, password included.
    pub postgres_url_file: Option<PathBuf>,
    /// Most connections open at a time. Absent: 8.
    pub max_connections: Option<u32>,
    /// How long a start waits for a server that takes writes, in seconds. Absent: 60.
    pub startup_timeout_s: Option<u32>,
}

/// More would be a mistake: a console asks little.
const MAX_CONNECTIONS: u32 = 100;
const MAX_STARTUP_TIMEOUT_S: u32 = 3600;

impl StateSettings {
    /// Whether several consoles may share the state.
    pub fn is_shared(&self) -> bool {
        self.postgres_url_file.is_some()
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.max_connections.is_some_and(|n| !(1..=MAX_CONNECTIONS).contains(&n)) {
            found.push(format!("state.max_connections: must be 1 to {MAX_CONNECTIONS}"));
        }
        if self.startup_timeout_s.is_some_and(|n| !(1..=MAX_STARTUP_TIMEOUT_S).contains(&n)) {
            found.push(format!("state.startup_timeout_s: must be 1 to {MAX_STARTUP_TIMEOUT_S}"));
        }
        if !self.is_shared() && (self.max_connections.is_some() || self.startup_timeout_s.is_some()) {
            found.push("state: max_connections and startup_timeout_s need postgres_url_file".to_owned());
        }
        found
    }
}
