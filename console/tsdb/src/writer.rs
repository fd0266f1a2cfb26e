//! The log being written.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use console_blockkit::{SegmentId, WalError};
use console_model::metric::MetricMetadata;
use console_storage::AppendError;

use crate::{Tsdb, record::Record};

/// State of the write side. Held from the choice of a segment to the visibility of what was written, so that the log's
/// order is memory's.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub segment: SegmentId,
    pub segment_bytes: u64,
    /// The number of the next series that this segment declares.
    pub next_number: u32,
    /// The newest point of each segment.
    pub newest: BTreeMap<SegmentId, i64>,
}

impl Writer {
    /// Notes the newest point that went into the current segment.
    pub fn note_newest(&mut self, t_ms: i64) {
        let slot = self.newest.entry(self.segment).or_insert(t_ms);
        *slot = (*slot).max(t_ms);
    }
}

impl Tsdb {
    pub(crate) fn write(&self, writer: &mut Writer, record: &[u8]) -> Result<(), AppendError> {
        self.wal.append(record).map_err(append_error)?;
        writer.segment_bytes += record.len() as u64;
        Ok(())
    }

    pub(crate) fn rotate_when_full(&self, writer: &mut Writer) -> Result<(), AppendError> {
        // Several segments, or retention by bytes would drop all or nothing.
        if writer.segment_bytes < self.config.segment_bytes.min(self.config.max_bytes / 4) {
            return Ok(());
        }
        self.rotate(writer)
    }

    /// Begins a segment, with all metadata.
    pub(crate) fn rotate(&self, writer: &mut Writer) -> Result<(), AppendError> {
        writer.segment = self.wal.rotate().map_err(append_error)?;
        self.begun_segments.fetch_add(1, Ordering::Relaxed);
        writer.segment_bytes = 0;
        writer.next_number = 0;
        let metadata: Vec<MetricMetadata> = self.head.read().metadata.values().cloned().collect();
        if !metadata.is_empty() {
            self.write(writer, &Record::Metadata(metadata).encode())?;
        }
        Ok(())
    }
}

pub(crate) fn append_error(e: WalError) -> AppendError {
    match e {
        WalError::DiskFull | WalError::Unsynced { .. } => {
            AppendError::Busy { reason: e.to_string(), retry_after_s: 10 }
        }
        other => AppendError::Storage(other.to_string()),
    }
}
