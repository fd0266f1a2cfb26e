//! How an attempt can go wrong, and what that says: about the endpoint, about the call, about trying again.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;

use super::breaker::Outcome;
use super::call::{Answer, CallError};

/// How an attempt went wrong.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing was sent: the call had no effect, and any other endpoint may be tried.
    NotSent(reqwest::Error),
    /// No answer in time; it may have had an effect.
    Timeout {
        /// Whether the endpoint had the time that it is usually given.
        in_full: bool,
    },
    /// The connection broke after sending; it may have had an effect.
    Broken(reqwest::Error),
    /// An answer that says "not now": 502, 503 or 504.
    NotNow(Answer),
}

impl Failure {
    /// Whether the call surely did not reach a handler.
    pub(super) fn was_not_sent(&self) -> bool {
        matches!(self, Self::NotSent(_))
    }

    /// What it says about the endpoint.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::NotSent(_) => Outcome::Unreachable,
            Self::Timeout { in_full: false } => Outcome::Unknown,
            Self::NotNow(answer) if answer.is_in_progress() => Outcome::Answered,
            _ => Outcome::Failed,
        }
    }

    /// As it stands in metrics and on spans, where no status does.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::NotSent(_) => "connect",
            Self::Timeout { .. } => "timeout",
            Self::Broken(_) => "broken",
            Self::NotNow(_) => "",
        }
    }

    /// How long the endpoint asked to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let Self::NotNow(answer) = self else { return None };
        let seconds = answer.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    pub(super) fn into_error(self, peer: &'static str) -> CallError {
        match self {
            Self::NotSent(error) | Self::Broken(error) => {
                CallError::Unavailable { peer, detail: crate::problem::chain(&error) }
            }
            Self::Timeout { .. } => CallError::Timeout { peer },
            Self::NotNow(answer) => answer.into_problem(peer),
        }
    }
}
