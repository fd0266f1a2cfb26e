//! The servers: how each is started, where it takes spans, and below which path it speaks Tempo's API.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::options::Options;
use crate::{
    bench::push::Target,
    peer::{Peer, PeerError, console, victoria_traces},
};

/// More than any load of ours needs: neither the size limit nor the age limit of a store is what is measured.
const CONSOLE_CONFIG: &str = "stores: { traces: { max_disk_mib: 131072, retention_hours: 48 } }\n";
const OTLP_HEADERS: &[(&str, &str)] = &[("content-type", "application/x-protobuf")];

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Server {
    VictoriaTraces,
    Console,
}

impl Server {
    pub fn name(self) -> &'static str {
        match self {
            Self::VictoriaTraces => "VictoriaTraces",
            Self::Console => "console",
        }
    }

    pub fn program(self, options: &Options) -> Result<PathBuf, PeerError> {
        match self {
            Self::VictoriaTraces => {
                let unnamed = PeerError::Unnamed { name: "VictoriaTraces", option: "victoria-traces" };
                options.victoria_traces.clone().ok_or(unnamed)
            }
            Self::Console => options.console.clone().map_or_else(console::program, Ok),
        }
    }

    /// In a folder of its own.
    pub async fn start(self, program: &Path) -> Result<Peer, PeerError> {
        match self {
            Self::VictoriaTraces => victoria_traces::start(program, &[]).await,
            Self::Console => console::start(program, "", CONSOLE_CONFIG).await,
        }
    }

    pub fn target(self, peer: &Peer) -> Target {
        let path = match self {
            Self::VictoriaTraces => "/insert/opentelemetry/v1/traces",
            Self::Console => "/v1/traces",
        };
        Target { endpoint: peer.otlp().clone(), path, headers: OTLP_HEADERS }
    }

    /// What Tempo's paths come after.
    pub fn tempo(self) -> &'static str {
        match self {
            Self::VictoriaTraces => "/select/tempo",
            Self::Console => "",
        }
    }

    /// Where it keeps traces.
    pub fn traces_dir(self, peer: &Peer) -> PathBuf {
        let data = peer.data_dir();
        match self {
            Self::VictoriaTraces => data.join("storage"),
            Self::Console => data.join("data/traces"),
        }
    }
}
