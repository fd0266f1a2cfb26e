//! Who may see an order, and how much of it.
//!
//! An order of an account is its owner's alone. A guest's order is shown to whoever knows its address (an id that cannot be
//! guessed) without anything that names the guest, the parcel's number included (carriers tell more); whole, and to be acted on, to the browser that placed or looked it up.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use shop_contracts::OrderId;
use shop_contracts::orders::Order;

use super::PageError;
use crate::visitor::Visitor;

/// The id in an order's path.
pub(super) struct PathId(pub OrderId);

/// What a visitor may do with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// See all of it, cancel it, send things back.
    Own,
    /// See where it stands.
    Glance,
    /// Nothing before a log-in.
    LogIn,
    /// Nothing.
    Denied,
}

impl Access {
    /// What this visitor may do with this order.
    pub(super) fn of(visitor: &Visitor, order: &Order) -> Self {
        match (order.account_id, &visitor.account) {
            (Some(_), None) => Self::LogIn,
            (Some(owner), Some(who)) if who.account_id == owner => Self::Own,
            (Some(_), Some(_)) => Self::Denied,
            (None, _) if visitor.guest_orders.contains(&order.id) => Self::Own,
            (None, _) => Self::Glance,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        let path = RawPathParams::from_request_parts(parts, state).await.map_err(|_| PageError::NotFound)?;
        let id = path.iter().next().and_then(|(_, id)| id.parse().ok());
        id.map(Self).ok_or(PageError::NotFound)
    }
}
