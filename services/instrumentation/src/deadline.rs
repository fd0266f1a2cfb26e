//! Deadlines that travel with a request.
//!
//! A caller sends what is left of its time in `x-request-deadline-ms`. The server layer takes the smaller of that and
//! its own limit, and keeps it for the task; every outgoing call is then given what is left. So nobody works on an
//! answer that no one waits for.

use std::future::Future;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName};

/// Milliseconds that the caller will still wait.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-deadline-ms");

tokio::task_local! {
    static DEADLINE: Instant;
}

/// Runs `work` with a deadline that [`remaining`] sees.
pub async fn scope<F: Future>(deadline: Instant, work: F) -> F::Output {
    DEADLINE.scope(deadline, work).await
}

/// What is left of the current request's time; nothing outside a request. Zero when it is over.
pub fn remaining() -> Option<Duration> {
    DEADLINE.try_with(|deadline| deadline.saturating_duration_since(Instant::now())).ok()
}

/// The smaller of `limit` and what is left of the current request's time.
pub fn at_most(limit: Duration) -> Duration {
    remaining().map_or(limit, |left| left.min(limit))
}

/// What the caller of this request will still wait, if it said so.
pub fn from_headers(headers: &HeaderMap) -> Option<Duration> {
    headers.get(HEADER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn inner_limit_never_exceeds_the_request() {
        assert_eq!(at_most(Duration::from_secs(5)), Duration::from_secs(5));
        let left =
            scope(Instant::now() + Duration::from_millis(50), async { at_most(Duration::from_secs(5)) });
        assert!(left.await <= Duration::from_millis(50));
    }

    #[test]
    fn garbage_header_is_no_deadline() {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, "soon".parse().unwrap());
        assert_eq!(from_headers(&headers), None);
        headers.insert(HEADER, "250".parse().unwrap());
        assert_eq!(from_headers(&headers), Some(Duration::from_millis(250)));
    }
}
