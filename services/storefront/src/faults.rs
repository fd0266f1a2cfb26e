//! Faults of the storefront: pages that fail or take longer, whichever page it is. Files are left alone.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use shop_instrumentation::client::CallError;
use shop_instrumentation::faults::{FaultSpec, Faults};

use crate::pages::PageError;

/// Pages answer 503 while it is on.
pub const ERRORS: &str = "storefront.errors";
/// Pages take longer while it is on.
pub const LATENCY: &str = "storefront.latency";

/// What can be switched on here.
pub const FAULTS: &[FaultSpec] = &[
    FaultSpec { name: ERRORS, description: "pages answer that a part of the shop does not answer (503)" },
    FaultSpec { name: LATENCY, description: "pages take a second longer" },
];

/// Lets a page fail or wait if it is to be hit.
pub async fn inject(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/assets/") {
        return next.run(request).await;
    }
    faults.delay(LATENCY).await;
    if faults.is_active(ERRORS) {
        let detail = "an injected fault".to_owned();
        return PageError::Peer(CallError::Unavailable { peer: "storefront", detail }).into_response();
    }
    next.run(request).await
}
