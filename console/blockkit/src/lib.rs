//! What the three embedded stores share: the write-ahead log and the bytes of its records.

pub mod record;
pub mod wal;

pub use wal::{Recovery, SegmentId, SegmentInfo, Truncated, Wal, WalConfig, WalError};
