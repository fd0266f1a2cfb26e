//! What samples take on disk: everything as it lies, and blocks alone.
//!
//! Each server keeps recent samples in another form. As it lies: the console's log and blocks, Prometheus' head, log and
//! blocks, VictoriaMetrics' parts after a restart, which writes down what it held in memory. In blocks alone: all samples of a copy of the console's folder
//! flushed and merged, as they lie some hours later; a snapshot of Prometheus, which is its head as blocks; VictoriaMetrics
//! keeps nothing else.

use std::{fs, path::Path, sync::Arc};

use console_model::clock::now_ms;
use console_tsdb::{Tsdb, TsdbConfig};

use super::server::Server;
use crate::peer::{Peer, PeerError, folder_bytes};

const DAY_MS: i64 = 24 * 3_600_000;

/// Bytes on disk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disk {
    pub as_it_lies_bytes: u64,
    pub blocks_bytes: u64,
    pub samples_in_blocks: u64,
}

impl Disk {
    pub fn block_bytes_per_sample(&self) -> f64 {
        self.blocks_bytes as f64 / self.samples_in_blocks.max(1) as f64
    }
}

/// Measures a running server that was sent `samples`.
pub async fn measure(server: Server, peer: &mut Peer, samples: u64) -> Result<Disk, PeerError> {
    let dir = server.metrics_dir(peer);
    match server {
        Server::Prometheus => {
            let as_it_lies_bytes = folder_bytes(&dir);
            let answer = peer.endpoint().ask("/api/v1/admin/tsdb/snapshot", &[]).await?;
            let name = answer.body["data"]["name"].as_str().unwrap_or_default();
            if name.is_empty() {
                let body = answer.body.to_string();
                return Err(PeerError::Refused { what: "snapshot".to_owned(), status: answer.status, body });
            }
            let snapshot = dir.join("snapshots").join(name);
            let blocks_bytes = folder_bytes(&snapshot);
            fs::remove_dir_all(&snapshot).map_err(PeerError::io("cannot remove the snapshot"))?;
            Ok(Disk { as_it_lies_bytes, blocks_bytes, samples_in_blocks: samples })
        }
        Server::VictoriaMetrics => {
            peer.restart().await?;
            let bytes = folder_bytes(&dir);
            Ok(Disk { as_it_lies_bytes: bytes, blocks_bytes: bytes, samples_in_blocks: samples })
        }
        Server::Console => {
            let as_it_lies_bytes = folder_bytes(&dir);
            let flushed = tokio::task::spawn_blocking(move || flush_copy(&dir)).await;
            let (blocks_bytes, samples_in_blocks) =
                flushed.map_err(std::io::Error::other).map_err(PeerError::io("the copy's flush ended"))??;
            Ok(Disk { as_it_lies_bytes, blocks_bytes, samples_in_blocks })
        }
    }
}

/// Bytes and samples of the blocks that a folder of the console comes to when all of its samples are old.
fn flush_copy(dir: &Path) -> Result<(u64, u64), PeerError> {
    let failed = || PeerError::io("the console's folder cannot be copied");
    let copy = tempfile::tempdir().map_err(failed())?;
    copy_folder(dir, copy.path()).map_err(failed())?;
    let later = now_ms() + DAY_MS;
    let mut config = TsdbConfig::new(copy.path());
    config.retention_ms = 3 * DAY_MS;
    config.max_bytes = 16 << 30;
    config.clock = Arc::new(move || later);
    let store = Tsdb::open(config)
        .map_err(std::io::Error::other)
        .map_err(PeerError::io("the copy of the console's folder cannot be opened"))?;
    // One call does not do everything.
    for _ in 0..8 {
        store.maintain(later);
    }
    let stats = store.stats();
    Ok((stats.block_bytes, stats.samples))
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
