//! The service's OpenAPI document, made from its handlers and types.

use utoipa::OpenApi as _;

use super::{accounts, sessions, staff};

#[derive(utoipa::OpenApi)]
#[openapi(paths(
    accounts::register,
    accounts::confirm_registration,
    accounts::check_registration,
    accounts::account,
    accounts::change_password,
    accounts::delete,
    accounts::addresses,
    accounts::replace_addresses,
    accounts::cart,
    accounts::keep_cart,
    accounts::request_reset,
    accounts::confirm_reset,
    accounts::check_reset,
    sessions::list,
    sessions::revoke,
    sessions::log_in,
    sessions::current,
    sessions::log_out,
    sessions::by_path,
    sessions::log_out_by_path,
    sessions::log_in_staff,
    sessions::current_staff,
    sessions::log_out_staff,
    staff::members,
    staff::changes,
    staff::add,
    staff::change_role,
    staff::set_password,
    staff::end
))]
struct Document;

/// The document as it is committed beside the service.
pub fn document() -> String {
    shop_instrumentation::openapi::rendered("identity", Document::openapi())
}
