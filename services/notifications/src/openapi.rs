//! The service's OpenAPI document: nobody asks it for anything, so it names no route.

use utoipa::OpenApi as _;

#[derive(utoipa::OpenApi)]
struct Document;

/// The document as it is committed beside the service.
pub fn document() -> String {
    shop_instrumentation::openapi::rendered("notifications", Document::openapi())
}
