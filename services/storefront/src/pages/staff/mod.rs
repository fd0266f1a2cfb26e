//! The back office: orders, stock, products and people, for staff under their own log-in, cookie and path.
//!
//! Every change names the staff member who made it; the service that keeps the thing keeps that with the change.

mod forms;
mod frame;
mod grouping;
mod log_in;
mod member;
mod orders;
mod overview;
mod people;
mod products;
mod refusals;
mod stock;
mod vouchers;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{any, get, post};

use super::{PageError, Shop, see_other};

/// Routes under `/staff`.
pub(super) fn routes() -> Router<Shop> {
    Router::new()
        .route("/staff", get(overview::show))
        .route("/staff/login", get(log_in::show).post(log_in::log_in))
        .route("/staff/logout", post(log_in::log_out))
        .route("/staff/orders", get(orders::list::show))
        .route("/staff/orders/{id}", get(orders::detail::show))
        .route("/staff/orders/{id}/ship", post(orders::actions::ship))
        .route("/staff/orders/{id}/cancel", post(orders::actions::cancel))
        .route("/staff/orders/{id}/refund", post(orders::actions::refund))
        .route("/staff/orders/{id}/receive", post(orders::actions::receive))
        .route("/staff/orders/{id}/refuse-return", post(orders::actions::refuse_return))
        .route("/staff/orders/{id}/resolve", post(orders::actions::resolve))
        .route("/staff/stock", get(stock::list))
        .route("/staff/stock/{id}", get(stock::show).post(stock::adjust))
        .route("/staff/vouchers", get(vouchers::list).post(vouchers::create))
        .route("/staff/vouchers/{id}/end", post(vouchers::end))
        .route("/staff/people", get(people::list).post(people::add))
        .route("/staff/people/{name}", get(people::show))
        .route("/staff/people/{name}/role", post(people::change_role))
        .route("/staff/people/{name}/password", post(people::set_password))
        .route("/staff/people/{name}/end", post(people::end))
        .route("/staff/products", get(products::list))
        .route("/staff/products/{slug}", get(products::show).post(products::save))
        .route("/staff/products/{slug}/variant", post(grouping::join))
        .route("/staff/products/{slug}/variant/leave", post(grouping::leave))
        .route("/staff/products/{slug}/variant/group", post(grouping::rename))
        .route("/staff/{*rest}", any(refusals::no_such_page))
        .layer(from_fn(refusals::in_the_back_office))
}
