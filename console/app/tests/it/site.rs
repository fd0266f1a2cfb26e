//! The console's pages behind a router, without sockets or sessions.

use axum::{Router, body::Body, response::Response, routing::get};
use console_app::{App, Assets, Backends, Viewer, shell};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use leptos::prelude::{LeptosOptions, provide_context};
use leptos_axum::{LeptosRoutes, generate_route_list, handle_server_fns_with_context};
use tower::ServiceExt;

use crate::fakes::Fakes;

/// What a browser got.
pub struct Answer {
    pub status: StatusCode,
    pub location: Option<String>,
    pub policy: Option<String>,
    pub body: String,
}

fn router(backends: Backends) -> Router {
    let options = LeptosOptions::builder().output_name("console").build();
    let assets = Assets {
        stylesheet: "/assets/app.css".to_owned(),
        boot: "/assets/boot.js".to_owned(),
        script: "/pkg/console.js".to_owned(),
        wasm: "/pkg/console_bg.wasm".to_owned(),
        charts: "/assets/charts.js".to_owned(),
    };
    let for_calls = backends.clone();
    let calls = get(move |request: Request<Body>| {
        let backends = for_calls.clone();
        async move { handle_server_fns_with_context(move || provide_context(backends.clone()), request).await }
    });
    let context = move || provide_context(backends.clone());
    let document = move || shell(assets.clone());
    let fallback = leptos_axum::render_app_async_with_context(context.clone(), document.clone());
    Router::new()
        .route("/api/ui/{*call}", calls)
        .leptos_routes_with_context(&options, generate_route_list(App), context, document)
        .fallback(move |request: Request<Body>| fallback(request))
        .with_state(options)
}

impl Fakes {
    /// Asks for an address as a logged-in reader's browser does.
    pub async fn get(self, address: &str) -> Answer {
        self.ask(address, "text/html,*/*;q=0.8").await
    }

    /// Calls a server function as an island does.
    pub async fn call(self, address: &str) -> Answer {
        self.ask(address, "application/json").await
    }

    /// Asks for an address and hears of it as it comes.
    pub async fn begin(self, address: &str) -> Body {
        self.answer(address, "text/html").await.into_body()
    }

    async fn answer(self, address: &str, accept: &str) -> Response {
        let request = Request::get(address)
            .header(header::ACCEPT, accept)
            .extension(Viewer { username: "kim".to_owned(), csrf: "csrf-token".to_owned() })
            .body(Body::empty())
            .unwrap();
        router(self.backends()).oneshot(request).await.unwrap()
    }

    async fn ask(self, address: &str, accept: &str) -> Answer {
        let response = self.answer(address, accept).await;
        let text = |name: header::HeaderName| {
            response.headers().get(name).and_then(|v| v.to_str().ok()).map(ToOwned::to_owned)
        };
        let (location, policy) = (text(header::LOCATION), text(header::CONTENT_SECURITY_POLICY));
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, location, policy, body: String::from_utf8(body.to_vec()).unwrap() }
    }
}

impl Answer {
    /// The page's own content without markup, words separated by single spaces.
    pub fn text(&self) -> String {
        let main = self.main();
        let mut out = String::new();
        let mut is_tag = false;
        for c in main.chars() {
            match c {
                '<' => {
                    is_tag = true;
                    out.push(' ');
                }
                '>' if is_tag => is_tag = false,
                c if !is_tag => out.push(c),
                _ => {}
            }
        }
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The HTML inside of `main`.
    pub fn main(&self) -> &str {
        let from = self.body.find("<main").expect("the page has a main element");
        let to = self.body.rfind("</main>").expect("the main element ends");
        &self.body[from..to]
    }

    #[track_caller]
    pub fn assert_shows(&self, words: &[&str]) {
        let text = self.text();
        for word in words {
            assert!(text.contains(word), "{word:?} is not shown in: {text}");
        }
    }
}
