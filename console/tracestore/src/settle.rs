//! What happens after the log could not be put on the disk: nobody believes its newest segment any more, so a new one is
//! begun, and what memory holds becomes a part, which is on the disk before the log is taken for settled.

use console_storage::AppendError;

use crate::store::Inner;

const RETRY_S: u32 = 10;

impl Inner {
    /// Nothing while the log is trusted. Pushes are refused until what memory holds is in a part.
    pub fn settle_log(&self) -> Result<(), AppendError> {
        let Some(doubted) = self.wal.doubted() else { return Ok(()) };
        let busy = |what: &str, e: &dyn std::fmt::Display| AppendError::Busy {
            reason: format!("the log of spans could not be synced, and {what}: {e}"),
            retry_after_s: RETRY_S,
        };
        let turn = self.maintenance.lock();
        if self.wal.doubted().is_none() {
            return Ok(());
        }
        {
            // Alone: everything that doubted segments hold is in memory then.
            let _gate = self.gate.write();
            if self.wal.segments().last().is_none_or(|active| active.id <= doubted) {
                self.wal.rotate().map_err(|e| busy("no segment can be begun", &e))?;
            }
        }
        self.flush_alone(&turn).map_err(|e| busy("neither could a part be written", &e))?;
        self.wal.settle(doubted);
        tracing::info!(segment = doubted.0, "spans of a log segment that is not trusted are in a part");
        Ok(())
    }
}
