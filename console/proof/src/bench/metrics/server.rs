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

    /// The newest peers, not what distributions have; the console that is named, or the one beside this program.
    pub fn program(self, console: Option<&Path>) -> Result<PathBuf, PeerError> {
        match self {
            Self::Prometheus => prometheus::newest(),
            Self::VictoriaMetrics => victoria_metrics::newest(),
            Self::Console => console.map_or_else(console::program, |p| Ok(p.to_owned())),
        }
    }

    /// In heads of columns.
    pub fn short_name(self) -> &'static str {
        match self {
            Self::Prometheus => "Prom",
            Self::VictoriaMetrics => "VM",
            Self::Console => "console",
        }
    }

    /// Starts it with the `scrape_configs` of a file, which must stay, in a folder of its own.
    pub async fn start(self, console: Option<&Path>, scrape_file: Option<&Path>) -> Result<Peer, PeerError> {
        let scrape_config = scrape_file
            .map_or_else(|| Ok(String::new()), std::fs::read_to_string)
            .map_err(PeerError::io("the scrape configuration cannot be read"))?;
        let program = self.program(console)?;
        match self {
            Self::Prometheus => {
                let flags = ["--web.enable-admin-api"];
                prometheus::start(&program, &scrape_config, &flags).await
            }
            Self::VictoriaMetrics => {
                let flag = scrape_file.map(|f| format!("-promscrape.config={}", f.display()));
                let flags: Vec<&str> = flag.iter().map(String::as_str).collect();
                victoria_metrics::start(&program, &flags).await
            }
            Self::Console => console::start(&program, &scrape_config, CONSOLE_CONFIG).await,
        }
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
