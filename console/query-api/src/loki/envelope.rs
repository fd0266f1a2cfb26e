//! Loki answers JSON, and errors as plain text.

use axum::{
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use console_storage::SourceError;

use crate::params::BadParams;

/// An error as Loki sends it.
#[derive(Debug)]
pub struct LokiError {
    pub status: StatusCode,
    pub message: String,
}

impl LokiError {
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }
}

impl From<BadParams> for LokiError {
    fn from(e: BadParams) -> Self {
        Self::bad_request(e.0)
    }
}

impl From<SourceError> for LokiError {
    fn from(e: SourceError) -> Self {
        let status = match &e {
            SourceError::Invalid { .. }
            | SourceError::Unsupported(_)
            | SourceError::Execution(_)
            | SourceError::Limit(_) => StatusCode::BAD_REQUEST,
            SourceError::Timeout => StatusCode::GATEWAY_TIMEOUT,
            SourceError::Canceled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            SourceError::NotFound(_) => StatusCode::NOT_FOUND,
            SourceError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            SourceError::ReadAgain | SourceError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::warn!(error = %e, "loki query failed");
        }
        Self { status, message: e.to_string() }
    }
}

impl IntoResponse for LokiError {
    fn into_response(self) -> Response {
        (self.status, format!("{}\n", self.message)).into_response()
    }
}

/// `{"status":"success","data":…}` with what `write` writes as data.
pub fn success(write: impl FnOnce(&mut Vec<u8>)) -> Response {
    let mut body = b"{\"status\":\"success\",\"data\":".to_vec();
    write(&mut body);
    body.push(b'}');
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// An answer without an envelope, as some of Loki's are.
pub fn json(value: &serde_json::Value) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], value.to_string()).into_response()
}

pub async fn not_found(uri: axum::http::Uri) -> LokiError {
    LokiError { status: StatusCode::NOT_FOUND, message: format!("no such endpoint: {}", uri.path()) }
}
