//! A real nginx in front of two small servers.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use reqwest::Client;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// One storefront: what it answers is written in the path.
#[derive(Clone, Default)]
struct Origin {
    name: &'static str,
    asked: Arc<AtomicUsize>,
    away: Arc<AtomicBool>,
}

async fn answer(State(origin): State<Origin>, request: Request) -> Response {
    let asked = origin.asked.fetch_add(1, Ordering::SeqCst) + 1;
    let cacheable = [("cache-control", "public, s-maxage=60, stale-while-revalidate=60")];
    let body = format!("{} {asked}", origin.name);
    match request.uri().path() {
        "/cacheable" if origin.away.load(Ordering::SeqCst) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "/cacheable" => (cacheable, body).into_response(),
        // As the storefront says it to edges of either kind.
        "/shared" => {
            let caching = "public, max-age=0, s-maxage=60, no-cache=\"set-cookie\"";
            ([("x-accel-expires", "60"), ("cache-control", caching)], body).into_response()
        }
        "/personal" => (cacheable, [("set-cookie", "cart=1")], body).into_response(),
        "/private" => ([("cache-control", "private")], body).into_response(),
        // The connection ends without an answer, as when a process dies.
        "/lost" => panic!("on purpose: the answer is lost"),
        "/unavailable" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "/headers" => (format!("{:?}", names(request.headers()))).into_response(),
        "/rum" => {
            (cacheable, [("server-timing", "view;desc=\"a\"")], format!("{} {asked}", request.method()))
                .into_response()
        }
        "/client" => (format!("{:?}", request.headers().get("x-forwarded-for"))).into_response(),
        "/assets/only-on-two.css" if origin.name == "one" => {
            (StatusCode::NOT_FOUND, [("cache-control", "no-store")]).into_response()
        }
        "/assets/nowhere.css" => (StatusCode::NOT_FOUND, [("cache-control", "no-store")]).into_response(),
        _ => body.into_response(),
    }
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    headers.keys().map(|k| k.as_str()).collect()
}

struct Edge {
    url: String,
    nginx: Child,
    dir: PathBuf,
    origins: [Origin; 2],
    http: Client,
}

impl Edge {
    async fn start(name: &str) -> Self {
        let origins = ["one", "two"].map(|name| Origin { name, ..Origin::default() });
        let mut urls = Vec::new();
        for origin in &origins {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            urls.push(format!("http://{}", listener.local_addr().unwrap()));
            let router = Router::new().fallback(answer).with_state(origin.clone());
            tokio::spawn(async move { axum::serve(listener, router).await });
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = std::env::temp_dir().join(format!("qd-edge-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        prepare(&dir, &nginx::configuration(port, &urls)).unwrap();
        let nginx = Command::new(xtask_programs::path("nginx").unwrap())
            .args(["-p", &format!("{}/", dir.display()), "-c"])
            .arg(dir.join("nginx.conf"))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let http = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
        let edge = Self { url: format!("http://127.0.0.1:{port}"), nginx, dir, origins, http };
        let until = Instant::now() + Duration::from_secs(20);
        while edge.http.get(format!("{}/edge-health", edge.url)).send().await.is_err() {
            assert!(Instant::now() < until, "nginx does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        edge
    }

    async fn get(
        &self,
        path: &str,
        headers: &[(&'static str, &'static str)],
    ) -> (StatusCode, String, String) {
        let mut request = self.http.get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let cache = response.headers().get("x-cache").map(|v| v.to_str().unwrap().to_owned());
        (response.status(), cache.unwrap_or_default(), response.text().await.unwrap())
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        crate::platform::process::send_signal(self.nginx.id(), Signal::QUIT);
        let _ = self.nginx.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

#[tokio::test]
async fn a_burst_of_503_stays_503_and_other_pages_are_still_answered() {
    let edge = Edge::start("burst").await;
    for _ in 0..60 {
        assert_eq!(edge.get("/unavailable", &[]).await.0, StatusCode::SERVICE_UNAVAILABLE);
        let (status, _, body) = edge.get("/page", &[]).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
}

/// More than nginx takes by default, from one who begins requests and never ends them.
#[tokio::test]
async fn requests_that_are_never_ended_keep_nobody_out() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let wanted = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, wanted).unwrap();
    let edge = Edge::start("never-ended").await;
    let address = edge.url.trim_start_matches("http://").to_owned();
    let mut held = Vec::new();
    for _ in 0..1_500 {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(b"GET /page HTTP/1.1\r\nHost: x\r\nX-A: ").await.unwrap();
        held.push(stream);
    }
    for _ in 0..20 {
        let afresh = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
        let answer = afresh.get(format!("{}/page", edge.url)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert_eq!(held.len(), 1_500);
}

/// However many connections the edge takes, whoever begins requests and never ends them would have them all in time.
#[tokio::test]
async fn a_request_that_does_not_go_on_is_ended() {
    // The edge waits for ten seconds, nginx by itself for sixty.
    const WITHIN: Duration = Duration::from_secs(40);
    let edge = Edge::start("does-not-go-on").await;
    let address = edge.url.trim_start_matches("http://");
    let is_ended = async |begun: &str| {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Closed or reset: either way the connection is free again.
        tokio::time::timeout(WITHIN, stream.read_to_end(&mut answer)).await.is_ok()
    };
    let (header, body) = tokio::join!(
        is_ended("GET /page HTTP/1.1\r\nHost: x\r\nX-A: "),
        is_ended("POST /page HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1")
    );
    assert_eq!((header, body), (true, true), "of a header and of a body that are never ended");
}

#[tokio::test]
async fn instances_that_are_left_out_are_asked_before_a_shopper_is_told_that_nobody_is_there() {
    let edge = Edge::start("left-out").await;
    for _ in 0..3 {
        assert_eq!(edge.get("/lost", &[]).await.0, StatusCode::BAD_GATEWAY);
    }
    for _ in 0..10 {
        assert_eq!(edge.get("/page", &[]).await.0, StatusCode::OK);
        let form = edge.http.post(format!("{}/page", edge.url)).body("a=b").send().await.unwrap();
        assert_eq!(form.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn only_the_shop_s_own_routes_are_there() {
    let edge = Edge::start("routes").await;
    for path in
        ["/metrics", "/healthz", "/readyz", "/faults", "/faults/orders.errors", "//metrics", "/%6detrics"]
    {
        assert_eq!(edge.get(path, &[]).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(edge.get("/p/metrics", &[]).await.0, StatusCode::OK);
    let asked: usize = edge.origins.iter().map(|o| o.asked.load(Ordering::SeqCst)).sum();
    assert_eq!(asked, 1, "a storefront was asked for what is not the shop's");
}

#[tokio::test]
async fn headers_of_our_own_are_not_taken_from_outside() {
    let edge = Edge::start("headers").await;
    let forged = [
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "a=b"),
        ("baggage", "a=b"),
        ("x-request-deadline-ms", "1"),
        ("authorization", "Bearer forged"),
        ("forwarded", "for=10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
        ("accept-language", "de"),
    ];
    let seen = edge.get("/headers", &forged).await.2;
    for (name, _) in &forged[..7] {
        assert!(!seen.contains(&format!("\"{name}\"")), "{name} came through: {seen}");
    }
    assert!(seen.contains("accept-language"));
    let client = edge.get("/client", &[("x-forwarded-for", "10.0.0.1")]).await.2;
    assert_eq!(client, "Some(\"127.0.0.1\")");
}

#[tokio::test]
async fn anonymous_pages_are_kept_as_long_as_the_origin_allows_and_personal_ones_never() {
    let edge = Edge::start("cache").await;
    let (_, first, body) = edge.get("/cacheable", &[]).await;
    let (_, second, again) = edge.get("/cacheable", &[]).await;
    assert_eq!((first.as_str(), second.as_str()), ("MISS", "HIT"));
    assert_eq!(body, again);
    for cookie in ["session=a", "cart=a", "other=1; __Host-cart=a", "staff-session=a", "csrf=a"] {
        let (_, cache, own) = edge.get("/cacheable", &[("cookie", cookie)]).await;
        assert_eq!(cache, "BYPASS", "{cookie}");
        assert_ne!(own, body, "{cookie}");
    }
    assert_eq!(edge.get("/cacheable", &[]).await.2, body, "a personal answer replaced the anonymous one");
    for path in ["/private", "/personal", "/page"] {
        let (_, _, once) = edge.get(path, &[]).await;
        let (_, cache, twice) = edge.get(path, &[]).await;
        assert_eq!(cache, "MISS", "{path}");
        assert_ne!(once, twice, "{path} was kept");
    }
    let (_, first, body) = edge.get("/shared", &[]).await;
    let (_, second, again) = edge.get("/shared", &[]).await;
    assert_eq!(
        (first.as_str(), second.as_str(), &body),
        ("MISS", "HIT", &again),
        "words for CloudFront end it"
    );
    // Other words of the same page, and other methods, are other pages.
    assert_ne!(edge.get("/shared?sort=price", &[]).await.2, body);
}

#[tokio::test]
async fn an_asset_that_one_instance_lacks_is_asked_of_the_other() {
    let edge = Edge::start("assets").await;
    for turn in 0..6 {
        let (status, _, body) = edge.get(&format!("/assets/only-on-two.css?turn={turn}"), &[]).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.starts_with("two"), "{body}");
        assert_eq!(edge.get(&format!("/assets/nowhere.css?turn={turn}"), &[]).await.0, StatusCode::NOT_FOUND);
        // Neither instance is left out for it.
        assert_eq!(edge.get("/page", &[]).await.0, StatusCode::OK);
    }
    assert!(edge.origins.iter().all(|o| o.asked.load(Ordering::SeqCst) >= 6));
}

#[tokio::test]
async fn reports_of_browsers_get_through_unless_they_are_large_and_are_never_kept() {
    let edge = Edge::start("rum").await;
    let send = |bytes: usize| {
        edge.http.post(format!("{}/rum", edge.url)).header("sec-gpc", "1").body("a".repeat(bytes)).send()
    };
    for _ in 0..2 {
        let answer = send(4_096).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["server-timing"], "view;desc=\"a\"", "what a page carries comes through");
        assert!(answer.text().await.unwrap().starts_with("POST"));
    }
    let asked = |edge: &Edge| edge.origins.iter().map(|o| o.asked.load(Ordering::SeqCst)).sum::<usize>();
    assert_eq!(asked(&edge), 2, "each of them reached a storefront");
    assert_eq!(send(4_097).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(asked(&edge), 2);
}
