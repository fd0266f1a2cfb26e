//! A client in front of real listeners.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::*;
use crate::auth::testing;

/// A service that counts its calls and answers as told.
struct Peer {
    url: String,
    calls: Arc<AtomicUsize>,
}

impl Peer {
    async fn answering(answer: impl Fn(Request) -> Response + Clone + Send + Sync + 'static) -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let router = Router::new().fallback(move |request: Request| {
            counted.fetch_add(1, Ordering::SeqCst);
            let response = answer(request);
            async move { response }
        });
        Self::serving(router, calls).await
    }

    /// Takes calls and never answers.
    async fn silent() -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let router = Router::new().fallback(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<StatusCode>()
        });
        Self::serving(router, calls).await
    }

    async fn serving(router: Router, calls: Arc<AtomicUsize>) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url: format!("http://{address}"), calls }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// Nobody listens there.
async fn closed() -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn client(urls: &[&str], config: ClientConfig) -> ServiceClient {
    let metrics = Metrics::new("orders", "1").unwrap();
    ServiceClient::new("catalog", urls.iter().map(|url| (*url).to_owned()).collect(), metrics, config)
        .unwrap()
}

fn ok(_: Request) -> Response {
    "null".into_response()
}

#[tokio::test]
async fn refusals_and_faults_of_the_caller_never_open_a_breaker() {
    for status in [400, 404, 409, 422, 429, 500] {
        let status = StatusCode::from_u16(status).unwrap();
        let peer = Peer::answering(move |_| status.into_response()).await;
        let client = client(&[&peer.url], ClientConfig { breaker_failures: 2, ..ClientConfig::default() });
        for _ in 0..6 {
            client.send(Call::get("/")).await.unwrap_err();
        }
        assert_eq!(peer.calls(), 6, "{status}: each was asked once, and none was kept from the peer");
    }
}

#[tokio::test]
async fn not_now_is_repeated_for_safe_calls_only_and_opens_the_breaker() {
    let peer = Peer::answering(|_| StatusCode::SERVICE_UNAVAILABLE.into_response()).await;
    let client = client(&[&peer.url], ClientConfig { breaker_failures: 5, ..ClientConfig::default() });
    client.send(Call::post("/", &1)).await.unwrap_err();
    assert_eq!(peer.calls(), 1, "it may have had an effect");
    client.send(Call::put("/", &1).once()).await.unwrap_err();
    assert_eq!(peer.calls(), 2, "a repeat could not tell its own effect");
    client.send(Call::get("/")).await.unwrap_err();
    assert_eq!(peer.calls(), 5, "three attempts");
    let error = client.send(Call::get("/")).await.unwrap_err();
    assert_eq!((peer.calls(), error.code()), (5, crate::Code::Unavailable), "left alone");
}

#[tokio::test]
async fn one_thing_in_progress_is_no_sick_endpoint() {
    let busy = || crate::Problem::new(crate::Code::InProgress, "not known yet").into_response();
    let peer = Peer::answering(move |_| busy()).await;
    let client = client(&[&peer.url], ClientConfig { breaker_failures: 1, ..ClientConfig::default() });
    for _ in 0..4 {
        let error = client.send(Call::post("/", &1)).await.unwrap_err();
        assert_eq!(error.code(), crate::Code::InProgress);
    }
    assert_eq!(peer.calls(), 4, "others still reach it");
}

#[tokio::test]
async fn refusal_at_the_door_takes_back_nothing_that_may_have_happened() {
    for door in [StatusCode::TOO_MANY_REQUESTS, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
        let first = Arc::new(AtomicUsize::new(0));
        let peer = Peer::answering(move |_| match first.fetch_add(1, Ordering::SeqCst) {
            0 => StatusCode::BAD_GATEWAY.into_response(),
            _ => door.into_response(),
        })
        .await;
        let client = client(&[&peer.url], ClientConfig::default());
        let key = || Call::post("/", &1).idempotency_key("k");
        let error = client.send(key()).await.unwrap_err();
        assert_eq!((peer.calls(), error.is_rejection()), (2, false), "{door}: {error}");
        let error = client.send(key()).await.unwrap_err();
        assert!(error.is_rejection(), "{door}: nothing came before");
    }
}

/// A handler's 401 says that a person's credentials are wrong: somebody looked, and that is the answer.
#[tokio::test]
async fn wrong_credentials_of_a_person_are_an_answer_whatever_came_before() {
    for (code, is_answer) in
        [(crate::Code::Unauthenticated, true), (crate::Code::CallerUnauthenticated, false)]
    {
        let first = Arc::new(AtomicUsize::new(0));
        let peer = Peer::answering(move |_| match first.fetch_add(1, Ordering::SeqCst) {
            0 => StatusCode::BAD_GATEWAY.into_response(),
            _ => crate::Problem::new(code, "not good").into_response(),
        })
        .await;
        let client = client(&[&peer.url], ClientConfig::default());
        let error = client.send(Call::post("/", &1).idempotency_key("k")).await.unwrap_err();
        assert_eq!((peer.calls(), error.is_rejection()), (2, is_answer), "{code:?}: {error}");
    }
}

#[tokio::test]
async fn dead_endpoint_is_not_the_whole_service() {
    let (dead, peer) = (closed().await, Peer::answering(ok).await);
    let client = client(&[&dead, &peer.url], ClientConfig::default());
    for _ in 0..20 {
        client.send(Call::post("/", &1)).await.unwrap();
    }
    assert_eq!(peer.calls(), 20);
}

#[tokio::test]
async fn instance_that_came_back_is_asked_when_the_other_goes() {
    let (first, second) = (closed().await, closed().await);
    let config = ClientConfig { breaker_failures: 1, ..ClientConfig::default() };
    let client = client(&[&first, &second], config);
    client.send(Call::get("/")).await.unwrap_err();
    let listener = tokio::net::TcpListener::bind(first.trim_start_matches("http://")).await.unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(|| async { "null" })).await });
    client.send(Call::get("/")).await.expect("its breaker is open, but there is nowhere else to go");
}

#[tokio::test]
async fn silence_ends_with_the_callers_deadline_and_does_not_count_against_the_peer() {
    let peer = Peer::silent().await;
    let client = client(&[&peer.url], ClientConfig { breaker_failures: 1, ..ClientConfig::default() });
    for _ in 0..3 {
        let soon = Instant::now() + Duration::from_millis(30);
        let result = deadline::scope(soon, client.send(Call::post("/", &1))).await;
        assert!(matches!(result, Err(CallError::Timeout { .. })));
    }
    assert_eq!(peer.calls(), 3, "an impatient caller does not open the breaker");
}

#[tokio::test]
async fn wish_to_be_left_alone_ends_a_call_that_has_less_time() {
    let peer =
        Peer::answering(|_| (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "3600")]).into_response())
            .await;
    let client = client(&[&peer.url], ClientConfig::default());
    client.send(Call::get("/")).await.unwrap_err();
    assert_eq!(peer.calls(), 1);
}

#[tokio::test]
async fn slow_read_is_asked_of_another_endpoint() {
    let (quick, slow) = (Peer::answering(ok).await, Peer::silent().await);
    let client = client(&[&quick.url, &slow.url], ClientConfig::default());
    (0..64).for_each(|_| client.inner.latencies.record(Duration::from_millis(10)));
    let started = Instant::now();
    for _ in 0..4 {
        client.send(Call::get("/")).await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(2), "no read waited for the silent endpoint's timeout");
    assert!(slow.calls() > 0, "it was asked first now and then");
    assert_eq!(quick.calls(), 4);
}

#[tokio::test]
async fn full_peer_is_refused_at_once() {
    let peer = Peer::silent().await;
    let config =
        ClientConfig { max_in_flight: 1, attempt_timeout: Duration::from_mins(1), ..ClientConfig::default() };
    let client = client(&[&peer.url], config);
    let busy = tokio::spawn({
        let client = client.clone();
        async move { client.send(Call::post("/", &1)).await }
    });
    while peer.calls() == 0 {
        tokio::task::yield_now().await;
    }
    let error = client.send(Call::get("/")).await.unwrap_err();
    assert!(error.to_string().contains("too many calls"), "{error}");
    busy.abort();
}

#[tokio::test]
async fn call_bears_a_token_for_its_peer() {
    let peer = Peer::answering(|request: Request| {
        let bearer = request.headers()["authorization"].to_str().unwrap().to_owned();
        serde_json::to_string(&bearer).unwrap().into_response()
    })
    .await;
    let auth = testing::auth("orders");
    let metrics = Metrics::new("orders", "1").unwrap();
    let client = ServiceClient::signed(
        "catalog",
        vec![peer.url.clone()],
        metrics,
        ClientConfig::default(),
        auth.signer().cloned(),
    );
    let bearer: String = client.unwrap().request(Call::get("/")).await.unwrap();
    let token = bearer.strip_prefix("Bearer ").unwrap();
    let caller = testing::auth("catalog").verifier().verify(token, crate::clock::now()).unwrap();
    assert_eq!(caller.0.as_ref(), "orders");
}
