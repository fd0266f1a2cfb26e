//! One attempt of one call at one endpoint, in a span and measured.

use std::time::{Duration, Instant};

use tracing::Instrument as _;
use tracing::field::Empty;

use super::breaker::Outcome;
use super::call::{Answer, Call};
use super::endpoints::Endpoint;
use super::failure::Failure;
use super::{Inner, propagation};
use crate::faults;

/// Sends the call and takes note, for the endpoint's breaker and for the hedge, of how it went.
pub(super) async fn attempt(
    client: &Inner,
    endpoint: &Endpoint,
    call: &Call,
    limit: Duration,
) -> Result<Answer, Failure> {
    let method = call.method().as_str();
    let span = tracing::info_span!(
        "http call",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = method,
        http.response.status_code = Empty,
        server.address = client.peer,
        url.full = format_args!("{}{}", endpoint.base, call.shown_path()),
        error.type = Empty,
    );
    let started = Instant::now();
    let result = exchange(client, endpoint, call, limit, &span).instrument(span.clone()).await;
    let took = started.elapsed();
    let status = match &result {
        Ok(answer) | Err(Failure::NotNow(answer)) => Some(answer.status),
        Err(_) => None,
    };
    if let Some(status) = status {
        span.record("http.response.status_code", status);
    }
    let kind = result.as_ref().map_or_else(Failure::kind, |_| "");
    let status = status.map(|status| status.to_string()).unwrap_or_default();
    match &result {
        Ok(_) => {
            endpoint.breaker.record(Outcome::Answered, Instant::now());
            client.latencies.record(took);
        }
        Err(failure) => {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", if kind.is_empty() { status.as_str() } else { kind });
            endpoint.breaker.record(failure.outcome(), Instant::now());
            if let Some(wish) = failure.retry_after() {
                endpoint.back_off(wish, Instant::now());
            }
        }
    }
    let labels = [client.peer, method, status.as_str(), kind];
    client.metrics.http_client().with_label_values(&labels).observe(took.as_secs_f64());
    result
}

async fn exchange(
    client: &Inner,
    endpoint: &Endpoint,
    call: &Call,
    limit: Duration,
    span: &tracing::Span,
) -> Result<Answer, Failure> {
    let mut headers = call.headers();
    propagation::add(&mut headers, span, limit, endpoint, client.peer, client.signer.as_ref());
    let request = client
        .http
        .request(call.method().clone(), format!("{}{}", faults::address(&endpoint.base), call.path()))
        .headers(headers)
        .body(call.body());
    let exchange = async {
        let response = request.send().await?;
        Answer::read(response, client.config.max_answer_bytes).await
    };
    // With less time than usual, silence says more about the caller than about the endpoint.
    let in_full = limit >= client.config.attempt_timeout / 2;
    match tokio::time::timeout(limit, exchange).await {
        Err(_) => Err(Failure::Timeout { in_full }),
        Ok(Err(error)) if error.is_connect() => Err(Failure::NotSent(error)),
        Ok(Err(error)) if error.is_timeout() => Err(Failure::Timeout { in_full }),
        Ok(Err(error)) => Err(Failure::Broken(error)),
        // Its own deadline was the caller's.
        Ok(Ok(answer)) if answer.status == 504 && !in_full => Err(Failure::Timeout { in_full }),
        Ok(Ok(answer)) if matches!(answer.status, 502..=504) => Err(Failure::NotNow(answer)),
        Ok(Ok(answer)) => Ok(answer),
    }
}
