//! Prometheus' envelope: `{"status":"success","data":…}` or `{"status":"error","errorType":…,"error":…}`.

use axum::{
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use console_storage::SourceError;
use serde::Serialize;

use crate::{json, params::BadParams};

/// A success. Its data is written already.
#[derive(Debug)]
pub struct Success {
    body: Vec<u8>,
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

impl Success {
    /// With what `write` writes as data.
    pub fn with(write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut body = b"{\"status\":\"success\",\"data\":".to_vec();
        write(&mut body);
        Self { body, warnings: Vec::new(), infos: Vec::new() }
    }

    pub fn new(data: &(impl Serialize + ?Sized)) -> Self {
        Self::with(|out| json::value(out, data))
    }

    /// With the warning that something was left out.
    pub fn cut(mut self, is_cut: bool) -> Self {
        if is_cut {
            self.warnings.push("results truncated due to limit".to_owned());
        }
        self
    }
}

impl ApiError {
    pub fn bad_data(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: "bad_data", message: message.into() }
    }

    /// What is wrong with a parameter.
    pub fn parameter(name: &str, reason: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {reason}"))
    }

    /// What this server does not do; a backend that does not answer is another matter.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, kind: "unavailable", message: message.into() }
    }

    pub fn timeout() -> Self {
        SourceError::Timeout.into()
    }

    /// What a source said, where a wrong expression is the parameter's fault.
    pub fn of(name: &str, error: SourceError) -> Self {
        match error {
            SourceError::Invalid { message, .. } | SourceError::Unsupported(message)
                // A remote Prometheus has said it already.
                if !message.starts_with("invalid parameter") =>
            {
                Self::parameter(name, message)
            }
            other => other.into(),
        }
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
            SourceError::ReadAgain | SourceError::Internal(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
        };
        if status.is_server_error() {
            tracing::warn!(error = %e, "prometheus query failed");
        }
        let message = match &e {
            SourceError::Timeout | SourceError::Canceled => format!("{e} in expression evaluation"),
            _ => e.to_string(),
        };
        Self { status, kind, message }
    }
}

fn reply(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

impl IntoResponse for Success {
    fn into_response(self) -> Response {
        let mut body = self.body;
        for (name, notes) in [("warnings", &self.warnings), ("infos", &self.infos)] {
            if notes.is_empty() {
                continue;
            }
            body.push(b',');
            json::text(&mut body, name);
            body.push(b':');
            json::list(&mut body, notes, |out, note| json::text(out, note));
        }
        body.push(b'}');
        reply(StatusCode::OK, body)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = b"{\"status\":\"error\",\"errorType\":".to_vec();
        json::text(&mut body, self.kind);
        body.extend_from_slice(b",\"error\":");
        json::text(&mut body, &self.message);
        body.push(b'}');
        reply(self.status, body)
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
