//! Hedged reads: when a read takes longer than nearly all others lately, the same is asked of another endpoint, and the
//! first answer counts. So one slow endpoint does not make the slowest pages.

use std::time::Duration;

use parking_lot::Mutex;

/// Durations remembered.
const REMEMBERED: usize = 128;
/// Fewer than this say nothing.
const ENOUGH: usize = 32;
/// Nothing shorter is worth a second call.
const SHORTEST: Duration = Duration::from_millis(5);

/// How long calls of one peer took lately.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    state: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    durations: Vec<Duration>,
    next: usize,
    /// Worked out again after a quarter of the ring is new.
    p95: Option<Duration>,
    age: usize,
}

impl Latencies {
    /// Takes note of an answered call.
    pub(super) fn record(&self, took: Duration) {
        let mut ring = self.state.lock();
        if ring.durations.len() < REMEMBERED {
            ring.durations.push(took);
        } else {
            let next = ring.next;
            ring.durations[next] = took;
        }
        ring.next = (ring.next + 1) % REMEMBERED;
        ring.age += 1;
        if ring.age >= ENOUGH {
            ring.age = 0;
            ring.p95 = Some(p95(&ring.durations));
        }
    }

    /// After how long a second call is worth it; nothing while too little is known.
    pub(super) fn hedge_after(&self) -> Option<Duration> {
        self.state.lock().p95.map(|p95| p95.max(SHORTEST))
    }
}

fn p95(durations: &[Duration]) -> Duration {
    let mut sorted = durations.to_vec();
    let place = (sorted.len() * 95 / 100).min(sorted.len() - 1);
    *sorted.select_nth_unstable(place).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearly_all_calls_are_faster_than_the_hedge_waits() {
        let latencies = Latencies::default();
        (0..31).for_each(|_| latencies.record(Duration::from_millis(1)));
        assert_eq!(latencies.hedge_after(), None, "too little is known");
        (1..=97).for_each(|ms| latencies.record(Duration::from_millis(ms)));
        let after = latencies.hedge_after().unwrap();
        assert!((Duration::from_millis(85)..=Duration::from_millis(95)).contains(&after), "{after:?}");
        (0..128).for_each(|_| latencies.record(Duration::from_millis(1)));
        assert_eq!(latencies.hedge_after(), Some(SHORTEST), "what was slow is forgotten");
    }
}
