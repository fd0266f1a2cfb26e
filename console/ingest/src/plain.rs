//! Answers of the protocols that speak plain text: Loki push and remote write.

use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};

use crate::refusal::{Outcome, Refusal, RefusalKind};

/// `204` when everything was stored; otherwise why not, with the status that `status` gives a refusal. What was refused
/// in part is a `400`: sending it again cannot help.
pub fn answer(result: Result<Outcome, Refusal>, status: impl FnOnce(&Refusal) -> StatusCode) -> Response {
    match result {
        Ok(outcome) if outcome.refused.count == 0 => StatusCode::NO_CONTENT.into_response(),
        Ok(outcome) => (StatusCode::BAD_REQUEST, format!("{}\n", outcome.refused.message)).into_response(),
        Err(refusal) => refused(&refusal, status(&refusal)),
    }
}

fn refused(refusal: &Refusal, status: StatusCode) -> Response {
    let mut response = (status, format!("{}\n", refusal.message)).into_response();
    if let Some(seconds) = refusal.retry_after_s {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    if refusal.kind == RefusalKind::Unauthenticated {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
