//! VictoriaTraces, which no package and no Go proxy that we know of carries: whoever has it names it.

use std::path::Path;

use super::{Endpoint, Launch, Peer, PeerError, free_ports};

/// Starts it with further flags.
pub async fn start(program: &Path, flags: &[&str]) -> Result<Peer, PeerError> {
    let data = tempfile::tempdir().map_err(PeerError::io("no temporary folder"))?;
    let [port] = free_ports()?;
    let mut args = vec![
        format!("-storageDataPath={}", data.path().join("storage").display()),
        format!("-httpListenAddr=127.0.0.1:{port}"),
        "-loggerLevel=WARN".to_owned(),
    ];
    args.extend(flags.iter().map(|f| (*f).to_owned()));
    let launch = Launch {
        name: "VictoriaTraces",
        program: program.to_owned(),
        args,
        log: data.path().join("output.log"),
    };
    Peer::start(launch, Endpoint::new(port, None)?, "/health", data).await
}
