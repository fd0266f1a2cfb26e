//! What became of a visitor's cart when it was changed, or brought together with the account's.

use axum::response::Response;

use super::put_cart;
use crate::cart::Cart;

/// What became of a change that a shopper asked for.
pub enum Changed {
    /// The cart holds it, in this browser at least: whether the account keeps it says the cart.
    Made(Now),
    /// There is no room for it, or it is of a product that is not in the cart.
    Refused(Now),
    /// Others changed the account's cart before each try: nothing was changed.
    Missed,
}

/// A cart as the account and this browser have it now.
pub struct Now {
    /// What it holds.
    pub cart: Cart,
    /// Whether both had changed it and of each product the larger number was taken.
    pub is_joined: bool,
}

/// What a page knows of the account's cart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// Nothing: identity does not answer.
    Away,
    /// It is the visitor's cart now, with what was changed on one side.
    AsItIs,
    /// It was changed here and elsewhere, and of each product the larger number was taken.
    Joined,
}

/// Whether an answer's cart is kept was tried already.
#[derive(Clone)]
pub(super) struct Tried;

impl Changed {
    /// Whether the cart was changed here and elsewhere before, and the larger numbers were taken.
    pub fn is_joined(&self) -> bool {
        matches!(self, Self::Made(now) | Self::Refused(now) if now.is_joined)
    }

    /// Keeps the cart as it is now.
    pub fn keep(self, response: &mut Response) {
        if let Self::Made(now) | Self::Refused(now) = self {
            put_cart(response, now.cart);
            response.extensions_mut().insert(Tried);
        }
    }
}
