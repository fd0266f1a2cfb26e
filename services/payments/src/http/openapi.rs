//! The service's OpenAPI document, made from its handlers and types.

use utoipa::OpenApi as _;

#[derive(utoipa::OpenApi)]
#[openapi(paths(
    super::authorise,
    super::capture,
    super::void,
    super::refund,
    super::abandon,
    super::webhooks::receive
))]
struct Document;

/// The document as it is committed beside the service.
pub fn document() -> String {
    shop_instrumentation::openapi::rendered("payments", Document::openapi())
}
