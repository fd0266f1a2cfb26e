//! Jaeger's answers: data, or a list of errors.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use console_storage::SourceError;
use serde_json::{Value, json};

/// An error as Jaeger sends it.
#[derive(Debug)]
pub struct JaegerError {
    pub status: StatusCode,
    pub message: String,
}

impl JaegerError {
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }
}

impl From<SourceError> for JaegerError {
    fn from(e: SourceError) -> Self {
        let status = match &e {
            SourceError::Invalid { .. } | SourceError::Execution(_) => StatusCode::BAD_REQUEST,
            SourceError::Unsupported(_) => StatusCode::NOT_IMPLEMENTED,
            SourceError::Limit(_) => StatusCode::UNPROCESSABLE_ENTITY,
            SourceError::Timeout => StatusCode::GATEWAY_TIMEOUT,
            SourceError::Canceled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            SourceError::NotFound(_) => StatusCode::NOT_FOUND,
            SourceError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            SourceError::ReadAgain | SourceError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::warn!(error = %e, "jaeger query failed");
        }
        Self { status, message: e.to_string() }
    }
}

impl IntoResponse for JaegerError {
    fn into_response(self) -> Response {
        let errors = json!([{"code": self.status.as_u16(), "msg": self.message}]);
        let body = json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": errors});
        (self.status, Json(body)).into_response()
    }
}

/// `{"data":[…],"total":…,"limit":0,"offset":0,"errors":null}`
pub fn answer(data: Vec<Value>) -> Json<Value> {
    let total = data.len();
    Json(json!({"data": data, "total": total, "limit": 0, "offset": 0, "errors": null}))
}
