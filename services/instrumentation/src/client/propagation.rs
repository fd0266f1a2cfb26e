//! What goes along with every call: the trace, what is left of the time, and who calls.

use std::time::Duration;

use opentelemetry::propagation::{Injector, TextMapPropagator as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use reqwest::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::endpoints::Endpoint;
use crate::auth::Signer;
use crate::{clock, deadline};

/// Adds it to the headers of a call.
pub(super) fn add(
    headers: &mut HeaderMap,
    span: &tracing::Span,
    limit: Duration,
    endpoint: &Endpoint,
    peer: &'static str,
    signer: Option<&Signer>,
) {
    TraceContextPropagator::new().inject_context(&span.context(), &mut Headers(headers));
    headers.insert(deadline::HEADER, HeaderValue::from(limit.as_millis().min(u128::from(u32::MAX)) as u32));
    if let Some(host) = &endpoint.host {
        headers.insert(HOST, host.clone());
    }
    if let Some(signer) = signer {
        headers.insert(AUTHORIZATION, signer.bearer(peer, clock::now()));
    }
}

struct Headers<'a>(&'a mut HeaderMap);

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        if value.is_empty() {
            return;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}
