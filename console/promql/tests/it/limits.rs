//! Every query ends: in samples, in steps, in time, when its caller leaves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use console_promql::{Moments, Outcome, PromqlLimits, evaluate};
use console_storage::SourceError;

use crate::reader::{Memory, at};

fn memory() -> Memory {
    let mut m = Memory::default();
    at(&mut m, "x a=1", 1, &(0..100).map(f64::from).collect::<Vec<_>>());
    at(&mut m, "x a=2", 1, &(0..100).map(f64::from).collect::<Vec<_>>());
    m
}

fn within(limits: &PromqlLimits, expr: &str, steps: i64) -> Result<Outcome, SourceError> {
    let moments = Moments::Range { start_ms: 0, end_ms: (steps - 1) * 1000, step_ms: 1000 };
    evaluate(&memory(), expr, moments, limits, &Arc::new(AtomicBool::new(false)))
}

#[test]
fn samples_are_bounded_as_read_and_as_computed() {
    let limits = PromqlLimits { max_samples: 150, ..PromqlLimits::default() };
    assert!(matches!(within(&limits, "x", 90), Err(SourceError::Limit(_))));
    assert!(within(&limits, r#"x{a="1"}"#, 20).is_ok());
    // One series becomes a series a value.
    let limits = PromqlLimits { max_samples: 1000, ..PromqlLimits::default() };
    assert!(matches!(within(&limits, r#"count_values("v", x)"#, 90), Err(SourceError::Limit(_))));
    assert!(within(&limits, "count(x)", 90).is_ok());
}

#[test]
fn steps_are_bounded() {
    let limits = PromqlLimits::default();
    assert!(within(&limits, "1", 11_001).is_ok());
    assert!(matches!(within(&limits, "1", 11_002), Err(SourceError::Limit(_))));
    let limits = PromqlLimits { max_subquery_steps: 10, ..PromqlLimits::default() };
    let error = within(&limits, "max_over_time(x[1h:1s])", 1).expect_err("3600 steps");
    assert!(error.to_string().contains("limit of 10"), "{error}");
}

#[test]
fn a_backward_range_or_no_step_is_invalid() {
    for (start_ms, end_ms, step_ms) in [(0, 10, 0), (0, 10, -1), (10, 0, 1)] {
        let moments = Moments::Range { start_ms, end_ms, step_ms };
        let got =
            evaluate(&memory(), "1", moments, &PromqlLimits::default(), &Arc::new(AtomicBool::new(false)));
        assert!(matches!(got, Err(SourceError::Invalid { .. })), "{got:?}");
    }
}

#[test]
fn time_is_bounded() {
    let limits = PromqlLimits { timeout: Duration::ZERO, ..PromqlLimits::default() };
    assert_eq!(within(&limits, "x", 1), Err(SourceError::Timeout));
}

#[test]
fn a_raised_flag_cancels() {
    let stop = Arc::new(AtomicBool::new(true));
    let moments = Moments::Instant { at_ms: 0 };
    let got = evaluate(&memory(), "x", moments, &PromqlLimits::default(), &stop);
    assert_eq!(got, Err(SourceError::Canceled));
    stop.store(false, Ordering::Relaxed);
    assert!(evaluate(&memory(), "x", moments, &PromqlLimits::default(), &stop).is_ok());
}
