//! When a page cannot be shown: what happened, what to do, and the trace to name when asking for help.

use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use maud::html;
use shop_contracts::premises::CONTACT;
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;
use shop_instrumentation::telemetry::current_trace_id;

use crate::view::Frame;

/// Why there is no page.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PageError {
    /// No such page.
    #[error("no such page")]
    NotFound,
    /// The form does not carry this visitor's token.
    #[error("the form is not ours")]
    ForeignForm,
    /// The staff member's role does not allow it.
    #[error("the role does not allow it")]
    NotAllowed,
    /// The address cannot be read.
    #[error("the address cannot be read: {0}")]
    BadAddress(String),
    /// The form cannot be read.
    #[error("the form cannot be read: {0}")]
    BadForm(String),
    /// Too many tries; how many seconds to wait.
    #[error("too many tries")]
    TooMany(u64),
    /// A peer failed.
    #[error(transparent)]
    Peer(#[from] CallError),
}

/// Any address that leads nowhere.
pub(super) async fn not_found(uri: Uri) -> PageError {
    tracing::debug!(path = uri.path(), "no such page");
    PageError::NotFound
}

impl PageError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::ForeignForm | Self::NotAllowed => StatusCode::FORBIDDEN,
            Self::BadForm(_) | Self::BadAddress(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Peer(cause) => match cause.code() {
                Code::NotFound => StatusCode::NOT_FOUND,
                Code::PasswordGuessable | Code::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
                Code::Conflict
                | Code::KeyReused
                | Code::AlreadyOrdered
                | Code::CartOrdered
                | Code::TotalChanged
                | Code::VoucherRefused => StatusCode::CONFLICT,
                Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
                Code::InProgress | Code::Unavailable | Code::Timeout | Code::CallerUnauthenticated => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                // That a peer does not know us is no fault of the shopper's.
                Code::Unauthenticated | Code::Forbidden | Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    /// A title, and what to do.
    pub(super) fn words(&self, status: StatusCode) -> (&'static str, &'static str) {
        match (self, status) {
            (_, StatusCode::NOT_FOUND) => (
                "Nothing on this bearing",
                "The page you asked for is not here. It may have been sold out of the range, or the link has a typing error.",
            ),
            (Self::ForeignForm, _) => (
                "That form has gone stale",
                "For your safety we only take forms from a page that we showed you. Go back, load the page again and send it once more; the shop needs cookies for this.",
            ),
            (Self::NotAllowed, _) => (
                "Not with your role",
                "Your role in the back office does not allow this. Ask a manager to do it, or for another role.",
            ),
            (Self::BadForm(_), _) => {
                ("We could not read that", "The form arrived damaged. Go back and send it once more.")
            }
            (Self::BadAddress(_), _) | (_, StatusCode::UNPROCESSABLE_ENTITY) => (
                "We could not read that",
                "The address holds something that is no text, or too much of it. Please type it once more.",
            ),
            (_, StatusCode::TOO_MANY_REQUESTS) => (
                "One at a time, please",
                "That was tried very often in a short time. Please wait a minute and try again.",
            ),
            (_, StatusCode::CONFLICT) => (
                "Something has changed meanwhile",
                "What you asked for does not fit any more. Go back, load the page again and look at it once more.",
            ),
            (_, StatusCode::SERVICE_UNAVAILABLE) => (
                "Heavy weather just now",
                "A part of the shop is not answering. We have been told and are on it. Please try again in a moment.",
            ),
            _ => (
                "That was our fault",
                "Something broke on our side while making this page. We have been told and are on it.",
            ),
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(error = %self, "page cannot be shown");
        }
        let (title, text) = self.words(status);
        let body = html! {
            div.wrap.narrow.lost {
                p.lost-code { (status.as_u16()) }
                h1 { (title) }
                p.lead { (text) }
                @if let Self::BadAddress(detail) = &self { p.hint { "What is wrong: " (detail) "." } }
                p.actions {
                    a.button href="/" { "To the front of the shop" }
                    a.button.quiet href="/search?q=" { "Search" }
                }
                @if let Some(trace) = current_trace_id() {
                    p.trace { "If you write to us (" a href={ "mailto:" (CONTACT) } { (CONTACT) } "), name this: " code { (trace) } }
                }
            }
        };
        let page = Frame::Stranger.page(title, "", &[], None, body);
        let mut response = (status, page).into_response();
        let wait = match (&self, status) {
            (Self::TooMany(seconds), _) => Some(*seconds),
            (_, StatusCode::SERVICE_UNAVAILABLE) => Some(5),
            _ => None,
        };
        if let Some(seconds) = wait {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // For whoever shows it in another frame.
        response.extensions_mut().insert(self);
        response
    }
}
