//! VictoriaLogs, built from its Go module (`xtask/tools/victoria-logs`).

use std::path::{Path, PathBuf};

use super::{Endpoint, Launch, Peer, PeerError, free_ports};

/// The installed one.
pub fn program() -> Result<PathBuf, PeerError> {
    Ok(xtask_programs::path("victoria-logs")?)
}

/// Starts it with further flags. Lines stay lines: JSON in them is not taken apart when it arrives, so that questions about
/// it are the same as elsewhere.
pub async fn start(program: &Path, flags: &[&str]) -> Result<Peer, PeerError> {
    let data = tempfile::tempdir().map_err(PeerError::io("no temporary folder"))?;
    let [port] = free_ports()?;
    let mut args = vec![
        format!("-storageDataPath={}", data.path().join("storage").display()),
        format!("-httpListenAddr=127.0.0.1:{port}"),
        "-loki.disableMessageParsing".to_owned(),
        "-loggerLevel=WARN".to_owned(),
    ];
    args.extend(flags.iter().map(|f| (*f).to_owned()));
    let launch = Launch {
        name: "VictoriaLogs",
        program: program.to_owned(),
        args,
        log: data.path().join("output.log"),
    };
    Peer::start(launch, Endpoint::new(port, None)?, "/health", data).await
}
