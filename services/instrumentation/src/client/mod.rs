//! Calls to other services: spread over their instances, within the request's deadline, repeated only where that is safe.
//!
//! What must always hold: a call that may have had an effect is sent again only if it is a GET or carries an idempotency
//! key; repeats are a bounded share of all calls; an instance that keeps failing is left alone for a while.

mod breaker;
mod budget;
mod call;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use tracing::Instrument as _;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use self::breaker::Breaker;
use self::budget::Budget;
pub use self::call::{Answer, Call, CallError};
use crate::auth::Signer;
use crate::deadline;
use crate::metrics::Metrics;

/// Limits of a client.
#[derive(Debug, Clone, Copy)]
pub struct ClientConfig {
    /// How long one attempt may take.
    pub attempt_timeout: Duration,
    /// How long a call may take with all its attempts, when the request in hand has no deadline.
    pub call_timeout: Duration,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// Attempts at most, the first included.
    pub max_attempts: usize,
    /// Failures in a row after which an instance is left alone.
    pub breaker_failures: u32,
    /// For how long.
    pub breaker_cooldown: Duration,
    /// Largest answer read.
    pub max_answer_bytes: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            attempt_timeout: Duration::from_secs(3),
            call_timeout: Duration::from_secs(8),
            connect_timeout: Duration::from_millis(500),
            max_attempts: 3,
            breaker_failures: 5,
            breaker_cooldown: Duration::from_secs(2),
            max_answer_bytes: 4 * 1024 * 1024,
        }
    }
}

/// A client of one service. Clones share connections, breakers and the retry budget.
#[derive(Clone)]
pub struct ServiceClient {
    inner: Arc<Inner>,
}

struct Inner {
    peer: &'static str,
    config: ClientConfig,
    http: reqwest::Client,
    instances: Vec<Instance>,
    turn: AtomicUsize,
    budget: Budget,
    metrics: Metrics,
    signer: Option<Signer>,
}

struct Instance {
    base: String,
    breaker: Breaker,
}

/// How an attempt went wrong.
enum Failure {
    /// Nothing was sent: any other instance may be tried.
    NotSent(reqwest::Error),
    /// It may have had an effect.
    Timeout,
    /// The connection broke after sending.
    Broken(reqwest::Error),
    /// An answer that says "not now".
    Refused(Answer),
}

impl ServiceClient {
    /// A client of `peer` at these base URLs whose calls bear no token, for tests. Services use
    /// [`crate::Boot::client`].
    pub fn new(
        peer: &'static str,
        urls: Vec<String>,
        metrics: Metrics,
        config: ClientConfig,
    ) -> Result<Self, CallError> {
        Self::signed(peer, urls, metrics, config, None)
    }

    /// A client of `peer` at these base URLs. Its calls bear a token of the signer.
    pub fn signed(
        peer: &'static str,
        urls: Vec<String>,
        metrics: Metrics,
        config: ClientConfig,
        signer: Option<Signer>,
    ) -> Result<Self, CallError> {
        let http = reqwest::Client::builder()
            .connect_timeout(config.connect_timeout)
            .pool_max_idle_per_host(16)
            .pool_idle_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| CallError::Unavailable { peer, detail: error.to_string() })?;
        let instances = urls
            .into_iter()
            .map(|url| Instance {
                base: url.trim_end_matches('/').to_owned(),
                breaker: Breaker::new(config.breaker_failures, config.breaker_cooldown),
            })
            .collect();
        let inner = Inner {
            peer,
            config,
            http,
            instances,
            turn: AtomicUsize::new(0),
            budget: Budget::default(),
            metrics,
            signer,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Sends a call and reads its JSON answer. An empty answer reads as `()`.
    pub async fn request<T: DeserializeOwned>(&self, call: Call) -> Result<T, CallError> {
        let peer = self.inner.peer;
        let answer = self.send(call).await?;
        let body: &[u8] = if answer.body.is_empty() { b"null" } else { &answer.body };
        serde_json::from_slice(body).map_err(|error| CallError::Decode { peer, detail: error.to_string() })
    }

    /// Sends a call and hands back the successful answer as it came.
    pub async fn send(&self, call: Call) -> Result<Answer, CallError> {
        let inner = &*self.inner;
        let give_up_at = Instant::now() + deadline::at_most(inner.config.call_timeout);
        let first = inner.turn.fetch_add(1, Ordering::Relaxed);
        let mut last =
            CallError::Unavailable { peer: inner.peer, detail: "no instance takes calls".to_owned() };
        inner.budget.earn();
        for attempt in 0..inner.config.max_attempts.max(inner.instances.len()) {
            let Some(instance) = inner.pick(first + attempt) else { return Err(last) };
            let left = give_up_at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(CallError::Timeout { peer: inner.peer });
            }
            let failure = match inner.attempt(instance, &call, left.min(inner.config.attempt_timeout)).await {
                Ok(answer) => return answer.into_result(inner.peer),
                Err(failure) => failure,
            };
            let was_sent = !matches!(failure, Failure::NotSent(_));
            last = failure.into_error(inner.peer);
            if was_sent
                && !(call.is_repeatable() && attempt + 1 < inner.config.max_attempts && inner.budget.spend())
            {
                return Err(last);
            }
            if was_sent || attempt + 1 >= inner.instances.len() {
                tokio::time::sleep(pause(attempt).min(left)).await;
            }
        }
        Err(last)
    }
}

impl Inner {
    fn credentials(&self) -> HeaderMap {
        let bearer = self.signer.as_ref().map(|signer| signer.bearer(self.peer, crate::clock::now()));
        bearer.map(|bearer| (AUTHORIZATION, bearer)).into_iter().collect()
    }

    /// The next instance, in turn, whose breaker lets a call through.
    fn pick(&self, turn: usize) -> Option<&Instance> {
        let count = self.instances.len();
        let now = Instant::now();
        (0..count)
            .map(|step| &self.instances[(turn + step) % count])
            .find(|instance| instance.breaker.allows(now))
    }

    async fn attempt(&self, instance: &Instance, call: &Call, limit: Duration) -> Result<Answer, Failure> {
        let method = call.method().as_str();
        let span = tracing::info_span!(
            "http call",
            otel.name = method,
            otel.kind = "client",
            otel.status_code = Empty,
            http.request.method = method,
            http.response.status_code = Empty,
            server.address = self.peer,
            url.full = format!("{}{}", instance.base, call.shown_path()),
            error.type = Empty,
        );
        let started = Instant::now();
        let result = self.exchange(instance, call, limit, &span).instrument(span.clone()).await;
        let (status, kind) = match &result {
            Ok(answer) | Err(Failure::Refused(answer)) => (answer.status.to_string(), ""),
            Err(Failure::Timeout) => (String::new(), "timeout"),
            Err(Failure::NotSent(_)) => (String::new(), "connect"),
            Err(Failure::Broken(_)) => (String::new(), "broken"),
        };
        if let Ok(answer) | Err(Failure::Refused(answer)) = &result {
            span.record("http.response.status_code", answer.status);
        }
        if result.is_err() {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", if kind.is_empty() { status.as_str() } else { kind });
            instance.breaker.failed(Instant::now());
        } else {
            instance.breaker.succeeded();
        }
        let labels = [self.peer, method, status.as_str(), kind];
        self.metrics.http_client().with_label_values(&labels).observe(started.elapsed().as_secs_f64());
        result
    }

    async fn exchange(
        &self,
        instance: &Instance,
        call: &Call,
        limit: Duration,
        span: &tracing::Span,
    ) -> Result<Answer, Failure> {
        let request = self
            .http
            .request(call.method().clone(), format!("{}{}", instance.base, call.path()))
            .headers(call.headers())
            .headers(context_headers(span))
            .headers(self.credentials())
            .header(deadline::HEADER, limit.as_millis().to_string())
            .body(call.body());
        let exchange = async {
            let response = request.send().await?;
            Answer::read(response, self.config.max_answer_bytes).await
        };
        match tokio::time::timeout(limit, exchange).await {
            Err(_) => Err(Failure::Timeout),
            Ok(Err(error)) if error.is_connect() => Err(Failure::NotSent(error)),
            Ok(Err(error)) if error.is_timeout() => Err(Failure::Timeout),
            Ok(Err(error)) => Err(Failure::Broken(error)),
            Ok(Ok(answer)) if matches!(answer.status, 502..=504) => Err(Failure::Refused(answer)),
            Ok(Ok(answer)) => Ok(answer),
        }
    }
}

impl Failure {
    fn into_error(self, peer: &'static str) -> CallError {
        match self {
            Self::NotSent(error) | Self::Broken(error) => {
                CallError::Unavailable { peer, detail: crate::problem::chain(&error) }
            }
            Self::Timeout => CallError::Timeout { peer },
            Self::Refused(answer) => answer.into_problem(peer),
        }
    }
}

fn context_headers(span: &tracing::Span) -> HeaderMap {
    let mut fields = std::collections::HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut fields);
    fields
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, value)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        })
        .collect()
}

/// Full jitter over 20 ms, 40 ms, 80 ms …
fn pause(attempt: usize) -> Duration {
    Duration::from_millis(20 << attempt.min(6)).mul_f64(rand::random::<f64>())
}
