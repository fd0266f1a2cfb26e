//! The account's book of addresses, to choose from.

use std::time::Duration;

use maud::{Markup, html};
use shop_contracts::AccountId;
use shop_contracts::identity::SavedAddress;

use super::super::Shop;
use crate::form::{Typed, country_name};

/// How long the checkout waits for it.
const WITHIN: Duration = Duration::from_secs(1);

/// Saved addresses, the preferred one first.
#[derive(Default)]
pub(super) struct Book {
    pub addresses: Vec<SavedAddress>,
    /// Whether there may be some that cannot be shown now.
    is_away: bool,
}

/// The account's saved addresses; a guest has none. Without an answer buying goes on.
pub(super) async fn load(shop: &Shop, account: Option<AccountId>) -> Book {
    let Some(account) = account else { return Book::default() };
    match tokio::time::timeout(WITHIN, shop.peers.addresses(account)).await {
        Ok(Ok(book)) => return Book { addresses: book.addresses, is_away: false },
        Ok(Err(cause)) => tracing::warn!(error = %cause, "the book of addresses is not available"),
        Err(_) => tracing::warn!("the book of addresses is not available in time"),
    }
    Book { addresses: Vec::new(), is_away: true }
}

/// Fills in an address.
pub(super) fn fill(typed: &mut Typed, saved: SavedAddress) {
    let address = saved.address;
    typed.set("name", address.name).set("address1", address.address1).set("city", address.city);
    typed.set("postcode", address.postcode).set("country", address.country);
}

/// Buttons that fill in another address than the one that is filled in; they belong to the form, but stand behind its own
/// button, so that Enter never means them.
pub(super) fn choices(book: &Book, typed: &Typed) -> Markup {
    let is_filled_in = |saved: &SavedAddress| saved.address == typed.address();
    html! {
        @if book.is_away {
            p.hint #addresses-away { "Saved addresses cannot be shown just now. Please type where it goes." }
        }
        @if book.addresses.len() > 1 {
            div.saved-addresses role="group" aria-label="Your saved addresses" {
                @for (at, saved) in book.addresses.iter().enumerate() {
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
