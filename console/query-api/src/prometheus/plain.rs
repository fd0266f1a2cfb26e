//! Refusals of the endpoints that are no JSON: a status and a line of text.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use console_promql::ParseError;
use console_storage::SourceError;

use crate::params::BadParams;

#[derive(Debug)]
pub struct Refused(StatusCode, String);

impl Refused {
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }
}

impl From<BadParams> for Refused {
    fn from(e: BadParams) -> Self {
        Self::bad_request(e.0)
    }
}

impl From<ParseError> for Refused {
    fn from(e: ParseError) -> Self {
        Self::bad_request(e.to_string())
    }
}

impl From<SourceError> for Refused {
    fn from(e: SourceError) -> Self {
        let status = match &e {
            SourceError::Invalid { .. }
            | SourceError::Unsupported(_)
            | SourceError::Limit(_)
            | SourceError::Execution(_) => StatusCode::BAD_REQUEST,
            SourceError::Timeout | SourceError::Canceled | SourceError::Unavailable { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            SourceError::NotFound(_) => StatusCode::NOT_FOUND,
            SourceError::ReadAgain | SourceError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::warn!(error = %e, "samples cannot be read");
        }
        Self(status, e.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, format!("{}\n", self.1)).into_response()
    }
}
