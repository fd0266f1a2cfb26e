//! Counts in this process.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{Counted, Counters, CountersAway, Verdict};

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
    fn with<T>(&self, window: i64, work: impl FnOnce(&mut Window) -> T) -> T {
        let mut present = self.present.lock();
        if present.index != window {
            *present = Window { index: window, counts: HashMap::new() };
        }
        work(&mut present)
    }
}

impl Window {
    fn count(&self, key: &str) -> u32 {
        self.counts.get(key).copied().unwrap_or_default()
    }

    fn add(&mut self, key: &str) {
        if self.counts.len() < MAX_KEYS || self.counts.contains_key(key) {
            *self.counts.entry(key.to_owned()).or_default() += 1;
        }
    }

    fn take_off(&mut self, key: &str, many: u32) {
        if let Some(count) = self.counts.get_mut(key) {
            *count = count.saturating_sub(many);
        }
    }
}

fn pair(counted: &Counted) -> String {
    format!("{}:{}", counted.account, counted.from)
}

#[async_trait]
impl Counters for MemoryCounters {
    async fn add(&self, window: i64, counted: &Counted) -> Result<bool, CountersAway> {
        Ok(self.with(window, |present| {
            let pair = pair(counted);
            let address = counted.address.as_deref();
            let from_address = address.map_or(0, |key| present.count(key));
            if !counted.limits.let_through(
                present.count(&pair),
                present.count(&counted.account),
                from_address,
            ) {
                return false;
            }
            for key in [Some(pair.as_str()), Some(counted.account.as_str()), address].into_iter().flatten() {
                present.add(key);
            }
            true
        }))
    }

    async fn settle(&self, window: i64, counted: &Counted, verdict: Verdict) -> Result<(), CountersAway> {
        self.with(window, |present| {
            if verdict == Verdict::Anew {
                present.counts.retain(|key, _| !key.starts_with(&counted.account));
                return;
            }
            let pair = pair(counted);
            let from_here = present.count(&pair);
            let back = if verdict == Verdict::Right { from_here } else { from_here.min(1) };
            present.take_off(&pair, back);
            present.take_off(&counted.account, back);
            if let Some(address) = &counted.address {
                present.take_off(address, 1);
            }
        });
        Ok(())
    }
}
