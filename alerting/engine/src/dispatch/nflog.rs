//! The notification log (nflog/, notify.go `DedupStage`): what each receiver was last told about each group, so that
//! neither time nor a restart makes it hear the same twice.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Entries are forgotten after this, or twice the repeat interval.
const RETENTION_MS: i64 = 120 * 3_600_000;

/// What was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    pub at_ms: i64,
    pub firing: BTreeSet<String>,
    pub resolved: BTreeSet<String>,
    pub expires_ms: i64,
    /// The message to edit, where the receiver can.
    pub slack: Option<SlackMessage>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackMessage {
    pub channel: String,
    pub ts: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NotificationLog(BTreeMap<String, LogEntry>);

impl NotificationLog {
    pub fn get(&self, key: &str) -> Option<&LogEntry> {
        self.0.get(key)
    }

    pub fn put(&mut self, key: String, mut entry: LogEntry, repeat_ms: i64) {
        entry.expires_ms = entry.at_ms + RETENTION_MS.max(2 * repeat_ms);
        self.0.insert(key, entry);
    }

    pub fn expire(&mut self, now_ms: i64) {
        self.0.retain(|_, e| e.expires_ms > now_ms);
    }

    /// Whether the receiver must hear of the group: firing alerts are new, all are resolved, some are resolved and it
    /// wants to know, or the repeat interval has passed.
    pub fn needs_update(
        &self,
        key: &str,
        firing: &BTreeSet<String>,
        resolved: &BTreeSet<String>,
        send_resolved: bool,
        repeat_ms: i64,
        now_ms: i64,
    ) -> bool {
        let Some(entry) = self.0.get(key) else { return !firing.is_empty() };
        if !firing.is_subset(&entry.firing) {
            return true;
        }
        if firing.is_empty() {
            return !entry.firing.is_empty();
        }
        if send_resolved && !resolved.is_subset(&entry.resolved) {
            return true;
        }
        entry.at_ms < now_ms - repeat_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_hears_only_what_is_new() {
        let set = |ids: &[&str]| ids.iter().map(|s| (*s).to_owned()).collect::<BTreeSet<_>>();
        let mut log = NotificationLog::default();
        let needs = |log: &NotificationLog, f: &[&str], r: &[&str], now| {
            log.needs_update("k", &set(f), &set(r), true, 1000, now)
        };
        assert!(needs(&log, &["a"], &[], 0), "the first time");
        assert!(!needs(&log, &[], &["a"], 0), "resolved before anything was told");
        log.put("k".into(), LogEntry { firing: set(&["a", "b"]), ..LogEntry::default() }, 1000);
        assert!(!needs(&log, &["a", "b"], &[], 500), "the same again");
        assert!(needs(&log, &["a", "c"], &[], 500), "a new one");
        assert!(needs(&log, &["a"], &["b"], 500), "one of two is resolved");
        assert!(needs(&log, &[], &["a", "b"], 500), "all are resolved");
        assert!(needs(&log, &["a", "b"], &[], 1001), "the repeat interval has passed");
    }
}
