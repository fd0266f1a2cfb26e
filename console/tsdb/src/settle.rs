//! What happens after the log could not be put on the disk: nobody believes its newest segment any more, so a new one is
//! begun, and what memory holds becomes blocks, which are on the disk before the log is taken for settled.

use console_storage::AppendError;

use crate::Tsdb;

const RETRY_S: u32 = 10;

impl Tsdb {
    /// Nothing while the log is trusted. Writes are refused until what memory holds is in blocks.
    pub(crate) fn settle_log(&self) -> Result<(), AppendError> {
        let Some(doubted) = self.wal.doubted() else { return Ok(()) };
        let mut state = self.flush.lock();
        if self.wal.doubted().is_none() {
            return Ok(());
        }
        let segment = {
            // With it, everything that doubted segments hold is in memory.
            let mut writer = self.writer.lock();
            if writer.segment <= doubted {
                self.rotate(&mut writer)?;
            }
            writer.segment
        };
        self.flush_all(segment, i64::MAX, &mut state).map_err(|e| {
            let reason =
                format!("the log of metrics could not be synced, and no block written: {}", e.chain());
            AppendError::Busy { reason, retry_after_s: RETRY_S }
        })?;
        self.wal.settle(doubted);
        tracing::info!(segment = doubted.0, "metrics of a log segment that is not trusted are in blocks");
        Ok(())
    }
}
