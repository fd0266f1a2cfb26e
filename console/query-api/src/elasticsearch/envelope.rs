//! Elasticsearch's answers: the product header on each, errors in its envelope.

use axum::{
    Json,
    http::{HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use console_storage::SourceError;
use serde_json::{Value, json};

/// An error as Elasticsearch sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EsError {
    pub status: StatusCode,
    pub kind: &'static str,
    pub reason: String,
}

impl EsError {
    /// A query that is wrong, or that has no translation.
    pub fn parsing(reason: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: "parsing_exception", reason: reason.into() }
    }

    /// A parameter that is wrong.
    pub fn argument(reason: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: "illegal_argument_exception", reason: reason.into() }
    }

    /// The body of an answer; of one answer among others in a multi search.
    pub fn body(&self) -> Value {
        let cause = json!({"type": self.kind, "reason": self.reason});
        json!({
            "error": {"root_cause": [cause], "type": self.kind, "reason": self.reason},
            "status": self.status.as_u16(),
        })
    }
}

impl From<SourceError> for EsError {
    fn from(e: SourceError) -> Self {
        let (status, kind) = match &e {
            SourceError::Invalid { .. } | SourceError::Unsupported(_) => {
                (StatusCode::BAD_REQUEST, "parsing_exception")
            }
            SourceError::Execution(_) => (StatusCode::BAD_REQUEST, "search_phase_execution_exception"),
            SourceError::Limit(_) => (StatusCode::BAD_REQUEST, "illegal_argument_exception"),
            SourceError::NotFound(_) => (StatusCode::NOT_FOUND, "resource_not_found_exception"),
            SourceError::Timeout => (StatusCode::GATEWAY_TIMEOUT, "timeout_exception"),
            SourceError::Canceled => (StatusCode::BAD_REQUEST, "task_cancelled_exception"),
            SourceError::Unavailable { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "no_shard_available_action_exception")
            }
            SourceError::ReadAgain | SourceError::Internal(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "exception")
            }
        };
        if status.is_server_error() {
            tracing::warn!(error = %e, "elasticsearch query failed");
        }
        Self { status, kind, reason: e.to_string() }
    }
}

impl IntoResponse for EsError {
    fn into_response(self) -> Response {
        with_product((self.status, Json(self.body())).into_response())
    }
}

/// A good answer.
pub fn ok(body: Value) -> Response {
    with_product(Json(body).into_response())
}

/// Clients refuse to speak to what does not send this header.
pub fn with_product(mut response: Response) -> Response {
    response.headers_mut().insert("x-elastic-product", HeaderValue::from_static("Elasticsearch"));
    response
}

/// One shard, always: there are none.
pub fn shards() -> Value {
    json!({"total": 1, "successful": 1, "skipped": 0, "failed": 0})
}
