//! Extractors that answer a bad request with a problem instead of a plain text.

use std::fmt;

use axum::body::Bytes;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::nul;
use crate::problem::{Code, Problem};

/// Longest idempotency key accepted, bytes.
const LONGEST_KEY: usize = 128;

/// A JSON body, or a JSON answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json<T>(pub T);

/// Parameters in the path.
#[derive(Debug, Clone, Copy, Default)]
pub struct Path<T>(pub T);

/// Parameters in the query string.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<T>(pub T);

/// The `Idempotency-Key` header that every creating POST must carry: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key as sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key as an owned text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(LONGEST_KEY))
            .pattern(Some("^[ -~]+$"));
        let key = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some("the same key asks for the same thing once"))
            .schema(Some(text));
        vec![key.build()]
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(Code::Invalid, "the body must be of the type application/json")
                .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            Problem::new(Code::Invalid, rejection.body_text()).with_status(rejection.status())
        })?;
        if nul::in_json(&body) {
            return Err(nul::refused("the body"));
        }
        let result = axum::Json::<T>::from_bytes(&body);
        result.map(|axum::Json(value)| Self(value)).map_err(|rejection: JsonRejection| {
            Problem::new(Code::Invalid, rejection.body_text()).with_status(rejection.status())
        })
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if nul::in_url(parts.uri.path()) {
            return Err(nul::refused("the path"));
        }
        let result = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        result.map(|axum::extract::Path(value)| Self(value)).map_err(|rejection: PathRejection| {
            Problem::new(Code::Invalid, rejection.body_text()).with_status(rejection.status())
        })
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if parts.uri.query().is_some_and(nul::in_url) {
            return Err(nul::refused("the query"));
        }
        let result = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        result.map(|axum::extract::Query(value)| Self(value)).map_err(|rejection: QueryRejection| {
            Problem::new(Code::Invalid, rejection.body_text()).with_status(rejection.status())
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let key = parts
            .headers
            .get("idempotency-key")
            .ok_or_else(|| Problem::new(Code::Invalid, "the Idempotency-Key header is required"))?;
        match key.to_str() {
            Ok(text) if !text.is_empty() && text.len() <= LONGEST_KEY => Ok(Self(text.to_owned())),
            _ => Err(Problem::new(
                Code::Invalid,
                "the Idempotency-Key header must be 1 to 128 visible characters",
            )),
        }
    }
}

/// `application/json`, or a type built on it.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::routing::{get, post};
    use tower::ServiceExt as _;

    fn router() -> Router {
        type Fields = std::collections::BTreeMap<String, String>;
        Router::new()
            .route("/p/{slug}", get(|Path(slug): Path<String>| async { slug }))
            .route("/q", get(|Query(_): Query<Fields>| async { "found" }))
            .route("/j", post(|Json(_): Json<Fields>| async { "taken" }))
    }

    async fn get_status(uri: &str) -> u16 {
        let request = Request::get(uri).body(Body::empty()).unwrap();
        router().oneshot(request).await.unwrap().status().as_u16()
    }

    async fn post_status(kind: &str, body: &'static str) -> u16 {
        let request = Request::post("/j").header("content-type", kind).body(Body::from(body)).unwrap();
        router().oneshot(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn nul_is_refused_wherever_it_comes_from() {
        assert_eq!(get_status("/p/lamp%00").await, 422);
        assert_eq!(get_status("/p/lamp").await, 200);
        assert_eq!(get_status("/q?words=%00").await, 422);
        assert_eq!(get_status("/q?words=%2500").await, 200);
        assert_eq!(post_status("application/json", r#"{"a":"b\u0000c"}"#).await, 422);
        assert_eq!(post_status("application/json", r#"{"a":"b\\u0000c"}"#).await, 200);
    }

    #[tokio::test]
    async fn only_json_is_read_as_json() {
        assert_eq!(post_status("application/json; charset=utf-8", "{}").await, 200);
        assert_eq!(post_status("application/problem+json", "{}").await, 200);
        assert_eq!(post_status("text/plain", "{}").await, 415);
        assert_eq!(post_status("application/json", "{").await, 400);
    }
}
