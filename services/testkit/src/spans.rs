//! Spans as a backend would get them.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use parking_lot::Mutex;

/// Keeps spans that have ended, in their order.
#[derive(Debug, Clone, Default)]
pub struct EndedSpans(Arc<Mutex<Vec<SpanData>>>);

impl EndedSpans {
    /// Those that have ended up to now.
    pub fn all(&self) -> Vec<SpanData> {
        self.0.lock().clone()
    }
}

impl SpanProcessor for EndedSpans {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
