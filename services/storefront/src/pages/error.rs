//! When a page cannot be shown: what happened, what to do, and the trace to name when asking for help.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use maud::html;
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;
use shop_instrumentation::telemetry::current_trace_id;

use crate::store::StoreError;
use crate::view::Frame;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// No such page.
    #[error("no such page")]
    NotFound,
    /// The form does not carry this visitor's token.
    #[error("the form is not ours")]
    ForeignForm,
    /// The form cannot be read.
    #[error("the form cannot be read: {0}")]
    BadForm(String),
    /// A peer failed.
    #[error(transparent)]
    Peer(#[from] CallError),
    /// Carts and sessions are not to be had.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Any address that leads nowhere.
pub(super) async fn not_found(uri: Uri) -> PageError {
    tracing::debug!(path = uri.path(), "no such page");
    PageError::NotFound
}

impl PageError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::ForeignForm => StatusCode::FORBIDDEN,
            Self::BadForm(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Peer(cause) => match cause.code() {
                Code::NotFound => StatusCode::NOT_FOUND,
                Code::Unavailable | Code::Timeout | Code::RateLimited => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    fn words(&self, status: StatusCode) -> (&'static str, &'static str) {
        match (self, status) {
            (_, StatusCode::NOT_FOUND) => (
                "Nothing on this bearing",
                "The page you asked for is not here. It may have been sold out of the range, or the link has a typing error.",
            ),
            (Self::ForeignForm, _) => (
                "That form has gone stale",
                "For your safety we only take forms from a page that we showed you. Go back, load the page again and send it once more; the shop needs cookies for this.",
            ),
            (Self::BadForm(_), _) => {
                ("We could not read that", "The form arrived damaged. Go back and send it once more.")
            }
            (Self::Store(_), _) => (
                "Your cart is safe, but out of reach",
                "Carts and log-ins are temporarily unavailable. You can go on looking around; please try again in a minute.",
            ),
            (_, StatusCode::SERVICE_UNAVAILABLE) => (
                "Heavy weather just now",
                "A part of the shop is not answering. We have been told and are on it. Please try again in a moment.",
            ),
            _ => (
                "That was our fault",
                "Something broke on our side while making this page. Nothing was ordered and nothing was charged by it.",
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
                p.actions {
                    a.button href="/" { "To the front of the shop" }
                    a.button.quiet href="/search?q=" { "Search" }
                }
                @if let Some(trace) = current_trace_id() {
                    p.trace { "If you write to us, name this: " code { (trace) } }
                }
            }
        };
        let page = Frame::Stranger.page(title, "", &[], None, body);
        let mut response = (status, page).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
