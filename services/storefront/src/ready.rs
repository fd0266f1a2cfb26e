//! Whole answers to readers, headers and all, for a second: what the edge may keep is kept here too, so that a page that
//! is read a thousand times a second is looked up and not made.
//!
//! What must always hold: only what says `s-maxage` is kept, and only a request without cookies, credentials and
//! conditions is answered with it. Bounded; a page's bytes are shared with the cache of pages.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, IF_NONE_MATCH, RANGE, SET_COOKIE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use parking_lot::RwLock;
use shop_instrumentation::http::front::{ReadyAnswer, ReadyAnswers};
use shop_instrumentation::metrics::{Histogram, Metrics};

use crate::encoding::Encoding;

/// As long as the cache of pages counts them as fresh.
const FRESH: Duration = Duration::from_secs(1);
/// Answers kept at most in each encoding.
const MOST_ANSWERS: usize = 256;
/// Requests with one of these get an answer of their own.
const PERSONAL: [axum::http::HeaderName; 4] = [COOKIE, AUTHORIZATION, IF_NONE_MATCH, RANGE];

/// The answers. Clones share them.
#[derive(Clone)]
pub struct ReadyPages {
    shared: Arc<Shared>,
}

struct Shared {
    metrics: Metrics,
    /// By path and query, one map an encoding.
    kept: [RwLock<HashMap<Box<str>, Arc<Kept>>>; 3],
}

struct Kept {
    at: Instant,
    headers: HeaderMap,
    body: Bytes,
    route: Arc<str>,
    duration: Histogram,
}

impl ReadyPages {
    /// Answers that count in these metrics.
    pub fn new(metrics: Metrics) -> Self {
        Self { shared: Arc::new(Shared { metrics, kept: Default::default() }) }
    }

    fn find(&self, request: &Request) -> Option<Arc<Kept>> {
        let path = key(request)?;
        let kept = self.shared.kept[place(request.headers())].read();
        kept.get(path).filter(|kept| kept.at.elapsed() < FRESH).map(Arc::clone)
    }

    fn keep(&self, place: usize, path: Box<str>, kept: Kept) {
        let mut all = self.shared.kept[place].write();
        if all.len() >= MOST_ANSWERS {
            all.retain(|_, kept| kept.at.elapsed() < FRESH);
        }
        if all.len() >= MOST_ANSWERS {
            all.clear();
        }
        all.insert(path, Arc::new(kept));
    }
}

impl ReadyAnswers for ReadyPages {
    fn answer(&self, request: &Request) -> Option<ReadyAnswer> {
        let kept = self.find(request)?;
        Some(ReadyAnswer {
            response: kept.response(),
            route: Arc::clone(&kept.route),
            duration: kept.duration.clone(),
        })
    }
}

impl Kept {
    fn response(&self) -> Response {
        let mut response = Response::new(self.body.clone().into());
        *response.headers_mut() = self.headers.clone();
        response
    }
}

/// Answers from what is ready, and keeps what may be kept.
pub async fn answer_or_keep(State(ready): State<ReadyPages>, request: Request, next: Next) -> Response {
    let Some(path) = key(&request) else { return next.run(request).await };
    if let Some(kept) = ready.find(&request) {
        return kept.response();
    }
    let (path, place) = (Box::from(path), place(request.headers()));
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let Some(route) = route.filter(|_| is_for_everybody(&response)) else { return response };
    let (parts, body) = response.into_parts();
    // Pages are whole in memory already.
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let duration = ready.shared.metrics.http_server_series("GET", route.as_str(), parts.status);
    let kept = Kept {
        at: Instant::now(),
        headers: parts.headers.clone(),
        body: body.clone(),
        route: Arc::from(route.as_str()),
        duration,
    };
    ready.keep(place, path, kept);
    Response::from_parts(parts, body.into())
}

/// What an answer is kept under; nothing for a request that gets one of its own.
fn key(request: &Request) -> Option<&str> {
    let is_personal = PERSONAL.iter().any(|name| request.headers().contains_key(name));
    (request.method() == Method::GET && !is_personal)
        .then(|| request.uri().path_and_query())?
        .map(|it| it.as_str())
}

fn place(headers: &HeaderMap) -> usize {
    match Encoding::preferred(headers) {
        None => 0,
        Some(Encoding::Gzip) => 1,
        Some(Encoding::Brotli) => 2,
    }
}

fn is_for_everybody(response: &Response) -> bool {
    let headers = response.headers();
    let caching = headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    response.status() == StatusCode::OK && caching.contains("s-maxage") && !headers.contains_key(SET_COOKIE)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    /// Pages `/kept/…`, which are for everybody, and `/own/…`, which are not; each tells how many were made before it.
    fn pages() -> (Router, ReadyPages) {
        let ready = ReadyPages::new(Metrics::new("storefront", "1").unwrap());
        let made = Arc::new(AtomicUsize::new(0));
        let page = |caching: &'static str| {
            let made = Arc::clone(&made);
            get(move || async move {
                ([(CACHE_CONTROL, caching)], made.fetch_add(1, Ordering::Relaxed).to_string())
            })
        };
        let routes = Router::new()
            .route("/kept/{n}", page("public, s-maxage=2"))
            .route("/own/{n}", page("private, no-cache"))
            .layer(from_fn_with_state(ready.clone(), answer_or_keep));
        (routes, ready)
    }

    async fn text(response: Response) -> String {
        String::from_utf8(to_bytes(response.into_body(), 1_000).await.unwrap().to_vec()).unwrap()
    }

    async fn ask(routes: &Router, path: &str, headers: &[(&str, &str)]) -> String {
        text(routes.clone().oneshot(request(path, headers)).await.unwrap()).await
    }

    fn request(path: &str, headers: &[(&str, &str)]) -> Request {
        let start = Request::get(path);
        headers.iter().fold(start, |it, (name, value)| it.header(*name, *value)).body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn page_for_everybody_is_made_once_and_counted_each_time() {
        let (routes, ready) = pages();
        assert_eq!(ask(&routes, "/kept/a", &[]).await, "0");
        assert_eq!(ask(&routes, "/kept/a", &[]).await, "0");
        let answer = ready.answer(&request("/kept/a", &[])).unwrap();
        assert_eq!(&*answer.route, "/kept/{n}");
        let answer = answer.response;
        assert_eq!(answer.headers()[CACHE_CONTROL], "public, s-maxage=2");
        assert_eq!(text(answer).await, "0");
        assert_eq!(ask(&routes, "/kept/a?x=1", &[]).await, "1", "another address");
        assert_eq!(ask(&routes, "/kept/a", &[("accept-encoding", "br")]).await, "2", "another encoding");
        let exposed = ready.shared.metrics.render().unwrap();
        assert!(exposed.contains(r#"http_route="/kept/{n}""#), "{exposed}");
    }

    #[tokio::test]
    async fn nobody_gets_what_is_not_for_everybody_or_for_somebody_known() {
        let (routes, ready) = pages();
        assert_eq!(ask(&routes, "/own/a", &[]).await, "0");
        assert_eq!(ask(&routes, "/own/a", &[]).await, "1");
        assert_eq!(ask(&routes, "/kept/a", &[]).await, "2");
        for own in
            [("cookie", "cart=1"), ("authorization", "x"), ("if-none-match", "\"a\""), ("range", "bytes=0-1")]
        {
            assert!(ready.answer(&request("/kept/a", &[own])).is_none(), "{own:?}");
            assert_ne!(ask(&routes, "/kept/a", &[own]).await, "2", "{own:?}");
        }
        let post = Request::post("/kept/a").body(Body::empty()).unwrap();
        assert!(ready.answer(&post).is_none());
    }

    #[tokio::test]
    async fn never_more_answers_than_the_bound() {
        let (routes, ready) = pages();
        for n in 0..MOST_ANSWERS + 10 {
            ask(&routes, &format!("/kept/{n}"), &[]).await;
        }
        assert!(ready.shared.kept[0].read().len() <= MOST_ANSWERS);
    }
}
