//! What the three embedded stores share: the write-ahead log, the bytes of its records, and immutable parts on disk.

pub mod budget;
pub mod part;
pub mod record;
pub mod retention_clock;
pub mod wal;

pub use budget::{MemoryBudget, MemoryPool, Overcommitted, Reclaim, Reservation};
pub use retention_clock::RetentionClock;
pub use wal::{
    Appended, Position, Recovery, SegmentId, SegmentInfo, SyncMode, SyncPolicy, SyncProbe, Truncated, Wal,
    WalConfig, WalError,
};
