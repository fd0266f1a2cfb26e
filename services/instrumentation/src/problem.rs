//! Problem details (RFC 9457): the one shape in which a shop API says that something went wrong.
//!
//! A cause is logged once, here at the edge, as a chain; it never leaves the process.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
pub use shop_contracts::problem::{Code, FieldProblem, ProblemBody};

use crate::dependency::{self, Failed};
use crate::telemetry;

/// An answer that says what went wrong. Handlers return `Result<T, Problem>`.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    status: StatusCode,
    detail: String,
    errors: Vec<FieldProblem>,
    existing: Option<serde_json::Value>,
    retry_after_seconds: Option<u64>,
}

/// Marks a response with its code, so that the server layer can name the kind of error on the span.
#[derive(Debug, Clone, Copy)]
pub struct ProblemCode(pub Code);

impl Problem {
    /// A problem with the code's own status.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            code,
            status,
            detail: detail.into(),
            errors: Vec::new(),
            existing: None,
            retry_after_seconds: None,
        }
    }

    /// A defect or lost dependency: logs the error with its causes, tells the caller nothing about them.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = chain(error), "internal error");
        Self::new(Code::Internal, "the service failed to handle the request")
    }

    /// A dependency that is away for now: logs the error with its causes, asks the caller to come back in a second.
    pub fn unavailable(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = chain(error), "dependency unavailable");
        Self::new(Code::Unavailable, "a dependency is unavailable").retry_after(1)
    }

    /// Another status than the code's own (413, 405, 415).
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// When the caller may come back, in seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Names one wrong field of the request.
    pub fn field(mut self, field: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldProblem { field: field.into(), detail: detail.into() });
        self
    }

    /// What exists already, in the shape in which the route answers it.
    pub fn existing<T: serde::Serialize>(mut self, existing: &T) -> Self {
        // Contract types always serialise.
        self.existing = serde_json::to_value(existing).ok();
        self
    }

    /// What went wrong.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What went wrong, for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The status that the answer will have.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            kind: "about:blank".to_owned(),
            title: self.code.title().to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code,
            trace_id: telemetry::current_trace_id(),
            errors: self.errors,
            existing: self.existing,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(ProblemCode(self.code));
        response
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        match dependency::of_postgres(&error) {
            Failed::Missing => Self::new(Code::NotFound, "no such record"),
            Failed::Away => {
                crate::db::note_error(&error);
                Self::unavailable(&error)
            }
            Failed::BadInput => Self::new(Code::Invalid, "a value of the request cannot be stored"),
            Failed::TooSlow => {
                tracing::error!(error = chain(&error), "statement stopped at its time limit");
                Self::new(Code::Timeout, "the request took too long")
            }
            Failed::Defect => Self::internal(&error),
        }
    }
}

impl From<redis::RedisError> for Problem {
    fn from(error: redis::RedisError) -> Self {
        match dependency::of_redis(&error) {
            Failed::Away => Self::unavailable(&error),
            _ => Self::internal(&error),
        }
    }
}

/// An error and its causes on one line, outermost first.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[tokio::test]
    async fn problem_answers_with_its_status_type_and_retry_after() {
        let response = Problem::new(Code::RateLimited, "slow down").retry_after(7).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body: ProblemBody = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((body.code, body.detail.as_str()), (Code::RateLimited, "slow down"));
    }

    #[test]
    fn lost_database_is_unavailable_and_a_missing_row_is_not_found() {
        assert_eq!(Problem::from(sqlx::Error::PoolTimedOut).code(), Code::Unavailable);
        assert_eq!(Problem::from(sqlx::Error::RowNotFound).code(), Code::NotFound);
    }

    #[test]
    fn lost_redis_is_unavailable_and_a_wrong_command_is_a_defect() {
        let lost = redis::RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert_eq!(Problem::from(lost).code(), Code::Unavailable);
        let wrong = redis::RedisError::from((redis::ErrorKind::UnexpectedReturnType, "not a list"));
        assert_eq!(Problem::from(wrong).code(), Code::Internal);
    }

    #[test]
    fn causes_never_reach_the_caller() {
        let error = sqlx::Error::Protocol("secret table layout".into());
        assert!(!Problem::from(error).detail().contains("secret"));
    }
}
