//! Bounds of the embedded stores.

use serde::Deserialize;

const HOUR_MS: i64 = 3_600_000;

/// One store's retention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// Absent: a day of metrics, a week of logs and traces.
    pub retention_hours: Option<u32>,
    /// Bytes on disk, in MiB. Absent: 512; 4096 for logs, and for traces.
    pub max_disk_mib: Option<u32>,
}

impl StoreConfig {
    pub fn retention_ms(&self, default: i64) -> i64 {
        self.retention_hours.map_or(default, |h| i64::from(h) * HOUR_MS)
    }

    pub fn max_bytes(&self, default: u64) -> u64 {
        self.max_disk_mib.map_or(default, |m| u64::from(m) << 20)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoresConfig {
    pub metrics: StoreConfig,
    pub logs: StoreConfig,
    pub traces: StoreConfig,
}

impl StoresConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let all = [("metrics", self.metrics), ("logs", self.logs), ("traces", self.traces)];
        let mut found = Vec::new();
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
