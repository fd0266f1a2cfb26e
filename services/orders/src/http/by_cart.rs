//! What became of a cart: for storefronts that lost an answer, or a browser that never got it.

use axum::extract::State;
use shop_contracts::orders::OrderPage;
use shop_instrumentation::Problem;
use shop_instrumentation::http::extract::{Json, Path};

use super::Shop;

/// Orders of one cart that are told at most; a browser keeps fewer open.
const MOST_ORDERS: i64 = 8;

#[utoipa::path(get, path = "/v1/carts/{cart_id}/orders", params(("cart_id" = String, Path)), responses((status = 200, description = "the newest orders of the cart that stand or may come to stand, at most eight; empty when there is none", body = OrderPage)))]
pub async fn orders(State(shop): State<Shop>, Path(cart): Path<String>) -> Result<Json<OrderPage>, Problem> {
    // No cart is called otherwise, see `CartRef`.
    let is_name = cart.len() <= 64 && cart.bytes().all(|byte| byte.is_ascii_graphic());
    let orders = if is_name {
        shop.place.all_shown(&shop.place.saga.orders.list_of_cart(&cart, MOST_ORDERS).await?).await?
    } else {
        Vec::new()
    };
    Ok(Json(OrderPage { orders, page: 1, has_more: false }))
}
