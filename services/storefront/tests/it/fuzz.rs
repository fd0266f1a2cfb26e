//! Every route with arbitrary bytes in path, query, headers, cookies and body: never an error of ours.
//!
//! The routes are those of the source, so that none is forgotten. Each is first asked as a browser would, by somebody who
//! is a shopper with a cart and an account, and a manager too, so that arbitrary bytes are known to reach its handler.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use shop_contracts::identity::StaffRole;
use shop_contracts::orders::OrderStatus;
use tower::ServiceExt as _;
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::buying::order;
use crate::people::{kim, sealed};
use crate::stage::{Shopper, Stage, hidden_fields, lamp};

const CASES: usize = 4_000;
/// Fields of forms and queries, each with something that a form may hold. `csrf` is the visitor's own.
const FIELDS: [(&str, &str); 42] = [
    ("csrf", ""),
    ("seen", "1.0123456789abcdef01234567"),
    ("q", "lamp"),
    ("page", "1"),
    ("sort", "name"),
    ("email", "kim@example.com"),
    ("password", "a long enough one"),
    ("current", "a long enough one"),
    ("new", "another long one"),
    ("name", "Kim"),
    ("product_id", "LAMP"),
    ("quantity", "1"),
    ("payment_token", "tok_visa"),
    ("return_to", "/cart"),
    ("number", "QD-1001"),
    ("reason", "count"),
    ("maker", "Brandt"),
    ("from", "1"),
    ("to", "9"),
    ("exact", "true"),
    ("token", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ("key", "0123456789abcdef0123456789abcdef"),
    ("amount", "1.00"),
    ("price", "12.50"),
    ("delta", "1"),
    ("note", "why"),
    ("carrier", "Post"),
    ("tracking_number", "T-1"),
    ("resolution", "retry"),
    ("return", "0190a5b0-0000-7000-8000-0000000000bb"),
    ("session", "0190a5b0-0000-7000-8000-0000000000cc"),
    ("label", "Home"),
    ("username", "bo"),
    ("role", "clerk"),
    ("code", "SPRING"),
    ("benefit", "5.00"),
    ("description", "It shines."),
    ("press", "0123456789abcdef0123456789abcdef"),
    ("group", "0190a5b0-0000-7000-8000-0000000000dd"),
    ("title", "Lamp"),
    ("options", "Colour, Size"),
    ("values", "Brass, Large"),
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
/// Routes of which a browser's own request is refused here: what they need does not exist on this stage.
const REFUSED: [&str; 8] = [
    // A mark that a page of ours carries, signed.
    "/rum",
    // The version of a checkout that was shown.
    "/checkout",
    // Pieces to send back, named by the order's page.
    "/orders/{id}/returns",
    // A group of variants, and a product in it.
    "/staff/products/{slug}/variant",
    "/staff/products/{slug}/variant/leave",
    "/staff/products/{slug}/variant/group",
    // What is no page of the back office.
    "/staff/{*rest}",
    // A file of a sitemap that is an index.
    "/sitemaps/{file}",
];

/// The routes of the source: every first argument of `.route(` under `src/pages`.
fn routes() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pages")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let source = std::fs::read_to_string(path).unwrap();
                let compact: String = source.chars().filter(|c| !c.is_whitespace()).collect();
                let named = compact.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next());
                found.extend(named.map(str::to_owned));
            }
        }
    }
    found
}

/// An address of the route that leads somewhere.
fn address(route: &str) -> String {
    let product = route.starts_with("/staff/stock");
    let id = if product { lamp().id.to_string() } else { "0190a5b0-0000-7000-8000-000000000001".to_owned() };
    if route.starts_with("/assets") {
        return shop_storefront::assets::STYLE.url.clone();
    }
    let file = if route.starts_with("/pictures") { "lamp.svg" } else { "1.xml" };
    let slug = if route.starts_with("/c/") { "lamps" } else { "lamp" };
    let known =
        [("{id}", id.as_str()), ("{file}", file), ("{slug}", slug), ("{name}", "bo"), ("{*rest}", "nowhere")];
    known.iter().fold(route.to_owned(), |address, (name, value)| address.replace(name, value))
}

#[derive(Debug, Clone)]
struct Case {
    post: bool,
    route: usize,
    /// After the address, or in the place of what its parameters hold.
    path: Vec<u8>,
    query: Vec<(usize, Option<Vec<u8>>)>,
    headers: Vec<(usize, Vec<u8>)>,
    known: bool,
    body: Vec<(usize, Option<Vec<u8>>)>,
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
        Just("ä\u{202e}\u{feff}\u{fffd}'\"<script>".as_bytes().to_vec()),
    ]
}

fn case(routes: usize) -> impl Strategy<Value = Case> {
    let value = || prop_oneof![2 => Just(None), 3 => bytes().prop_map(Some)];
    let pairs = move || proptest::collection::vec((0..FIELDS.len(), value()), 0..6);
    (
        any::<bool>(),
        0..routes,
        prop_oneof![3 => Just(Vec::new()), 2 => bytes()],
        pairs(),
        proptest::collection::vec((0..HEADERS.len(), bytes()), 0..6),
        any::<bool>(),
        pairs(),
        prop_oneof![3 => Just(Vec::new()), 1 => bytes()],
    )
        .prop_map(|(post, route, path, query, headers, known, body, raw)| Case {
            post,
            route,
            path,
            query,
            headers,
            known,
            body,
            raw,
        })
}

/// Somebody who is known to the shop in every way.
struct Visitor {
    cookie: String,
    csrf: String,
    staff_csrf: String,
}

impl Visitor {
    async fn new(stage: &Stage) -> Self {
        let mut shopper: Shopper<'_> = stage.shopper();
        shopper.take_a_lamp().await;
        // Bound to the cart, so that it is good whether the session stands or not.
        shopper.open("/cart").await;
        let own = |page: &str, action: &str| {
            let fields = hidden_fields(page, action);
            fields.into_iter().find(|(name, _)| name == "csrf").map(|(_, value)| value).unwrap()
        };
        let csrf = own(&shopper.page, "/cart/remove");
        shopper.cookies.insert("session".to_owned(), sealed(5));
        let manager = stage.staff(StaffRole::Manager).await;
        let staff_csrf = own(&manager.open("/staff/people").await.text(), "/staff/logout");
        let mut cookie = manager.cookie().to_owned();
        for (name, value) in &shopper.cookies {
            cookie.push_str(&format!("; {name}={value}"));
        }
        Self { cookie, csrf, staff_csrf }
    }

    fn csrf_for(&self, route: &str) -> &str {
        if route.starts_with("/staff") { &self.staff_csrf } else { &self.csrf }
    }

    /// A form as a page of ours would send it, and as a query.
    fn plain(&self, route: &str) -> String {
        let pairs: Vec<(usize, Option<Vec<u8>>)> = (0..FIELDS.len()).map(|at| (at, None)).collect();
        String::from_utf8(self.encoded(route, &pairs)).unwrap()
    }

    fn encoded(&self, route: &str, pairs: &[(usize, Option<Vec<u8>>)]) -> Vec<u8> {
        let lamp = lamp().id.to_string();
        let mut out = Vec::new();
        for (at, (field, value)) in pairs.iter().enumerate() {
            if at > 0 {
                out.push(b'&');
            }
            let (name, sane) = FIELDS[*field];
            out.extend(name.as_bytes());
            out.push(b'=');
            match value {
                None if name == "csrf" => out.extend(self.csrf_for(route).as_bytes()),
                None if name == "product_id" => out.extend(lamp.as_bytes()),
                None => out.extend(urlencoding::encode(sane).as_bytes()),
                // Half of the values are encoded as a browser would, the others go as they are.
                Some(value) if value.len() % 2 == 0 => {
                    out.extend(urlencoding::encode_binary(value).as_bytes());
                }
                Some(value) => out.extend(value),
            }
        }
        out
    }

    fn known(&self, request: &mut Request<Body>) {
        request.headers_mut().insert("cookie", self.cookie.parse().unwrap());
        request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
    }
}

impl Case {
    /// The request, unless no HTTP server would take such bytes.
    fn request(&self, route: &str, visitor: &Visitor) -> Option<Request<Body>> {
        let address = match (route.find('{'), self.path.is_empty()) {
            (Some(at), false) => route[..at].to_owned(),
            _ => address(route),
        };
        let query = visitor.encoded(route, &self.query);
        let mut whole = address.clone().into_bytes();
        whole.extend(&self.path);
        whole.push(b'?');
        whole.extend(&query);
        let uri = Uri::try_from(whole).ok().or_else(|| {
            let path = urlencoding::encode_binary(&self.path).into_owned();
            let query = urlencoding::encode_binary(&query).into_owned();
            Uri::try_from(format!("{address}{path}?{query}")).ok()
        })?;
        // Most forms of somebody who is known carry the token: the others are refused at the door.
        let mut body = Vec::new();
        if self.known {
            body.extend(format!("csrf={}&", visitor.csrf_for(route)).into_bytes());
        }
        body.extend(visitor.encoded(route, &self.body));
        body.extend(&self.raw);
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = if self.post { Method::POST } else { Method::GET };
        *request.uri_mut() = uri;
        for (name, value) in &self.headers {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                request.headers_mut().append(HeaderName::from_static(HEADERS[*name]), value);
            }
        }
        if self.known {
            visitor.known(&mut request);
        }
        Some(request)
    }
}

impl Stage {
    /// Every peer answers what its routes answer when all is well.
    async fn all_is_well(&self) {
        let mine = order(OrderStatus::Confirmed, Some(kim().id));
        self.an_order(&mine).await;
        self.stock_is_known().await;
        self.identity_knows_kim().await;
        let done = serde_json::to_value(mine).unwrap();
        let at = "2026-01-01T00:00:00Z";
        let voucher = json!({
            "id": "0190a5b0-0000-7000-8000-00000000000b", "code": "SPRING",
            "benefit": {"kind": "percent", "percent": 10}, "minimum": {"amount_minor": 0, "currency": "EUR"},
            "starts_at": at, "ends_at": "2999-01-01T00:00:00Z", "max_uses": 10, "uses": 3,
            "created_by": "robin", "created_at": at,
        });
        let bo = json!({"username": "bo", "role": "clerk", "created_at": at});
        let lamp = serde_json::to_value(lamp()).unwrap();
        for (server, verb, to, status, body) in [
            (&self.orders, "POST", "^/v1/staff/orders/", 200, done.clone()),
            (&self.orders, "POST", "^/v1/orders/", 200, done),
            (&self.orders, "POST", "^/v1/staff/vouchers", 200, voucher.clone()),
            (
                &self.orders,
                "GET",
                "^/v1/staff/vouchers$",
                200,
                json!({"vouchers": [voucher], "page": 1, "has_more": false}),
            ),
            (&self.catalog, "POST", "^/v1/staff/products/", 200, lamp),
            (&self.catalog, "GET", "/history$", 200, json!({"changes": [], "page": 1, "has_more": false})),
            (&self.catalog, "GET", "^/v1/suggestions", 200, json!({"products": []})),
            (
                &self.catalog,
                "GET",
                "^/v1/sitemap$",
                200,
                json!({"products": ["lamp"], "categories": ["lamps"]}),
            ),
            (&self.identity, "GET", "^/v1/staff/members$", 200, json!({"members": [bo]})),
            (&self.identity, "GET", "^/v1/staff/changes$", 200, json!({"changes": []})),
            (&self.identity, "POST", "^/v1/staff/members$", 201, bo.clone()),
            (&self.identity, "PUT", "^/v1/staff/members/", 200, bo.clone()),
            (&self.identity, "DELETE", "^/v1/staff/members/", 200, bo),
            (&self.identity, "POST", "^/v1/accounts/confirm$", 201, serde_json::to_value(kim()).unwrap()),
            (&self.identity, "POST", "^/v1/accounts/.*/delete$", 204, Value::Null),
            (&self.identity, "POST", "^/v1/password-resets", 204, Value::Null),
            (&self.identity, "PUT", "^/v1/accounts/.*/password$", 204, Value::Null),
            (&self.identity, "GET", "^/v1/accounts/.*/addresses$", 200, json!({"addresses": []})),
            (&self.identity, "PUT", "^/v1/accounts/.*/addresses$", 200, json!({"addresses": []})),
            (&self.identity, "GET", "^/v1/accounts/.*/sessions$", 200, json!({"sessions": []})),
        ] {
            mount(server, verb, to, status, &body).await;
        }
    }
}

async fn mount(server: &MockServer, verb: &str, to: &str, status: u16, body: &Value) {
    let answer = ResponseTemplate::new(status);
    let answer = if body.is_null() { answer } else { answer.set_body_json(body) };
    // Before those that a stage has for whole methods.
    Mock::given(method(verb)).and(path_regex(to)).respond_with(answer).with_priority(4).mount(server).await;
}

#[tokio::test]
async fn every_route_of_the_source_is_reached_as_a_browser_would_ask() {
    let stage = Stage::set().await;
    stage.all_is_well().await;
    let visitor = Visitor::new(&stage).await;
    let routes = routes();
    assert!(routes.len() > 50, "the source has only {} routes: {routes:?}", routes.len());
    let mut unreached = BTreeMap::new();
    // What ends the session comes last.
    let ends = |route: &&String| route.ends_with("/logout") || *route == "/account/delete";
    for route in routes.iter().filter(|route| !ends(route)).chain(routes.iter().filter(ends)) {
        let mut statuses = Vec::new();
        for verb in [Method::GET, Method::POST] {
            let form = visitor.plain(route);
            let mut request = Request::new(Body::from(form.clone()));
            *request.uri_mut() = match verb {
                Method::GET => format!("{}?{form}", address(route)).parse().unwrap(),
                _ => address(route).parse().unwrap(),
            };
            *request.method_mut() = verb;
            visitor.known(&mut request);
            let status = stage.router.clone().oneshot(request).await.unwrap().status();
            assert!(!status.is_server_error(), "{status} for {route}");
            statuses.push(status.as_u16());
        }
        if !statuses.iter().any(|status| *status < 400) {
            unreached.insert(route.as_str(), statuses);
        }
    }
    let unreached_routes: Vec<&str> =
        unreached.keys().copied().filter(|route| !REFUSED.contains(route)).collect();
    assert!(unreached_routes.is_empty(), "{unreached:?}");
}

#[tokio::test]
async fn no_bytes_on_any_route_make_an_error_of_ours() {
    let stage = Stage::set().await;
    stage.all_is_well().await;
    let visitor = Visitor::new(&stage).await;
    let mut routes: Vec<String> = routes().into_iter().collect();
    routes.push("/nowhere".to_owned());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (mut sent, mut statuses) = (0, BTreeMap::<u16, usize>::new());
    for _ in 0..CASES {
        let case = case(routes.len()).new_tree(&mut runner).unwrap().current();
        let route = &routes[case.route];
        let Some(request) = case.request(route, &visitor) else { continue };
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
