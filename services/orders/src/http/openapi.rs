//! The service's OpenAPI document, made from its handlers and types.

use utoipa::OpenApi as _;

use super::{by_cart, shopper, staff, vouchers};

#[derive(utoipa::OpenApi)]
#[openapi(paths(
    shopper::place,
    shopper::list,
    shopper::look_up,
    shopper::show,
    shopper::cancel,
    shopper::request_return,
    shopper::withdraw_return,
    shopper::anonymise,
    by_cart::orders,
    staff::list,
    staff::history,
    staff::ship,
    staff::refund,
    staff::receive_return,
    staff::refuse_return,
    staff::resolve,
    vouchers::check,
    vouchers::list,
    vouchers::create,
    vouchers::end
))]
struct Document;

/// The document as it is committed beside the service.
pub fn document() -> String {
    shop_instrumentation::openapi::rendered("orders", Document::openapi())
}
