//! Prometheus: Debian's 2.42 (package `prometheus`), which answers are compared with, and the newest, which costs are.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Endpoint, Launch, Peer, PeerError, free_ports};

/// The installed one.
pub fn program() -> Result<PathBuf, PeerError> {
    Ok(xtask_programs::path("prometheus")?)
}

/// Prometheus 3, built from its Go module (`xtask/tools/prometheus-3`).
pub fn newest() -> Result<PathBuf, PeerError> {
    Ok(xtask_programs::path("prometheus-3")?)
}

/// Starts it with a configuration file (`scrape_configs` and the like; may be empty) and further flags.
pub async fn start(program: &Path, config: &str, flags: &[&str]) -> Result<Peer, PeerError> {
    let data = tempfile::tempdir().map_err(PeerError::io("no temporary folder"))?;
    let config_file = data.path().join("prometheus.yml");
    fs::write(&config_file, config).map_err(PeerError::io("cannot write prometheus.yml"))?;
    let [port] = free_ports()?;
    let mut args = vec![
        format!("--config.file={}", config_file.display()),
        format!("--storage.tsdb.path={}", data.path().join("tsdb").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
        "--web.enable-remote-write-receiver".to_owned(),
        "--enable-feature=exemplar-storage,native-histograms".to_owned(),
        "--log.level=warn".to_owned(),
    ];
    args.extend(flags.iter().map(|f| (*f).to_owned()));
    let launch =
        Launch { name: "Prometheus", program: program.to_owned(), args, log: data.path().join("output.log") };
    Peer::start(launch, Endpoint::new(port, None)?, "/-/ready", data).await
}
