//! Two private Redis servers: what must not be lost, apart from what can be made again.

use std::path::PathBuf;

use super::{layout::Layout, probe::Probe, process::Unit};

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Event streams and throttles. Never evicts: a write over the bound is refused, and an alert comes
    /// long before. Its log is synced every second.
    Durable,
    /// Copies of what databases hold. Evicts what was not used lately, forgets all at a restart.
    Cache,
}

impl Store {
    pub const ALL: [Self; 2] = [Self::Durable, Self::Cache];

    /// The unit's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Durable => "redis",
            Self::Cache => "redis-cache",
        }
    }

    /// Where it listens.
    pub fn socket(self, layout: &Layout) -> PathBuf {
        layout.sockets.join(format!("{}.sock", self.name()))
    }

    /// What services are given.
    pub fn url(self, layout: &Layout) -> String {
        format!("unix://{}", self.socket(layout).display())
    }

    fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Durable => &[
                ("--maxmemory", "96mb"),
                ("--maxmemory-policy", "noeviction"),
                ("--appendonly", "yes"),
                ("--appendfsync", "everysec"),
                ("--auto-aof-rewrite-min-size", "16mb"),
            ],
            Self::Cache => {
                &[("--maxmemory", "32mb"), ("--maxmemory-policy", "allkeys-lru"), ("--appendonly", "no")]
            }
        }
    }
}

/// Describes a server's process.
pub fn unit(layout: &Layout, store: Store) -> Result<Unit, String> {
    let name = store.name();
    let dir = layout.data.join(name);
    std::fs::create_dir_all(&dir).map_err(|e| format!("cannot create {}: {e}", dir.display()))?;
    let socket = store.socket(layout);
    let (socket_text, dir) = (socket.display().to_string(), dir.display().to_string());
    let mut unit = Unit::new(name, name, xtask_programs::path("redis-server")?, layout.log_file(name));
    unit.args = [
        ("--port", "0"),
        ("--unixsocket", socket_text.as_str()),
        ("--dir", dir.as_str()),
        ("--save", ""),
        ("--daemonize", "no"),
    ]
    .iter()
    .chain(store.settings())
    .flat_map(|(key, value)| [(*key).to_owned(), (*value).to_owned()])
    .collect();
    unit.address = socket_text;
    unit.probe = Probe::Redis(socket);
    Ok(unit)
}
