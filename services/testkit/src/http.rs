//! Calls to a router without a socket.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

/// What a router answered.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// With the body when it does not decode.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in answer {}: {}", self.status, self.text()))
    }

    /// The `code` of a problem.
    ///
    /// # Panics
    /// When the body is no problem.
    pub fn code(&self) -> String {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{}", self.text());
        self.json::<serde_json::Value>()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// GET.
pub async fn get(router: &Router, path: &str) -> Answer {
    call(router, Method::GET, path, &[], Body::empty()).await
}

/// DELETE.
pub async fn delete(router: &Router, path: &str) -> Answer {
    call(router, Method::DELETE, path, &[], Body::empty()).await
}

/// POST of JSON with an idempotency key.
pub async fn post<T: Serialize>(router: &Router, path: &str, key: &str, body: &T) -> Answer {
    let body = serde_json::to_vec(body).expect("test bodies serialise");
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    call(router, Method::POST, path, &headers, Body::from(body)).await
}

/// Anything.
pub async fn call(
    router: &Router,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Body,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).expect("the request is well formed");
    let response = router.clone().oneshot(request).await.expect("a router never fails");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("the body ends").to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}
