//! Requests of other sites' pages, and what any client may ask before it asks (prometheus/util/httputil/cors.go).

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN, VARY,
        },
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use regex::Regex;

const FIXED: [(HeaderName, &str); 3] = [
    (ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
    (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
    (ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
];

/// Sites whose pages may read answers. None: no page but the console's own.
#[derive(Clone, Debug, Default)]
pub struct Origins(Option<Arc<Regex>>);

/// Why a pattern of origins cannot be used.
pub fn check_origin(pattern: &str) -> Result<(), String> {
    whole(pattern).map(drop).map_err(|e| e.to_string())
}

/// The pattern, matched with the whole origin.
fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

impl Origins {
    /// A pattern that is no regular expression lets nobody in.
    pub fn new(pattern: Option<&str>) -> Self {
        Self(pattern.and_then(|p| whole(p).ok()).map(Arc::new))
    }

    fn allow(&self, origin: &HeaderValue) -> bool {
        let Some(pattern) = &self.0 else { return false };
        origin.to_str().is_ok_and(|origin| pattern.is_match(origin))
    }
}

/// Answers OPTIONS, and says to a page's browser whether the page may see the answer.
pub async fn layer(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).cloned().filter(|origin| origins.allow(origin));
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    if origins.0.is_some() {
        response.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = origin {
        permit(response.headers_mut(), origin);
    }
    response
}

fn permit(headers: &mut HeaderMap, origin: HeaderValue) {
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
}
