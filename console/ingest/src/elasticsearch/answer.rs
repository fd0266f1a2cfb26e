//! Elasticsearch's answers: the product header on each, errors in its envelope.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde_json::{Value, json};

use crate::refusal::{Refusal, RefusalKind};

/// Clients refuse to speak to what does not send this header.
const PRODUCT: &str = "x-elastic-product";

/// Any answer, with the header that clients look for.
pub fn of(status: StatusCode, body: Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(PRODUCT, HeaderValue::from_static("Elasticsearch"));
    response
}

/// `{"error": {"root_cause": […], "type": …, "reason": …}, "status": …}`.
pub fn error(status: StatusCode, kind: &str, reason: &str) -> Response {
    let cause = json!({"type": kind, "reason": reason});
    let body = json!({
        "error": {"root_cause": [cause], "type": kind, "reason": reason},
        "status": status.as_u16(),
    });
    of(status, body)
}

/// A request that was refused whole.
pub fn refused(refusal: &Refusal) -> Response {
    // A full store and one that is busy are the same to Elasticsearch's clients: come back.
    let status = if refusal.is_retryable() { StatusCode::TOO_MANY_REQUESTS } else { refusal.status() };
    let mut response = error(status, kind(refusal.kind), &refusal.message);
    if let Some(seconds) = refusal.retry_after_s {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    if refusal.kind == RefusalKind::Unauthenticated {
        for scheme in ["Basic realm=\"security\", charset=\"UTF-8\"", "Bearer realm=\"security\"", "ApiKey"] {
            response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
    }
    response
}

/// Elasticsearch's name for it.
pub fn kind(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::Unauthenticated => "security_exception",
        RefusalKind::Invalid => "illegal_argument_exception",
        RefusalKind::TooLarge => "content_too_long_exception",
        RefusalKind::UnsupportedMediaType => "media_type_header_exception",
        RefusalKind::MethodNotAllowed => "method_not_allowed_exception",
        RefusalKind::TimedOut => "timeout_exception",
        RefusalKind::LimitReached | RefusalKind::Busy => "es_rejected_execution_exception",
        RefusalKind::Internal => "exception",
    }
}
