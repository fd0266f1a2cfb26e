//! Every route with arbitrary bytes in path, query, headers, cookies and body: never an error of ours.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use shop_contracts::orders::OrderStatus;
use tower::ServiceExt as _;

use crate::buying::order;
use crate::stage::Stage;

const CASES: usize = 4_000;
const ROUTES: [&str; 27] = [
    "/",
    "/c/",
    "/search",
    "/p/",
    "/pictures/",
    "/cart",
    "/cart/add",
    "/cart/update",
    "/cart/remove",
    "/checkout",
    "/orders/",
    "/orders/lookup",
    "/account",
    "/login",
    "/register",
    "/logout",
    "/assets/",
    "/p/lamp",
    "/c/lamps",
    "/pictures/lamp.svg",
    "/orders/0190a5b0-0000-7000-8000-000000000001",
    "/nowhere",
    "/search/suggestions",
    "/sitemap.xml",
    "/sitemaps/",
    "/robots.txt",
    "/rum",
];
const FIELDS: [&str; 18] = [
    "csrf",
    "seen",
    "q",
    "page",
    "sort",
    "email",
    "password",
    "name",
    "product_id",
    "quantity",
    "payment_token",
    "return_to",
    "number",
    "reason",
    "maker",
    "from",
    "to",
    "exact",
];
const HEADERS: [&str; 8] = [
    "cookie",
    "content-type",
    "sec-fetch-site",
    "origin",
    "x-forwarded-for",
    "user-agent",
    "traceparent",
    "x-request-deadline-ms",
];

#[derive(Debug, Clone)]
struct Case {
    post: bool,
    route: usize,
    path: Vec<u8>,
    query: Vec<(usize, Vec<u8>)>,
    headers: Vec<(usize, Vec<u8>)>,
    cookie: bool,
    body: Vec<(usize, Vec<u8>)>,
    raw: Vec<u8>,
}

/// Bytes that hurt more often than random ones.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        Just(b"%00".to_vec()),
        Just(b"\0".to_vec()),
        Just(b"%ff%fe%c0%80".to_vec()),
        Just(b"%".to_vec()),
        Just(b"../../..%2f%2e%2e/".to_vec()),
        Just(b"a".repeat(9_000)),
        Just(b"[".repeat(3_000)),
        Just(b"-1".to_vec()),
        Just(b"99999999999999999999".to_vec()),
        Just(b"same-origin".to_vec()),
        Just(b"application/x-www-form-urlencoded".to_vec()),
        Just(lamp_id()),
        Just(b"kim@example.com".to_vec()),
        Just("ä\u{202e}\u{feff}\u{fffd}'\"<script>".as_bytes().to_vec()),
    ]
}

fn lamp_id() -> Vec<u8> {
    crate::stage::lamp().id.to_string().into_bytes()
}

fn case() -> impl Strategy<Value = Case> {
    let pairs = |names: usize| proptest::collection::vec((0..names, bytes()), 0..6);
    (
        any::<bool>(),
        0..ROUTES.len(),
        prop_oneof![3 => Just(Vec::new()), 2 => bytes()],
        pairs(FIELDS.len()),
        pairs(HEADERS.len()),
        any::<bool>(),
        pairs(FIELDS.len()),
        prop_oneof![3 => Just(Vec::new()), 1 => bytes()],
    )
        .prop_map(|(post, route, path, query, headers, cookie, body, raw)| Case {
            post,
            route,
            path,
            query,
            headers,
            cookie,
            body,
            raw,
        })
}

fn encoded(pairs: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push(b'&');
        }
        out.extend(FIELDS[*name].as_bytes());
        out.push(b'=');
        // Half of the values are encoded as a browser would, the others go as they are.
        if value.len() % 2 == 0 {
            out.extend(urlencoding::encode_binary(value).as_bytes());
        } else {
            out.extend(value);
        }
    }
    out
}

impl Case {
    /// The request, unless no HTTP server would take such bytes.
    fn request(&self, cookie: &str) -> Option<Request<Body>> {
        let mut address = ROUTES[self.route].as_bytes().to_vec();
        address.extend(&self.path);
        address.push(b'?');
        address.extend(encoded(&self.query));
        let uri = Uri::try_from(address).ok().or_else(|| {
            let path = urlencoding::encode_binary(&self.path).into_owned();
            let query = urlencoding::encode_binary(&encoded(&self.query)).into_owned();
            Uri::try_from(format!("{}{path}?{query}", ROUTES[self.route])).ok()
        })?;
        let mut body = encoded(&self.body);
        body.extend(&self.raw);
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = if self.post { Method::POST } else { Method::GET };
        *request.uri_mut() = uri;
        for (name, value) in &self.headers {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                request.headers_mut().append(HeaderName::from_static(HEADERS[*name]), value);
            }
        }
        if self.cookie {
            request.headers_mut().insert("cookie", cookie.parse().ok()?);
            request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        }
        Some(request)
    }
}

#[tokio::test]
async fn no_bytes_on_any_route_make_an_error_of_ours() {
    let stage = Stage::set().await;
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    let cookie = format!("cart={}", shopper.cookies["cart"]);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (mut sent, mut statuses) = (0, std::collections::BTreeMap::<u16, usize>::new());
    for _ in 0..CASES {
        let case = case().new_tree(&mut runner).unwrap().current();
        let Some(request) = case.request(&cookie) else { continue };
        let shown = format!("{} {}", request.method(), request.uri());
        let response = stage.router.clone().oneshot(request).await.unwrap();
        assert!(!response.status().is_server_error(), "{} for {shown}\n{case:?}", response.status());
        sent += 1;
        *statuses.entry(response.status().as_u16()).or_default() += 1;
    }
    assert!(sent > CASES * 9 / 10, "only {sent} requests were sendable");
    for status in [200, 303, 403, 404, 405, 422] {
        assert!(statuses.contains_key(&status), "no {status} among {statuses:?}: the cases are too tame");
    }
}
