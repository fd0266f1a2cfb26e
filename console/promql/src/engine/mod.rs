//! The evaluator.

use std::sync::{Arc, atomic::AtomicBool};

use console_storage::{SourceError, metrics::SeriesReader};

use crate::{ParseOptions, limits::PromqlLimits, outcome::Outcome, parse};

/// The moments at which a query is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moments {
    Instant {
        at_ms: i64,
    },
    /// `start_ms, start_ms + step_ms, ...` up to `end_ms` inclusive. `step_ms > 0`.
    Range {
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    },
}

/// Parses and evaluates a query on the calling thread. Setting `stop` ends it soon with [`SourceError::Canceled`].
pub fn evaluate(
    _reader: &dyn SeriesReader,
    text: &str,
    _moments: Moments,
    limits: &PromqlLimits,
    _stop: &Arc<AtomicBool>,
) -> Result<Outcome, SourceError> {
    parse(text, ParseOptions { experimental: limits.experimental })?;
    Err(SourceError::Unsupported("evaluation is not supported".to_owned()))
}
