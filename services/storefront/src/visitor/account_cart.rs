//! The cart of somebody who is logged in: the account keeps what the cookie holds, so that the next device finds it.
//!
//! The cookie leads. Identity is waited for a moment only, and what it cannot keep now is kept with the next change.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use shop_contracts::AccountId;
use shop_instrumentation::clock;

use super::session::SignedIn;
use super::{Kind, Visitor, keep_cart, now_us};
use crate::cart::Cart;
use crate::pages::Shop;

/// How long a page waits for identity.
const WITHIN: Duration = Duration::from_millis(500);

/// After each answer that changes the cart of somebody who is logged in: has the account keep it.
pub async fn follow(State(shop): State<Shop>, request: Request, next: Next) -> Response {
    let who = signed_in(request.headers(), &shop);
    let response = next.run(request).await;
    let cart = response.extensions().get::<Cart>().cloned();
    if let (Some(who), Some(cart)) = (who, cart)
        && shop.sessions.stands(&shop.peers, &who, clock::now().timestamp()).await
    {
        kept(&shop, who.account_id, &cart).await;
    }
    response
}

/// At log-in: the visitor's cart and the one that the account kept become one.
pub async fn bring_together(response: &mut Response, shop: &Shop, mine: Option<Cart>, account: AccountId) {
    let found = match tokio::time::timeout(WITHIN, shop.peers.kept_cart(account)).await {
        Ok(Ok(found)) => found,
        Ok(Err(cause)) => return tracing::warn!(error = %cause, "the account's cart is not available"),
        Err(_) => return tracing::warn!("the account's cart is not available in time"),
    };
    let cart = match mine {
        None => Cart::from_kept(&found),
        Some(mut cart) => {
            let left_out = cart.take_in(&found, now_us());
            if left_out > 0 {
                tracing::info!(left_out, "the cart is full, products of the account's cart found no room");
            }
            Some(cart)
        }
    };
    if let Some(cart) = cart {
        keep_cart(response, shop, &cart);
        kept(shop, account, &cart).await;
    }
}

/// At log-out: the account keeps the cart and the browser forgets it, for whoever uses the browser next. A cart whose
/// order is not settled, or that cannot be kept, stays in the browser.
pub async fn leave_behind(response: &mut Response, shop: &Shop, visitor: &Visitor, account: AccountId) {
    let Some(cart) = &visitor.cart else { return };
    if !cart.is_unsettled(cart.version) && kept(shop, account, cart).await {
        shop.cookies.remove(response, Kind::Cart);
    }
}

fn signed_in(headers: &HeaderMap, shop: &Shop) -> Option<SignedIn> {
    serde_json::from_slice(&shop.cookies.read(headers, Kind::Session)?).ok()
}

/// Whether the account keeps the cart now.
async fn kept(shop: &Shop, account: AccountId, cart: &Cart) -> bool {
    match tokio::time::timeout(WITHIN, shop.peers.keep_cart(account, &cart.to_kept())).await {
        Ok(Ok(())) => return true,
        Ok(Err(cause)) => tracing::warn!(error = %cause, "the account does not keep the cart"),
        Err(_) => tracing::warn!("the account does not keep the cart in time"),
    }
    false
}
