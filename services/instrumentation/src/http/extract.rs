//! Extractors that answer a bad request with a problem instead of a plain text.

use std::fmt;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

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

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let result = axum::Json::<T>::from_request(request, state).await;
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
        let result = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        result.map(|axum::extract::Path(value)| Self(value)).map_err(|rejection: PathRejection| {
            Problem::new(Code::Invalid, rejection.body_text()).with_status(rejection.status())
        })
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
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
