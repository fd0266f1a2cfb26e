//! Calls to other services: spread over their endpoints, within the request's deadline, repeated only where that is safe.
//!
//! One piece, one file: `endpoints` (where a peer is), `breaker` (which endpoint is left alone), `bulkhead` (how many
//! calls at a time), `retry` and `budget` (what is repeated, when), `hedge` (when a slow read is asked of another),
//! `propagation` (what goes along), `attempt` (one try). The deadline is [`crate::deadline`]'s.
//!
//! What must always hold: a call that may have had an effect is sent again only if it is a GET, carries an idempotency key
//! or is declared idempotent; repeats and hedges together are a bounded share of all calls; what a callee refuses and what
//! a caller got wrong never counts against an endpoint.

mod attempt;
mod breaker;
mod budget;
mod bulkhead;
mod call;
mod endpoints;
mod failure;
mod hedge;
mod propagation;
mod retry;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::{Either, select};
use serde::de::DeserializeOwned;

use self::attempt::attempt;
use self::budget::Budget;
use self::bulkhead::Bulkhead;
pub use self::call::{Answer, Call, CallError};
use self::endpoints::{BreakerLimits, Endpoint, Endpoints};
use self::failure::Failure;
use self::hedge::Latencies;
use self::retry::Attempted;
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
    /// Calls in flight at most.
    pub max_in_flight: usize,
    /// Whether a read that takes longer than nearly all others lately is asked of a second endpoint.
    pub hedges_reads: bool,
    /// Failures in a row after which the breaker of an endpoint opens.
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
            max_in_flight: 256,
            hedges_reads: true,
            breaker_failures: 5,
            breaker_cooldown: Duration::from_secs(2),
            max_answer_bytes: 4 * 1024 * 1024,
        }
    }
}

/// A client of one service. Clones share connections, breakers, places and the budget.
#[derive(Clone)]
pub struct ServiceClient {
    inner: Arc<Inner>,
}

struct Inner {
    peer: &'static str,
    config: ClientConfig,
    http: reqwest::Client,
    endpoints: Arc<Endpoints>,
    turn: AtomicUsize,
    budget: Budget,
    bulkhead: Bulkhead,
    latencies: Latencies,
    metrics: Metrics,
    signer: Option<Signer>,
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

    /// A client of `peer` at these base URLs; a host name stands for all its addresses. Its calls bear a token of the
    /// signer.
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
            .tcp_keepalive(Duration::from_secs(15))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| CallError::Unavailable { peer, detail: error.to_string() })?;
        let breaker = BreakerLimits { failures: config.breaker_failures, cooldown: config.breaker_cooldown };
        let inner = Inner {
            peer,
            config,
            http,
            endpoints: Arc::new(Endpoints::new(&urls, breaker)),
            turn: AtomicUsize::new(0),
            budget: Budget::default(),
            bulkhead: Bulkhead::new(config.max_in_flight),
            latencies: Latencies::default(),
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
        let left = || give_up_at.saturating_duration_since(Instant::now());
        let Some(_place) = inner.bulkhead.enter(left()).await else {
            inner.metrics.client_decided(inner.peer, "bulkhead_full");
            return Err(inner.unavailable("too many calls are in flight"));
        };
        inner.find_endpoints().await;
        inner.budget.earn();
        let mut last = None;
        let mut may_have_acted = false;
        let mut avoid: Option<Arc<Endpoint>> = None;
        for attempts in 1.. {
            if left().is_zero() {
                return Err(CallError::Timeout { peer: inner.peer });
            }
            let Some(endpoint) = inner.next_endpoint(avoid.as_deref()) else {
                inner.metrics.client_decided(inner.peer, "breaker_open");
                return Err(last.unwrap_or_else(|| inner.unavailable("no endpoint takes calls")));
            };
            let limit = left().min(inner.config.attempt_timeout);
            let failure = match inner.ask(&endpoint, &call, limit).await {
                Ok(answer) if may_have_acted && answer.is_from_the_door() => {
                    return Err(inner
                        .unavailable("refused at the door, after an attempt that may have had an effect"));
                }
                Ok(answer) => return answer.into_result(inner.peer),
                Err(failure) => failure,
            };
            may_have_acted |= !failure.was_not_sent();
            let attempted = Attempted {
                attempts,
                max_attempts: inner.config.max_attempts,
                endpoints: inner.endpoints.count(),
                is_repeatable: call.is_repeatable(),
                left: left(),
            };
            let pause = attempted.next(&failure, &inner.budget, rand::random());
            last = Some(failure.into_error(inner.peer));
            let Some(pause) = pause else { break };
            inner.metrics.client_decided(inner.peer, "retry");
            tokio::time::sleep(pause).await;
            avoid = Some(endpoint);
        }
        Err(last.unwrap_or_else(|| inner.unavailable("no attempt was made")))
    }
}

impl Inner {
    fn unavailable(&self, detail: &str) -> CallError {
        CallError::Unavailable { peer: self.peer, detail: detail.to_owned() }
    }

    fn next_endpoint(&self, avoid: Option<&Endpoint>) -> Option<Arc<Endpoint>> {
        self.endpoints.pick(self.turn.fetch_add(1, Ordering::Relaxed), avoid, Instant::now())
    }

    /// Looks names up: in the background when some addresses are known, else before the call.
    async fn find_endpoints(&self) {
        if !self.endpoints.is_stale(Instant::now()) {
            return;
        }
        if self.endpoints.count() == 0 {
            self.endpoints.look_up().await;
            return;
        }
        let endpoints = self.endpoints.clone();
        tokio::spawn(async move { endpoints.look_up().await });
    }

    /// One attempt, and for a slow read a second one at another endpoint: the first answer counts.
    async fn ask(&self, endpoint: &Endpoint, call: &Call, limit: Duration) -> Result<Answer, Failure> {
        let first = attempt(self, endpoint, call, limit);
        let hedges = self.config.hedges_reads && call.is_read() && self.endpoints.count() > 1;
        let after = self.latencies.hedge_after().filter(|after| hedges && *after < limit);
        let Some(after) = after else { return first.await };
        let mut first = std::pin::pin!(first);
        if let Ok(result) = tokio::time::timeout(after, &mut first).await {
            return result;
        }
        // Paid before it is picked: an endpoint that is picked must be called, or its breaker waits for news of a try.
        if !self.budget.spend() {
            return first.await;
        }
        let other = self.next_endpoint(Some(endpoint)).filter(|other| other.base != endpoint.base);
        let Some(other) = other else { return first.await };
        self.metrics.client_decided(self.peer, "hedge");
        let second = attempt(self, &other, call, limit.saturating_sub(after)).boxed();
        match select(first, second).await {
            Either::Left((Ok(answer), _)) | Either::Right((Ok(answer), _)) => Ok(answer),
            Either::Left((Err(_), second)) => second.await,
            Either::Right((Err(_), first)) => first.await,
        }
    }
}

#[cfg(test)]
mod tests;
