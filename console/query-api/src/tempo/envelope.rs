//! Tempo answers JSON, and errors as plain text.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use console_storage::SourceError;

/// An error as Tempo sends it.
#[derive(Debug)]
pub struct TempoError {
    pub status: StatusCode,
    pub message: String,
}

impl TempoError {
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }
}

impl From<SourceError> for TempoError {
    fn from(e: SourceError) -> Self {
        let status = match &e {
            SourceError::Invalid { .. } | SourceError::Unsupported(_) | SourceError::Execution(_) => {
                StatusCode::BAD_REQUEST
            }
            SourceError::Limit(_) => StatusCode::UNPROCESSABLE_ENTITY,
            SourceError::Timeout => StatusCode::GATEWAY_TIMEOUT,
            SourceError::Canceled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            SourceError::NotFound(_) => StatusCode::NOT_FOUND,
            SourceError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            SourceError::ReadAgain | SourceError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::warn!(error = %e, "tempo query failed");
        }
        Self { status, message: e.to_string() }
    }
}

impl IntoResponse for TempoError {
    fn into_response(self) -> Response {
        (self.status, format!("{}\n", self.message)).into_response()
    }
}
