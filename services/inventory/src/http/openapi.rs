//! The service's OpenAPI document, made from its handlers and types.

use utoipa::OpenApi as _;

use super::staff;

#[derive(utoipa::OpenApi)]
#[openapi(paths(
    super::levels,
    super::reserve,
    super::confirm,
    super::release,
    super::give_back,
    staff::list,
    staff::adjust,
    staff::ledger
))]
struct Document;

/// The document as it is committed beside the service.
pub fn document() -> String {
    shop_instrumentation::openapi::rendered("inventory", Document::openapi())
}
