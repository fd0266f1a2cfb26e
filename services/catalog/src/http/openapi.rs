//! The service's OpenAPI document, made from its handlers and types.

use utoipa::OpenApi as _;

use super::{pictures, products, staff, variants};

#[derive(utoipa::OpenApi)]
#[openapi(paths(
    products::list_categories,
    products::list_products,
    products::list_products_by_id,
    products::get_product,
    products::list_related,
    products::suggest,
    products::get_sitemap,
    pictures::get_picture,
    staff::edit_product,
    staff::list_changes,
    variants::join_group,
    variants::leave_group,
    variants::list_groups,
    variants::rename_group
))]
struct Document;

/// The document as it is committed beside the service.
pub fn document() -> String {
    shop_instrumentation::openapi::rendered("catalog", Document::openapi())
}
