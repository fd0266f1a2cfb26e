//! A private Redis that keeps its data over a restart (append-only file, synced every second).

use std::path::PathBuf;

use super::{
    layout::Layout,
    process::{Probe, Unit},
};

/// Describes the process.
pub fn unit(layout: &Layout) -> Result<Unit, String> {
    let program = ["/usr/bin/redis-server", "/opt/homebrew/bin/redis-server", "/usr/local/bin/redis-server"]
        .map(PathBuf::from)
        .into_iter()
        .find(|p| p.is_file())
        .ok_or_else(|| "redis-server was not found: run `make setup`".to_owned())?;
    let dir = layout.data.join("redis");
    std::fs::create_dir_all(&dir).map_err(|e| format!("cannot create {}: {e}", dir.display()))?;
    let socket = layout.redis_socket();
    let mut unit = Unit::new("redis", "redis", program, layout.log_file("redis"));
    unit.args = [
        ("--port", "0"),
        ("--unixsocket", &socket.display().to_string()),
        ("--dir", &dir.display().to_string()),
        ("--appendonly", "yes"),
        ("--appendfsync", "everysec"),
        ("--save", ""),
        ("--maxmemory", "64mb"),
        ("--maxmemory-policy", "volatile-lru"),
        ("--daemonize", "no"),
    ]
    .into_iter()
    .flat_map(|(key, value)| [key.to_owned(), value.to_owned()])
    .collect();
    unit.address = socket.display().to_string();
    unit.probe = Probe::Redis(socket);
    Ok(unit)
}
