//! Pages that say why there is none, for staff: in the back office's frame, with the way back into it.

use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::Response;
use maud::html;
use shop_instrumentation::telemetry::current_trace_id;

use super::member::{Found, Staff};
use super::{PageError, frame};

/// Any address under `/staff` that leads nowhere. Asks who it is, so that the page has the menu.
pub(super) async fn no_such_page(_: Result<Staff, Response>) -> PageError {
    PageError::NotFound
}

/// The same answer with a page of the back office in place of the shop's: with the menu, for who is logged in.
pub(super) async fn in_the_back_office(mut request: Request, next: Next) -> Response {
    let found = Found::default();
    request.extensions_mut().insert(found.clone());
    let response = next.run(request).await;
    let Some(error) = response.extensions().get::<PageError>() else { return response };
    let (title, text) = error.words(response.status());
    // What shoppers are told of things that are gone is about the range.
    let text = match error.status().as_u16() {
        404 => {
            "The page you asked for is not here. What it showed may be gone, or the address has a typing error."
        }
        _ => text,
    };
    let body = html! {
        p.lost-code { (response.status().as_u16()) }
        h1 { (title) }
        p.lead { (text) }
        @if let PageError::BadAddress(detail) = error { p.hint { "What is wrong: " (detail) "." } }
        p.actions { a.button href="/staff" { "To the overview" } }
        @if let Some(trace) = current_trace_id() { p.trace { "If you report it, name this: " code { (trace) } } }
    };
    let page = match found.staff() {
        Some(staff) => frame::outside(staff, title, body),
        None => frame::bare(title, body),
    };
    let (mut parts, _) = response.into_parts();
    // The other page's.
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, page.into_body())
}
