//! Prometheus' envelope: `{"status":"success","data":…}` or `{"status":"error","errorType":…,"error":…}`.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use console_storage::SourceError;
use serde_json::{Map, Value, json};

use crate::params::BadParams;

/// A success.
#[derive(Debug, Default)]
pub struct Success {
    pub data: Value,
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
}

/// An error with its type and status.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl ApiError {
    pub fn bad_data(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: "bad_data", message: message.into() }
    }
}

impl Success {
    pub fn new(data: Value) -> Self {
        Self { data, ..Self::default() }
    }
}

impl From<BadParams> for ApiError {
    fn from(e: BadParams) -> Self {
        Self::bad_data(e.0)
    }
}

impl From<SourceError> for ApiError {
    fn from(e: SourceError) -> Self {
        let (status, kind) = match &e {
            SourceError::Invalid { .. } | SourceError::Unsupported(_) => {
                (StatusCode::BAD_REQUEST, "bad_data")
            }
            SourceError::Execution(_) | SourceError::Limit(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "execution")
            }
            SourceError::Timeout => (StatusCode::SERVICE_UNAVAILABLE, "timeout"),
            SourceError::Canceled => {
                (StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST), "canceled")
            }
            SourceError::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            SourceError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            SourceError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        if status.is_server_error() {
            tracing::warn!(error = %e, "prometheus query failed");
        }
        Self { status, kind, message: e.to_string() }
    }
}

impl IntoResponse for Success {
    fn into_response(self) -> Response {
        let mut body = Map::new();
        body.insert("status".into(), "success".into());
        body.insert("data".into(), self.data);
        if !self.warnings.is_empty() {
            body.insert("warnings".into(), self.warnings.into());
        }
        if !self.infos.is_empty() {
            body.insert("infos".into(), self.infos.into());
        }
        axum::Json(Value::Object(body)).into_response()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"status": "error", "errorType": self.kind, "error": self.message});
        (self.status, axum::Json(body)).into_response()
    }
}

pub async fn not_found(uri: axum::http::Uri) -> ApiError {
    let message = format!("no such endpoint: {}", uri.path());
    ApiError { status: StatusCode::NOT_FOUND, kind: "not_found", message }
}

pub async fn method_not_allowed(method: axum::http::Method) -> ApiError {
    let message = format!("method {method} is not allowed here");
    ApiError { status: StatusCode::METHOD_NOT_ALLOWED, kind: "bad_data", message }
}
