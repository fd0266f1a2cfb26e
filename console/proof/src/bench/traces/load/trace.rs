//! One trace: its id, its spans with their times, who asked, and what failed.

use std::fmt::Write as _;

use super::{Load, SPAN_NS, recipe, recipe::Step};
use crate::bench::noise::Noise;

/// Customers; each asks for about as many traces as the next.
const USERS: u64 = 50_000;
/// Of a thousand traces, those that are slow and those that fail.
const SLOW: u64 = 8;
const FAILED: u64 = 12;

/// 16 bytes that are nothing but drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(pub [u8; 16]);

impl TraceId {
    /// Of the trace of this number.
    pub fn of(number: usize) -> Self {
        let mut noise = Noise::new(0x7ace_0000_0000 + number as u64);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&noise.below(u64::MAX).to_be_bytes());
        id[8..].copy_from_slice(&noise.below(u64::MAX).to_be_bytes());
        Self(id)
    }

    pub fn hex(&self) -> String {
        self.0.iter().fold(String::new(), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
    }
}

/// The attribute `user.id` of a customer.
pub fn user(number: u64) -> String {
    format!("u-{number}")
}

/// One span, ready to be encoded.
#[derive(Clone, Copy, Debug)]
pub struct TimedSpan {
    pub step: &'static Step,
    pub at: usize,
    pub start_ns: i64,
    pub duration_ns: i64,
    pub failed: bool,
}

/// One trace.
pub struct Trace {
    pub number: usize,
    pub id: TraceId,
    pub user: u64,
    start_ns: i64,
    noise: Noise,
}

impl Trace {
    pub fn new(number: usize, load: Load) -> Self {
        let mut noise = Noise::new(0x5a0b_0000_0000 + number as u64);
        let interval = SPAN_NS / load.traces as i64;
        Self {
            number,
            id: TraceId::of(number),
            user: noise.below(USERS),
            start_ns: load.start_ns() + interval * number as i64,
            noise,
        }
    }

    /// In the order of the recipe.
    pub fn spans(mut self) -> Vec<TimedSpan> {
        let recipe = recipe::of(self.number);
        let noise = &mut self.noise;
        // A slow trace takes eight to sixteen times as long.
        let slow = if noise.below(1000) < SLOW { 8 + noise.below(9) as i64 } else { 1 };
        let failed = noise.below(1000) < FAILED;
        let mut spans: Vec<TimedSpan> = Vec::with_capacity(recipe.len());
        for (at, step) in recipe.iter().enumerate() {
            let usual_ns = step.micros as i64 * 1_000;
            let duration_ns = usual_ns * slow * (80 + noise.below(21) as i64) / 100;
            let start_ns = match spans.get(step.parent) {
                // As late as it still ends in time.
                Some(parent) => {
                    let room = (parent.duration_ns - duration_ns).max(1);
                    parent.start_ns + noise.below(room as u64) as i64
                }
                None => self.start_ns,
            };
            spans.push(TimedSpan { step, at, start_ns, duration_ns, failed: false });
        }
        if failed {
            // The last caller failed, and everybody who waited for it.
            let mut at = spans.iter().rposition(|s| s.step.kind == recipe::Kind::Client).unwrap_or(0);
            loop {
                spans[at].failed = true;
                if at == 0 {
                    break;
                }
                at = spans[at].step.parent;
            }
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load() -> Load {
        Load::new(80_000, 1_700_000_000_000)
    }

    #[test]
    fn some_traces_are_slow_and_some_fail() {
        let load = load();
        let all: Vec<Vec<TimedSpan>> = (0..load.traces).map(|n| load.trace(n).spans()).collect();
        let slow = all.iter().filter(|t| t.iter().any(|s| s.duration_ns > 300_000_000)).count();
        let failed = all.iter().filter(|t| t.iter().any(|s| s.failed)).count();
        assert!((20..200).contains(&slow), "{slow} of {}", load.traces);
        assert!((60..200).contains(&failed), "{failed} of {}", load.traces);
    }

    #[test]
    fn the_root_of_a_failure_has_failed_too() {
        let load = load();
        let failed = (0..load.traces).map(|n| load.trace(n).spans()).find(|t| t.iter().any(|s| s.failed));
        assert!(failed.unwrap()[0].failed);
    }

    #[test]
    fn the_same_number_is_the_same_trace() {
        let shape = |n| -> Vec<i64> { load().trace(n).spans().iter().map(|s| s.duration_ns).collect() };
        assert_eq!(shape(7), shape(7));
        assert_eq!(TraceId::of(7).hex().len(), 32);
        assert_ne!(TraceId::of(7), TraceId::of(8));
    }
}
