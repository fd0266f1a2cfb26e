//! The three servers: how each is started for a measurement.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::peer::{Peer, PeerError, console, prometheus, victoria_metrics};

/// More than any load of ours needs: the size limit of the console's store is not what is measured.
const CONSOLE_CONFIG: &str = "stores: { metrics: { max_disk_mib: 16384 } }\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Server {
    Prometheus,
    VictoriaMetrics,
    Console,
}

impl Server {
    pub fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "Prometheus",
            Self::VictoriaMetrics => "VictoriaMetrics",
            Self::Console => "console",
        }
    }

    /// Starts it with `scrape_configs` (may be empty) in a folder of its own.
    pub async fn start(self, console: Option<&Path>, scrape_config: &str) -> Result<Peer, PeerError> {
        match self {
            Self::Prometheus => {
                let flags = ["--web.enable-admin-api"];
                prometheus::start(Path::new(prometheus::PROGRAM), scrape_config, &flags).await
            }
            Self::VictoriaMetrics => self.start_victoria_metrics(scrape_config).await,
            Self::Console => {
                let program = console.map_or_else(console::program, |p| Ok(p.to_owned()))?;
                console::start(&program, scrape_config, CONSOLE_CONFIG).await
            }
        }
    }

    async fn start_victoria_metrics(self, scrape_config: &str) -> Result<Peer, PeerError> {
        let program = Path::new(victoria_metrics::PROGRAM);
        if scrape_config.is_empty() {
            return victoria_metrics::start(program, &[]).await;
        }
        let failed = || PeerError::io("cannot write the scrape configuration of VictoriaMetrics");
        let dir = tempfile::tempdir().map_err(failed())?;
        let file = dir.path().join("scrape.yml");
        std::fs::write(&file, scrape_config).map_err(failed())?;
        // It is read before the server is ready.
        victoria_metrics::start(program, &[&format!("-promscrape.config={}", file.display())]).await
    }

    /// Where it keeps metrics.
    pub fn metrics_dir(self, peer: &Peer) -> PathBuf {
        let data = peer.data_dir();
        match self {
            Self::Prometheus => data.join("tsdb"),
            Self::VictoriaMetrics => data.join("storage"),
            Self::Console => data.join("data/metrics"),
        }
    }
}
