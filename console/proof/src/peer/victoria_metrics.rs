//! VictoriaMetrics: Debian's 1.79.5 (package `victoria-metrics`), which tests ask, and the newest, which costs are compared
//! with.

use std::path::{Path, PathBuf};

use super::{Endpoint, Launch, Peer, PeerError, free_ports};

/// The installed one.
pub fn program() -> Result<PathBuf, PeerError> {
    Ok(xtask_programs::path("victoria-metrics")?)
}

/// Built from its Go module (`xtask/tools/victoria-metrics-1`).
pub fn newest() -> Result<PathBuf, PeerError> {
    Ok(xtask_programs::path("victoria-metrics-1")?)
}

/// Starts it with further flags. Samples are visible to queries at once: no latency offset.
pub async fn start(program: &Path, flags: &[&str]) -> Result<Peer, PeerError> {
    let data = tempfile::tempdir().map_err(PeerError::io("no temporary folder"))?;
    let [port] = free_ports()?;
    let mut args = vec![
        format!("-storageDataPath={}", data.path().join("storage").display()),
        format!("-httpListenAddr=127.0.0.1:{port}"),
        "-search.latencyOffset=0s".to_owned(),
        "-loggerLevel=WARN".to_owned(),
    ];
    args.extend(flags.iter().map(|f| (*f).to_owned()));
    let launch = Launch {
        name: "VictoriaMetrics",
        program: program.to_owned(),
        args,
        log: data.path().join("output.log"),
    };
    Peer::start(launch, Endpoint::new(port, None)?, "/health", data).await
}
