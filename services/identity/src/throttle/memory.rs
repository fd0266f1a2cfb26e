//! Counts in this process.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{Counter, Counters, CountersAway};

/// More than hashing lets through in a window; what is beyond is not counted.
const MAX_KEYS: usize = 50_000;

/// Counts of the present window. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryCounters {
    present: Arc<Mutex<Window>>,
}

#[derive(Default)]
struct Window {
    index: i64,
    counts: HashMap<String, u32>,
}

impl MemoryCounters {
    fn with<T>(&self, window: i64, work: impl FnOnce(&mut HashMap<String, u32>) -> T) -> T {
        let mut present = self.present.lock();
        if present.index != window {
            *present = Window { index: window, counts: HashMap::new() };
        }
        work(&mut present.counts)
    }
}

#[async_trait]
impl Counters for MemoryCounters {
    async fn add(&self, window: i64, counters: &[Counter]) -> Result<bool, CountersAway> {
        Ok(self.with(window, |counts| {
            if counters.iter().any(|counter| counts.get(&counter.key).is_some_and(|n| *n >= counter.max)) {
                return false;
            }
            for counter in counters {
                if counts.len() < MAX_KEYS || counts.contains_key(&counter.key) {
                    *counts.entry(counter.key.clone()).or_default() += 1;
                }
            }
            true
        }))
    }

    async fn clear(&self, window: i64, key: &str) -> Result<(), CountersAway> {
        self.with(window, |counts| counts.remove(key));
        Ok(())
    }

    async fn take_back(&self, window: i64, keys: &[&str]) -> Result<(), CountersAway> {
        self.with(window, |counts| {
            for key in keys {
                if let Some(count) = counts.get_mut(*key) {
                    *count = count.saturating_sub(1);
                }
            }
        });
        Ok(())
    }
}
