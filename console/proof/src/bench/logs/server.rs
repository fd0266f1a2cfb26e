//! The servers: how each is started, where it takes lines, and in which language it is asked.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::options::Options;
use crate::{
    bench::push::Target,
    peer::{Peer, PeerError, console, loki, victoria_logs},
};

/// More than any load of ours needs: neither the size limit nor the age limit of a store is what is measured.
const CONSOLE_CONFIG: &str = "stores: { logs: { max_disk_mib: 131072, retention_hours: 48 } }\n";
const PUSH_HEADERS: &[(&str, &str)] = &[("content-type", "application/x-protobuf")];

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Server {
    Loki,
    VictoriaLogs,
    Console,
}

/// What questions are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    LogQl,
    LogsQl,
}

impl Server {
    pub fn name(self) -> &'static str {
        match self {
            Self::Loki => "Loki",
            Self::VictoriaLogs => "VictoriaLogs",
            Self::Console => "console",
        }
    }

    pub fn language(self) -> Language {
        match self {
            Self::VictoriaLogs => Language::LogsQl,
            Self::Loki | Self::Console => Language::LogQl,
        }
    }

    pub fn program(self, options: &Options) -> Result<PathBuf, PeerError> {
        match self {
            Self::Loki => options.loki.clone().ok_or(PeerError::Unnamed { name: "Loki", option: "loki" }),
            Self::VictoriaLogs => victoria_logs::program(),
            Self::Console => options.console.clone().map_or_else(console::program, Ok),
        }
    }

    /// In a folder of its own.
    pub async fn start(self, program: &Path) -> Result<Peer, PeerError> {
        match self {
            Self::Loki => loki::start(program).await,
            Self::VictoriaLogs => victoria_logs::start(program, &[]).await,
            Self::Console => console::start(program, "", CONSOLE_CONFIG).await,
        }
    }

    pub fn target(self, peer: &Peer) -> Target {
        let path = match self {
            Self::VictoriaLogs => "/insert/loki/api/v1/push",
            Self::Loki | Self::Console => "/loki/api/v1/push",
        };
        Target { endpoint: peer.endpoint().clone(), path, headers: PUSH_HEADERS }
    }

    /// Where it keeps logs.
    pub fn logs_dir(self, peer: &Peer) -> PathBuf {
        let data = peer.data_dir();
        match self {
            Self::Loki | Self::VictoriaLogs => data.join("storage"),
            Self::Console => data.join("data/logs"),
        }
    }
}
