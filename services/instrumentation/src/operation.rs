//! One operation of a store, in its client span and measured.

use std::future::Future;

use tracing::{Instrument as _, Span};

use crate::metrics;

/// Runs `work` in `span`, whose `otel.status_code` says whether it failed, and records its time under `system` and
/// `operation`.
pub(crate) async fn observe<T, E, F>(
    span: &Span,
    system: &'static str,
    operation: &'static str,
    work: F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let timer = metrics::db_timer(system, operation);
    let result = work.instrument(span.clone()).await;
    timer.observe_duration();
    if result.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    result
}
