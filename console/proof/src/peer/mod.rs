//! Servers that proofs compare, each a child process of its own: private data folder, free loopback ports, ready before
//! it is handed out, killed when dropped. Nothing outlives the proof.

pub mod alertmanager;
pub mod console;
mod endpoint;
mod error;
mod port;
mod process;
pub mod prometheus;
pub mod remote_write;
mod usage;
pub mod victoria_metrics;

use std::{path::Path, time::Duration};

pub use endpoint::{Answer, Endpoint};
pub use error::PeerError;
pub use port::free_ports;
pub use process::{Launch, Process};
pub use usage::{Usage, folder_bytes};

/// A running server that speaks Prometheus' HTTP API and remote write.
pub struct Peer {
    process: Process,
    endpoint: Endpoint,
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
        Ok(Self { process, endpoint, data })
    }

    pub fn name(&self) -> &'static str {
        self.process.name()
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Answers 200 when the server is ready, without any work.
    pub fn ready_path(&self) -> &'static str {
        self.process.ready_path()
    }

    /// From the start of the process to its first ready answer.
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

    /// Asks the server to stop, waits for its end and removes its data.
    pub async fn stop(mut self) -> Result<(), PeerError> {
        self.process.stop().await
    }
}
