//! Who asks: the cart and the session in the visitor's cookies, and the forms that only this shop's pages can send.
//!
//! A visitor without a cart and a session gets no cookie and no token, so that one page is the same for all of them.

pub mod account_cart;
mod changed;
mod cookies;
pub mod csrf;
mod guest_orders;
pub mod open_orders;
mod session;
mod submitted;

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use shop_contracts::{AccountId, OrderId};
use shop_instrumentation::{clock, ids};

pub use self::cookies::{Cookies, Kind};
pub use self::guest_orders::keep_guest_order;
pub use self::session::{RECHECK, Sessions, SignedIn};
pub use self::submitted::{OpenForm, OwnForm, Submitted, read_fields};
use crate::cart::{Cart, CartId};
use crate::pages::Shop;

/// Life of the cart's cookie, slid forward with every change.
const CART_SECONDS: u64 = 30 * 24 * 3600;
/// Life of the cookie of a cart that was bought: for as long an old form still leads to its order.
const BOUGHT_SECONDS: u64 = 24 * 3600;

/// The shopper behind a request.
pub struct Visitor {
    /// The token that this visitor's forms carry; empty for somebody of whom nothing is known.
    pub csrf: String,
    /// The cart, if there ever was one.
    pub cart: Option<Cart>,
    /// Who is logged in.
    pub account: Option<SignedIn>,
    /// Who was, in a session that is over although the browser still has its cookie.
    pub ended: Option<SignedIn>,
    /// Orders that the visitor placed or looked up as a guest, newest first.
    pub guest_orders: Vec<OrderId>,
}

impl Visitor {
    /// Reads the visitor's cookies; asks identity about a session at most once a minute.
    pub async fn from_headers(headers: &HeaderMap, shop: &Shop) -> Self {
        Self::read(headers, shop, Standing::Lately).await
    }

    /// Reads the visitor's cookies; logged in only if identity says now that the session stands.
    pub async fn confirmed_from_headers(headers: &HeaderMap, shop: &Shop) -> Self {
        Self::read(headers, shop, Standing::Now).await
    }

    async fn read(headers: &HeaderMap, shop: &Shop, standing: Standing) -> Self {
        let cart = shop.cookies.read(headers, Kind::Cart).and_then(|bytes| Cart::from_bytes(&bytes));
        let session = shop.cookies.read(headers, Kind::Session);
        let mut account = session.and_then(|bytes| serde_json::from_slice::<SignedIn>(&bytes).ok());
        let mut ended = None;
        if let Some(who) = &account
            && !standing.is_of(who, shop).await
        {
            ended = account.take();
        }
        // What one account keeps is not shown to another, nor ordered by it.
        let is_others = |cart: &Cart| account.as_ref().is_some_and(|who| cart.is_of_another(who.account_id));
        let cart = cart.filter(|cart| !is_others(cart));
        let guest_orders = guest_orders::read(headers, shop);
        Self { csrf: String::new(), cart, account, ended, guest_orders }.with_token(shop)
    }

    /// The visitor, logged in only if identity says now that the session stands.
    pub async fn confirmed(mut self, shop: &Shop) -> Self {
        if let Some(who) = &self.account
            && !Standing::Now.is_of(who, shop).await
        {
            self.ended = self.account.take();
            return self.with_token(shop);
        }
        self
    }

    fn with_token(mut self, shop: &Shop) -> Self {
        let keys = shop.cookies.keys();
        let session = self.account.iter().map(|who| csrf::Binding::session(&who.token));
        let cart = self.cart.iter().map(|cart| csrf::Binding::cart(cart.id));
        // A form is good as long as the session or the cart is still this browser's.
        let mut bound: Vec<_> = session.chain(cart).take(csrf::MOST_TOKENS).collect();
        if bound.is_empty() {
            bound.extend(self.bindings().into_iter().next());
        }
        self.csrf = csrf::tokens(keys, &bound);
        self
    }

    /// Whether nothing is known of this visitor: the page may be the same for everybody.
    pub fn is_anonymous(&self) -> bool {
        self.cart.is_none() && self.account.is_none()
    }

    /// Whether the cart is an account's, left in a browser whose session is over.
    pub fn has_left_cart(&self) -> bool {
        self.account.is_none()
            && self.cart.as_ref().is_some_and(|cart| cart.kept.is_some() && !cart.is_empty())
    }

    /// Whose cart it is, as far as the browser knows: of who is logged in, or was.
    pub fn owner(&self) -> Option<AccountId> {
        let session = self.account.as_ref().or(self.ended.as_ref()).map(|who| who.account_id);
        session.or(self.cart.as_ref().and_then(|cart| cart.kept).map(|kept| kept.account))
    }

    /// Whether nothing more can be ordered until one of the cart's open orders ends.
    pub fn is_full_of_orders(&self) -> bool {
        self.cart.as_ref().is_some_and(|cart| !cart.has_room_for_order())
    }

    /// Pieces in the cart, without those that are an order already.
    pub fn cart_count(&self) -> u32 {
        self.cart.as_ref().filter(|cart| !cart.is_ordered()).map_or(0, Cart::count)
    }

    fn bindings(&self) -> Vec<csrf::Binding> {
        // Forms of a session that has ended are still this browser's: what they ask for decides what becomes of them.
        let sessions = self.account.iter().chain(&self.ended);
        let session = sessions.map(|who| csrf::Binding::session(&who.token));
        // Pages that were loaded before carts became one carry the name of the other.
        let carts = self
            .cart
            .iter()
            .flat_map(|cart| std::iter::once(cart.id).chain(cart.merged.iter().map(|one| one.id)));
        let cart = carts.map(csrf::Binding::cart);
        session.chain(cart).chain(self.guest_orders.iter().map(|order| csrf::Binding::from(*order))).collect()
    }
}

/// When identity has to have said that a session stands.
#[derive(Clone, Copy)]
enum Standing {
    Lately,
    Now,
}

impl Standing {
    async fn is_of(self, who: &SignedIn, shop: &Shop) -> bool {
        let now = clock::now().timestamp();
        match self {
            Self::Lately => shop.sessions.stands(&shop.peers, who, now).await,
            Self::Now => shop.sessions.stands_now(&shop.peers, who, now).await,
        }
    }
}

impl FromRequestParts<Shop> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, Infallible> {
        Ok(Self::from_headers(&parts.headers, shop).await)
    }
}

/// A new, empty cart.
pub fn new_cart() -> Cart {
    Cart::new(CartId(ids::random_bytes()), now_us())
}

/// The present time in microseconds, as versions of carts count it.
pub fn now_us() -> u64 {
    clock::now().timestamp_micros().unsigned_abs()
}

/// Keeps a cart that was changed: in the visitor's cookie, and with the account that keeps it, if one does.
pub fn keep_cart(response: &mut Response, cart: &Cart) {
    let mut cart = cart.clone();
    cart.differs_from_kept();
    put_cart(response, cart);
}

/// Keeps a cart of which at most the prices seen are other ones: in the visitor's cookie. [`account_cart::follow`] writes it.
pub fn put_cart(response: &mut Response, cart: Cart) {
    response.extensions_mut().insert(cart);
}

fn set_cart(response: &mut Response, shop: &Shop, cart: &Cart) {
    let is_bought = cart.is_empty() && cart.progress.open.is_empty();
    let life = if is_bought { BOUGHT_SECONDS } else { CART_SECONDS };
    shop.cookies.set(response, Kind::Cart, &cart.to_bytes(), life);
}

/// Puts the session into the visitor's cookie.
pub fn keep_session(response: &mut Response, shop: &Shop, who: &SignedIn) {
    // A text-only struct always serialises.
    let plain = serde_json::to_vec(who).unwrap_or_default();
    let life = who.expires_at.saturating_sub(who.checked_at).max(0).unsigned_abs();
    shop.cookies.set(response, Kind::Session, &plain, life);
}

/// Takes the session's cookie away.
pub fn drop_session(response: &mut Response, shop: &Shop) {
    shop.cookies.remove(response, Kind::Session);
}
