//! Debian's Alertmanager 0.25 (package `prometheus-alertmanager`), alone: without a cluster.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Endpoint, Launch, Peer, PeerError};

/// The installed one.
pub fn program() -> Result<PathBuf, PeerError> {
    Ok(xtask_programs::path("prometheus-alertmanager")?)
}

/// Starts it on a port of loopback with a configuration file.
pub async fn start(program: &Path, config: &str, port: u16) -> Result<Peer, PeerError> {
    let data = tempfile::tempdir().map_err(PeerError::io("no temporary folder"))?;
    let config_file = data.path().join("alertmanager.yml");
    fs::write(&config_file, config).map_err(PeerError::io("cannot write alertmanager.yml"))?;
    let args = vec![
        format!("--config.file={}", config_file.display()),
        format!("--storage.path={}", data.path().join("storage").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
        "--cluster.listen-address=".to_owned(),
        "--log.level=warn".to_owned(),
    ];
    let launch = Launch {
        name: "Alertmanager",
        program: program.to_owned(),
        args,
        log: data.path().join("output.log"),
    };
    Peer::start(launch, Endpoint::new(port, None)?, "/-/ready", data).await
}
