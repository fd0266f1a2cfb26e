//! Why a request was refused, before a protocol puts it into its own envelope.

use std::fmt;

use console_storage::{AppendError, metrics::AppendOutcome};
use http::StatusCode;
use tonic::Code;

use crate::{auth::AuthError, body::BodyError};

/// A refused request: nothing of it counts as written, and the sender is told what to do about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub kind: RefusalKind,
    /// Names the field, limit or item.
    pub message: String,
    /// Seconds, where the sender should come back.
    pub retry_after_s: Option<u32>,
    /// The value of the label `reason` in the metrics.
    pub reason: &'static str,
}

/// What the sender should make of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    Unauthenticated,
    /// The data is wrong; sending it again cannot help.
    Invalid,
    TooLarge,
    UnsupportedMediaType,
    MethodNotAllowed,
    TimedOut,
    /// A limit of the store is reached.
    LimitReached,
    /// Come back later.
    Busy,
    Internal,
}

impl Refusal {
    pub fn invalid(reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Invalid, message: message.into(), retry_after_s: None, reason }
    }

    /// A content type or encoding that is not spoken here; `message` names those that are.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self {
            kind: RefusalKind::UnsupportedMediaType,
            message: message.into(),
            retry_after_s: None,
            reason: "unsupported_media_type",
        }
    }

    /// Too many requests at once.
    pub fn overloaded() -> Self {
        Self {
            kind: RefusalKind::Busy,
            message: "too many requests at once (max_concurrent_requests), try again".to_owned(),
            retry_after_s: Some(1),
            reason: "overloaded",
        }
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Internal, message: message.into(), retry_after_s: None, reason: "internal" }
    }

    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, RefusalKind::Busy)
    }

    pub fn status(&self) -> StatusCode {
        match self.kind {
            RefusalKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            RefusalKind::Invalid => StatusCode::BAD_REQUEST,
            RefusalKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            RefusalKind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            RefusalKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            RefusalKind::TimedOut => StatusCode::REQUEST_TIMEOUT,
            RefusalKind::LimitReached => StatusCode::TOO_MANY_REQUESTS,
            RefusalKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            RefusalKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// As OTLP's specification maps them ("OTLP/gRPC response", retryable and not).
    pub fn code(&self) -> Code {
        match self.kind {
            RefusalKind::Unauthenticated => Code::Unauthenticated,
            RefusalKind::Invalid | RefusalKind::TooLarge => Code::InvalidArgument,
            RefusalKind::UnsupportedMediaType | RefusalKind::MethodNotAllowed => Code::Unimplemented,
            RefusalKind::TimedOut => Code::DeadlineExceeded,
            RefusalKind::LimitReached => Code::ResourceExhausted,
            RefusalKind::Busy => Code::Unavailable,
            RefusalKind::Internal => Code::Internal,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<AuthError> for Refusal {
    fn from(e: AuthError) -> Self {
        let message = e.to_string();
        Self { kind: RefusalKind::Unauthenticated, message, retry_after_s: None, reason: e.reason() }
    }
}

impl From<BodyError> for Refusal {
    fn from(e: BodyError) -> Self {
        let kind = match &e {
            BodyError::UnsupportedEncoding(_) => RefusalKind::UnsupportedMediaType,
            BodyError::TooLarge { .. } | BodyError::Bomb { .. } => RefusalKind::TooLarge,
            BodyError::Timeout { .. } => RefusalKind::TimedOut,
            BodyError::Corrupt { .. } | BodyError::Interrupted(_) => RefusalKind::Invalid,
        };
        Self { kind, message: e.to_string(), retry_after_s: None, reason: e.reason() }
    }
}

impl From<AppendError> for Refusal {
    fn from(e: AppendError) -> Self {
        let reason = append_reason(&e);
        match e {
            AppendError::Invalid(message) => Self::invalid(reason, message),
            AppendError::Limit(message) => {
                Self { kind: RefusalKind::LimitReached, message, retry_after_s: None, reason }
            }
            AppendError::Busy { reason: message, retry_after_s } => {
                Self { kind: RefusalKind::Busy, message, retry_after_s: Some(retry_after_s), reason }
            }
            AppendError::Storage(cause) => {
                tracing::error!(cause, "store refused a write");
                Self::internal("the store failed")
            }
        }
    }
}

/// The value of the label `reason` for a store's refusal.
pub fn append_reason(e: &AppendError) -> &'static str {
    match e {
        AppendError::Invalid(_) => "invalid",
        AppendError::Limit(_) => "limit",
        AppendError::Busy { .. } => "busy",
        AppendError::Storage(_) => "internal",
    }
}

/// What was refused of a request whose rest was stored (or would have been).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refused {
    pub count: u64,
    /// The first reason, in words.
    pub message: String,
    /// Items by the label `reason`.
    pub reasons: Vec<(&'static str, u64)>,
}

impl Refused {
    pub fn add(&mut self, count: u64, reason: &'static str, message: impl FnOnce() -> String) {
        if count == 0 {
            return;
        }
        if self.count == 0 {
            self.message = message();
        }
        self.count += count;
        match self.reasons.iter_mut().find(|(r, _)| *r == reason) {
            Some((_, n)) => *n += count,
            None => self.reasons.push((reason, count)),
        }
    }
}

/// What became of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub accepted: u64,
    pub refused: Refused,
}

impl Outcome {
    /// Joins what the mapping refused with the store's answer. A request of which nothing was stored is refused as a
    /// whole; so is one that a busy store took in part: stores keep an item once, so it can be sent again.
    pub fn settle(
        mut refused: Refused,
        stored: Result<(AppendOutcome, Option<AppendError>), AppendError>,
    ) -> Result<Self, Refusal> {
        let (outcome, error) = stored?;
        match error {
            Some(e @ (AppendError::Busy { .. } | AppendError::Storage(_))) => return Err(e.into()),
            Some(e) => {
                if outcome.accepted == 0 && refused.count == 0 && outcome.rejected > 0 {
                    return Err(e.into());
                }
                refused.add(outcome.rejected, append_reason(&e), || e.to_string());
            }
            None => refused.add(outcome.rejected, "invalid", || "refused by the store".to_owned()),
        }
        if outcome.accepted == 0
            && let Some((reason, _)) = refused.reasons.first()
        {
            return Err(Refusal::invalid(reason, refused.message));
        }
        Ok(Self { accepted: outcome.accepted, refused })
    }
}
