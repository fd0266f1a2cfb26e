//! Problem details (RFC 9457) as every shop API sends them, and the one short list of error codes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, from the caller's point of view. Mapped to a status once, in [`Code::status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The thing named by the request does not exist.
    NotFound,
    /// The request contradicts the present state (already exists, already settled).
    Conflict,
    /// The idempotency key belongs to another request; `existing` holds what came of that one.
    KeyReused,
    /// This version of the cart is an order already; `existing` holds it.
    AlreadyOrdered,
    /// There are orders of this cart that the request does not know of; `existing` holds them.
    CartOrdered,
    /// The total that the shopper agreed to is not what the order would cost.
    TotalChanged,
    /// The voucher cannot be used; `errors` says why.
    VoucherRefused,
    /// The password that was chosen is one that is guessed first; `errors` names its field.
    PasswordGuessable,
    /// The request itself is wrong; sending it again will not help.
    Invalid,
    /// No or wrong credentials of the person on whose behalf the call is made.
    Unauthenticated,
    /// The calling service itself has no token that is taken: that says nothing about anybody's credentials.
    CallerUnauthenticated,
    /// Known caller, not allowed.
    Forbidden,
    /// Too many requests; `Retry-After` says when to come back.
    RateLimited,
    /// What the request asks for is still being worked on; asked again later, there is an answer.
    InProgress,
    /// A dependency is missing; may be repeated later.
    Unavailable,
    /// The deadline passed before an answer was there.
    Timeout,
    /// A defect of ours.
    Internal,
}

impl Code {
    /// HTTP status of this code.
    pub const fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Conflict
            | Self::KeyReused
            | Self::AlreadyOrdered
            | Self::CartOrdered
            | Self::TotalChanged
            | Self::VoucherRefused => 409,
            Self::PasswordGuessable | Self::Invalid => 422,
            Self::Unauthenticated | Self::CallerUnauthenticated => 401,
            Self::Forbidden => 403,
            Self::RateLimited => 429,
            Self::InProgress | Self::Unavailable => 503,
            Self::Timeout => 504,
            Self::Internal => 500,
        }
    }

    /// The code as it stands in JSON, metrics and `error.type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::KeyReused => "key_reused",
            Self::AlreadyOrdered => "already_ordered",
            Self::CartOrdered => "cart_ordered",
            Self::TotalChanged => "total_changed",
            Self::VoucherRefused => "voucher_refused",
            Self::PasswordGuessable => "password_guessable",
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::CallerUnauthenticated => "caller_unauthenticated",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::InProgress => "in_progress",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }

    /// Short title for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::NotFound => "Not found",
            Self::Conflict => "Conflict",
            Self::KeyReused => "Idempotency key used for another request",
            Self::AlreadyOrdered => "Cart already ordered",
            Self::CartOrdered => "Cart partly ordered",
            Self::TotalChanged => "Total changed",
            Self::VoucherRefused => "Voucher refused",
            Self::PasswordGuessable => "Password guessed first",
            Self::Invalid => "Invalid request",
            Self::Unauthenticated => "Authentication required",
            Self::CallerUnauthenticated => "Calling service not authenticated",
            Self::Forbidden => "Forbidden",
            Self::RateLimited => "Too many requests",
            Self::InProgress => "Still in progress",
            Self::Unavailable => "Temporarily unavailable",
            Self::Timeout => "Timed out",
            Self::Internal => "Internal error",
        }
    }

    /// The nearest code of a status that came without a problem body.
    pub const fn from_status(status: u16) -> Self {
        match status {
            // A handler that judged somebody's credentials says so in a body.
            401 => Self::CallerUnauthenticated,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            409 => Self::Conflict,
            429 => Self::RateLimited,
            502 | 503 => Self::Unavailable,
            408 | 504 => Self::Timeout,
            400..=499 => Self::Invalid,
            _ => Self::Internal,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is none of the codes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown problem code '{0}'")]
pub struct UnknownCode(pub String);

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_value(serde_json::Value::from(text)).map_err(|_| UnknownCode(text.to_owned()))
    }
}

/// Body of an `application/problem+json` answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// A URI naming the kind of problem; `about:blank` unless there is more to read.
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    /// Short title for people.
    #[serde(default)]
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// What is wrong with this request, for people.
    #[serde(default)]
    pub detail: String,
    /// What went wrong, for programs.
    pub code: Code,
    /// The trace in which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Single fields of the request that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// What exists already, in the shape in which the route answers it (`key_reused`, `already_ordered`,
    /// `cart_ordered`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<serde_json::Value>,
}

/// One field of a request that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// Name of the field.
    pub field: String,
    /// What is wrong with it, for people.
    pub detail: String,
}

fn about_blank() -> String {
    "about:blank".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_json_and_text() {
        for code in [
            Code::NotFound,
            Code::Conflict,
            Code::KeyReused,
            Code::AlreadyOrdered,
            Code::CartOrdered,
            Code::TotalChanged,
            Code::VoucherRefused,
            Code::PasswordGuessable,
            Code::Invalid,
            Code::Unauthenticated,
            Code::CallerUnauthenticated,
            Code::Forbidden,
            Code::RateLimited,
            Code::InProgress,
            Code::Unavailable,
            Code::Timeout,
            Code::Internal,
        ] {
            assert_eq!(code.as_str().parse::<Code>().unwrap(), code);
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert_eq!(Code::from_status(code.status()).status(), code.status());
        }
    }

    #[test]
    fn problem_of_another_server_is_read_with_defaults() {
        let body: ProblemBody = serde_json::from_str(r#"{"status":404,"code":"not_found"}"#).unwrap();
        assert_eq!(body.kind, "about:blank");
        assert!(body.errors.is_empty());
    }
}
