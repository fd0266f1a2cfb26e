//! The account's book of addresses, to choose from.

use maud::{Markup, html};
use shop_contracts::identity::SavedAddress;

use super::super::Shop;
use crate::form::{Typed, country_name};
use crate::visitor::Visitor;

/// The visitor's saved addresses, the preferred one first. Without an answer there are none: buying goes on.
pub(super) async fn load(shop: &Shop, visitor: &Visitor) -> Vec<SavedAddress> {
    let Some(who) = &visitor.account else { return Vec::new() };
    match shop.peers.addresses(who.account_id).await {
        Ok(book) => book.addresses,
        Err(cause) => {
            tracing::warn!(error = %cause, "the book of addresses is not available");
            Vec::new()
        }
    }
}

/// Fills in an address.
pub(super) fn fill(typed: &mut Typed, saved: SavedAddress) {
    let address = saved.address;
    typed.set("name", address.name).set("address1", address.address1).set("city", address.city);
    typed.set("postcode", address.postcode).set("country", address.country);
}

/// Buttons that fill in another address than the one that is filled in; they belong to the form, but stand behind its own
/// button, so that Enter never means them.
pub(super) fn choices(book: &[SavedAddress], typed: &Typed) -> Markup {
    let is_filled_in = |saved: &SavedAddress| saved.address == typed.address();
    html! {
        @if book.len() > 1 {
            div.saved-addresses role="group" aria-label="Your saved addresses" {
                @for (at, saved) in book.iter().enumerate() {
                    button.saved-address type="submit" form="checkout-form" name="do" value={ "use-" (at) } formnovalidate
                        aria-pressed=(if is_filled_in(saved) { "true" } else { "false" }) {
                        strong { (saved.label) }
                        small { (saved.address.address1) ", " (saved.address.city) ", " (country_name(&saved.address.country)) }
                    }
                }
            }
        }
    }
}
