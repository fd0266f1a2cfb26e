//! A call to another service, its answer, and how it can fail.

use bytes::{Bytes, BytesMut};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use serde::Serialize;
use shop_contracts::problem::{FieldProblem, ProblemBody};

use crate::problem::{Code, Problem};

/// One call, relative to the service's base URL.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    repeatable: bool,
}

/// A successful answer as it came.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The service answered with a problem.
    #[error("{peer} answered {status} {code}: {detail}")]
    Problem {
        /// The service.
        peer: &'static str,
        /// HTTP status.
        status: u16,
        /// What went wrong.
        code: Code,
        /// For people.
        detail: String,
        /// Single wrong fields.
        errors: Vec<FieldProblem>,
        /// What exists already (`key_reused`, `already_ordered`, `cart_ordered`).
        existing: Option<Box<serde_json::Value>>,
        /// When to come back.
        retry_after_seconds: Option<u64>,
    },
    /// No answer in time. The call may have had an effect.
    #[error("{peer} did not answer in time")]
    Timeout {
        /// The service.
        peer: &'static str,
    },
    /// No instance could be reached, or the connection broke.
    #[error("{peer} is unavailable: {detail}")]
    Unavailable {
        /// The service.
        peer: &'static str,
        /// Why, for the log.
        detail: String,
    },
    /// The answer is not what the contract says.
    #[error("{peer} answered something unexpected: {detail}")]
    Decode {
        /// The service.
        peer: &'static str,
        /// Why, for the log.
        detail: String,
    },
}

impl Call {
    /// A GET; safe to repeat.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, Bytes::new(), true)
    }

    /// A DELETE; safe to repeat.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path, Bytes::new(), true)
    }

    /// A POST with a JSON body; repeated only with an idempotency key.
    pub fn post<B: Serialize + ?Sized>(path: impl Into<String>, body: &B) -> Self {
        // Contract types always serialise; an empty body would be refused by the callee.
        let body = serde_json::to_vec(body).unwrap_or_default();
        let mut call = Self::new(Method::POST, path, body.into(), false);
        call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        call
    }

    /// A PUT with a JSON body; safe to repeat.
    pub fn put<B: Serialize + ?Sized>(path: impl Into<String>, body: &B) -> Self {
        let mut call = Self::post(path, body);
        call.method = Method::PUT;
        call.repeatable = true;
        call
    }

    /// A POST without a body; repeated only with an idempotency key.
    pub fn post_empty(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path, Bytes::new(), false)
    }

    /// Makes the call safe to repeat: the callee does the work once for each key.
    pub fn idempotency_key(mut self, key: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(key.as_ref()) {
            self.headers.insert("idempotency-key", value);
            self.repeatable = true;
        }
        self
    }

    /// Declares that the callee does this work once however often it is asked (confirm, release, capture).
    pub fn idempotent(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Declares that a repeat could not tell its own earlier effect from somebody else's: sent again only where nothing was
    /// sent.
    pub fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    fn new(method: Method, path: impl Into<String>, body: Bytes, repeatable: bool) -> Self {
        Self { method, path: path.into(), headers: HeaderMap::new(), body, repeatable }
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// As telemetry may show it: a query may hold a shopper's words, and a session's path its token.
    pub(super) fn shown_path(&self) -> &str {
        crate::path::without_secrets(&self.path)
    }

    pub(super) fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    pub(super) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// Whether it changes nothing.
    pub(super) fn is_read(&self) -> bool {
        self.method == Method::GET
    }

    pub(super) fn is_repeatable(&self) -> bool {
        self.repeatable
    }
}

impl Answer {
    /// Reads an answer up to `limit` bytes; what is longer is cut and will not decode.
    pub(super) async fn read(mut response: reqwest::Response, limit: usize) -> Result<Self, reqwest::Error> {
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > limit {
                tracing::warn!(limit, "answer is too long");
                break;
            }
        }
        Ok(Self { status, headers, body: body.freeze() })
    }

    /// Whether the callee refused before any handler looked at it: for its caller or for want of room. That says nothing
    /// about what an earlier attempt did. A handler's 401 is about a person's credentials, and has a code of its own.
    pub(super) fn is_from_the_door(&self) -> bool {
        match self.status {
            401 => self.code() != Some(Code::Unauthenticated),
            status => matches!(status, 403 | 429),
        }
    }

    /// Whether it says that the endpoint is well, and only this one thing is still being worked on.
    pub(super) fn is_in_progress(&self) -> bool {
        self.code() == Some(Code::InProgress)
    }

    /// The code of a problem document; none of anything else.
    fn code(&self) -> Option<Code> {
        serde_json::from_slice::<ProblemBody>(&self.body).ok().map(|body| body.code)
    }

    pub(super) fn into_result(self, peer: &'static str) -> Result<Self, CallError> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(self.into_problem(peer)) }
    }

    pub(super) fn into_problem(self, peer: &'static str) -> CallError {
        let retry_after = self.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = serde_json::from_slice::<ProblemBody>(&self.body).ok();
        let code = body.as_ref().map_or(Code::from_status(self.status), |body| body.code);
        let (detail, errors, existing) =
            body.map(|body| (body.detail, body.errors, body.existing)).unwrap_or_default();
        CallError::Problem {
            peer,
            status: self.status,
            code,
            detail,
            errors,
            existing: existing.map(Box::new),
            retry_after_seconds: retry_after,
        }
    }
}

impl CallError {
    /// The code that describes this failure.
    pub fn code(&self) -> Code {
        match self {
            Self::Problem { code, .. } => *code,
            Self::Timeout { .. } => Code::Timeout,
            Self::Unavailable { .. } => Code::Unavailable,
            Self::Decode { .. } => Code::Internal,
        }
    }

    /// What exists already, when the callee refused because of it and said what it is.
    pub fn existing<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        let Self::Problem { existing: Some(existing), .. } = self else { return None };
        serde_json::from_value((**existing).clone()).ok()
    }

    /// Whether the call surely had no effect because the callee refused it knowingly (a 4xx).
    pub fn is_rejection(&self) -> bool {
        matches!(self, Self::Problem { status: 400..=499, .. })
    }
}

/// What a caller's caller sees: client errors pass through, the rest is "unavailable" without details.
impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Problem { status: 400..=499, code, detail, errors, retry_after_seconds, .. } => {
                let problem = errors
                    .into_iter()
                    .fold(Self::new(code, detail), |problem, wrong| problem.field(wrong.field, wrong.detail));
                match retry_after_seconds {
                    Some(seconds) => problem.retry_after(seconds),
                    None => problem,
                }
            }
            CallError::Timeout { .. } => {
                tracing::error!(%error, "call timed out");
                Self::new(Code::Timeout, "a dependency did not answer in time")
            }
            error => Self::unavailable(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_calls_are_repeatable() {
        assert!(Call::get("/a").is_repeatable());
        assert!(!Call::post("/a", &1).is_repeatable());
        assert!(Call::post("/a", &1).idempotency_key("k").is_repeatable());
    }
}
