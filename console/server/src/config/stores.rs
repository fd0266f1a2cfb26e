//! Bounds of the embedded stores, and when they acknowledge.

use console_blockkit::SyncMode;
use serde::Deserialize;

const HOUR_MS: i64 = 3_600_000;
/// What all stores together may hold in memory where nothing else is said.
const MEMORY_MIB: u32 = 192;
const LEAST_MEMORY_MIB: u32 = 64;

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncSetting {
    /// Once the kernel has it; it is put on the disk once a second.
    Interval,
    /// Once it is on the disk.
    Always,
}

/// One store's retention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// Absent: three days of metrics, a week of logs and traces.
    pub retention_hours: Option<u32>,
    /// Bytes on disk, in MiB. Absent: 2048; 4096 for logs, and for traces.
    pub max_disk_mib: Option<u32>,
    /// Absent: as `stores.sync` says.
    pub sync: Option<SyncSetting>,
}

impl StoreConfig {
    pub fn retention_ms(&self, default: i64) -> i64 {
        self.retention_hours.map_or(default, |h| i64::from(h) * HOUR_MS)
    }

    pub fn max_bytes(&self, default: u64) -> u64 {
        self.max_disk_mib.map_or(default, |m| u64::from(m) << 20)
    }

    /// `all`: what is said for all stores.
    pub fn sync_mode(&self, all: Option<SyncSetting>) -> SyncMode {
        match self.sync.or(all) {
            Some(SyncSetting::Always) => SyncMode::Always,
            Some(SyncSetting::Interval) | None => SyncMode::Interval,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoresConfig {
    pub metrics: StoreConfig,
    pub logs: StoreConfig,
    pub traces: StoreConfig,
    /// For all three; each may say otherwise. Absent: `interval`.
    pub sync: Option<SyncSetting>,
    /// What all three hold in memory together, in MiB. Absent: 192.
    pub memory_mib: Option<u32>,
}

impl StoresConfig {
    pub fn memory_bytes(&self) -> u64 {
        u64::from(self.memory_mib.unwrap_or(MEMORY_MIB)) << 20
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let all = [("metrics", self.metrics), ("logs", self.logs), ("traces", self.traces)];
        let mut found = Vec::new();
        if self.memory_mib.is_some_and(|m| m < LEAST_MEMORY_MIB) {
            found.push(format!("stores.memory_mib: must be at least {LEAST_MEMORY_MIB}"));
        }
        for (name, store) in all {
            if store.retention_hours == Some(0) {
                found.push(format!("stores.{name}.retention_hours: must be at least 1"));
            }
            if store.max_disk_mib.is_some_and(|m| m < 32) {
                found.push(format!("stores.{name}.max_disk_mib: must be at least 32"));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stores(text: &str) -> Result<StoresConfig, String> {
        serde_saphyr::from_str(text).map_err(|e| e.to_string())
    }

    #[test]
    fn each_store_may_sync_otherwise_than_all_do() {
        let modes = |text: &str| {
            let c = stores(text).unwrap();
            [c.metrics, c.logs, c.traces].map(|s| s.sync_mode(c.sync) == SyncMode::Always)
        };
        assert_eq!(modes("{}"), [false; 3]);
        assert_eq!(modes("sync: always"), [true; 3]);
        assert_eq!(modes("logs: { sync: always }"), [false, true, false]);
        assert_eq!(modes("sync: always\nmetrics: { sync: interval }"), [false, true, true]);
        assert!(stores("sync: often").unwrap_err().contains("often"));
    }

    #[test]
    fn memory_for_all_stores_has_a_floor_that_is_named() {
        assert_eq!(stores("{}").unwrap().memory_bytes(), 192 << 20);
        assert_eq!(stores("memory_mib: 64").unwrap().memory_bytes(), 64 << 20);
        assert_eq!(stores("memory_mib: 63").unwrap().problems(), ["stores.memory_mib: must be at least 64"]);
    }
}
