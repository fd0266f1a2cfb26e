//! Servers that proofs compare, each a child process of its own: private data folder, free loopback ports, ready before
//! it is handed out, killed when dropped. Nothing outlives the proof.

pub mod alertmanager;
pub mod console;
mod endpoint;
mod error;
pub mod loki;
mod port;
mod process;
pub mod prometheus;
pub(crate) mod protobuf;
pub mod remote_write;
mod usage;
pub mod victoria_logs;
pub mod victoria_metrics;
pub mod victoria_traces;

use std::{path::Path, time::Duration};

pub use endpoint::{Answer, Endpoint};
pub use error::PeerError;
pub use port::free_ports;
pub use process::{Launch, Process};
pub use usage::{Usage, folder_bytes};

/// A running server.
pub struct Peer {
    process: Process,
    endpoint: Endpoint,
    /// Where it takes OTLP over HTTP, if not at its endpoint.
    otlp: Option<Endpoint>,
    data: tempfile::TempDir,
}

impl Peer {
    /// Starts `launch` and waits until `ready_path` answers 200.
    pub(crate) async fn start(
        launch: Launch,
        endpoint: Endpoint,
        ready_path: &'static str,
        data: tempfile::TempDir,
    ) -> Result<Self, PeerError> {
        let process = Process::start(launch, &endpoint, ready_path).await?;
        Ok(Self { process, endpoint, otlp: None, data })
    }

    /// With another port for OTLP over HTTP.
    pub(crate) fn with_otlp(self, otlp: Endpoint) -> Self {
        Self { otlp: Some(otlp), ..self }
    }

    pub fn name(&self) -> &'static str {
        self.process.name()
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Where it takes OTLP over HTTP.
    pub fn otlp(&self) -> &Endpoint {
        self.otlp.as_ref().unwrap_or(&self.endpoint)
    }

    /// Answers 200 when the server is ready, without any work.
    pub fn ready_path(&self) -> &'static str {
        self.process.ready_path()
    }

    /// From the last start of the process to its first ready answer.
    pub fn ready_after(&self) -> Duration {
        self.process.ready_after()
    }

    /// Everything that the server keeps lies below.
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// CPU time and memory so far.
    pub fn usage(&self) -> Result<Usage, PeerError> {
        self.process.usage()
    }

    /// The peak of memory is counted anew from here on.
    pub fn forget_peak(&self) -> Result<(), PeerError> {
        self.process.forget_peak()
    }

    /// Bytes of all files in the data folder.
    pub fn disk_bytes(&self) -> u64 {
        folder_bytes(self.data.path())
    }

    /// The end of what the server has printed.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// Asks the server to stop and waits, then starts it again on the same data and ports.
    pub async fn restart(&mut self) -> Result<(), PeerError> {
        self.process.restart(&self.endpoint).await
    }

    /// Kills the server, then starts it again on the same data and ports.
    pub async fn crash(&mut self) -> Result<(), PeerError> {
        self.process.crash(&self.endpoint).await
    }

    /// Asks the server to stop, waits for its end and removes its data.
    pub async fn stop(mut self) -> Result<(), PeerError> {
        self.process.stop().await
    }
}
