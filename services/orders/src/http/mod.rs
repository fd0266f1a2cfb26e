//! Routes.

mod by_cart;
mod openapi;
mod shopper;
mod staff;
mod vouchers;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

pub use self::openapi::document;
use crate::aftersale::AfterSale;
use crate::place::PlaceOrder;

const PER_PAGE: u32 = 20;
const MAX_PER_PAGE: u32 = 100;
const MAX_PAGE: u32 = 10_000;
/// Fifty lines and an address fit many times.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// What handlers need.
#[derive(Clone)]
struct Shop {
    place: PlaceOrder,
    after: AfterSale,
}

/// All routes of the service.
pub fn router(place: PlaceOrder) -> Router {
    let after = AfterSale { saga: place.saga.clone() };
    Router::new()
        .route("/v1/orders", post(shopper::place).get(shopper::list))
        .route("/v1/orders/lookup", post(shopper::look_up))
        .route("/v1/orders/{id}", get(shopper::show))
        .route("/v1/orders/{id}/cancel", post(shopper::cancel))
        .route("/v1/orders/{id}/returns", post(shopper::request_return))
        .route("/v1/orders/{id}/returns/{return_id}/withdraw", post(shopper::withdraw_return))
        .route("/v1/carts/{cart_id}/orders", get(by_cart::orders))
        .route("/v1/vouchers/check", post(vouchers::check))
        .route("/v1/staff/vouchers", get(vouchers::list).post(vouchers::create))
        .route("/v1/staff/vouchers/{id}/end", post(vouchers::end))
        .route("/v1/accounts/{account_id}/anonymise", post(shopper::anonymise))
        .route("/v1/staff/orders", get(staff::list))
        .route("/v1/staff/orders/{id}/history", get(staff::history))
        .route("/v1/staff/orders/{id}/ship", post(staff::ship))
        .route("/v1/staff/orders/{id}/refunds", post(staff::refund))
        .route("/v1/staff/orders/{id}/returns/{return_id}/receive", post(staff::receive_return))
        .route("/v1/staff/orders/{id}/returns/{return_id}/refuse", post(staff::refuse_return))
        .route("/v1/staff/orders/{id}/resolve", post(staff::resolve))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Shop { place, after })
}

/// A page that somebody asked for, within its bounds.
struct Paging {
    page: u32,
    per_page: u32,
}

impl Paging {
    fn new(page: Option<u32>, per_page: Option<u32>) -> Self {
        Self {
            page: page.unwrap_or(1).clamp(1, MAX_PAGE),
            per_page: per_page.unwrap_or(PER_PAGE).clamp(1, MAX_PER_PAGE),
        }
    }

    fn offset(&self) -> i64 {
        i64::from(self.page - 1) * i64::from(self.per_page)
    }

    /// One more than the page holds, to see whether another follows.
    fn limit(&self) -> i64 {
        i64::from(self.per_page) + 1
    }

    fn page(
        &self,
        mut orders: Vec<shop_contracts::orders::Order>,
        place: &PlaceOrder,
    ) -> shop_contracts::orders::OrderPage {
        let has_more = orders.len() > self.per_page as usize;
        orders.truncate(self.per_page as usize);
        let orders = orders.into_iter().map(|order| place.shown(order)).collect();
        shop_contracts::orders::OrderPage { orders, page: self.page, has_more }
    }
}
