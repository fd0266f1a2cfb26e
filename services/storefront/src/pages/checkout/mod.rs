//! The checkout: one form, and at most one order of what is in the cart, however often its button is pressed.
//!
//! This folder loads, calls and shows. Which key a press is sent under and what an answer means for the cart is decided in
//! `crate::checkout` alone.

mod address_book;
mod declines;
mod draft;
mod form;
mod outcome;
mod press;
mod voucher;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use shop_contracts::tax::countries;
use shop_contracts::vouchers::VoucherTerms;

pub(super) use self::declines::Declines;
use self::draft::Draft;
pub(super) use self::draft::forget;
use self::form::{Shown, body};
use super::cart::{Ask, up_to_date};
use super::{PageError, Shop, cart, see_other};
use crate::cart::{Offer, Priced};
use crate::form::{CARDS, Typed};
use crate::visitor::Visitor;

const FIELDS: [&str; 9] =
    ["name", "email", "address1", "city", "postcode", "country", "payment_token", "delivery", voucher::FIELD];

pub(super) fn routes() -> Router<Shop> {
    Router::new().route("/checkout", get(show).post(press::press))
}

async fn show(
    State(shop): State<Shop>,
    headers: HeaderMap,
    mut visitor: Visitor,
) -> Result<Response, PageError> {
    // Of an account's cart in a browser whose session is over, other devices may have ordered long since.
    let ask = if visitor.has_left_cart() { Ask::All } else { Ask::Open };
    let account = visitor.account.as_ref().map(|who| who.account_id);
    // Side by side: where identity does not answer, both wait.
    let (news, book) = tokio::join!(up_to_date(&shop, &mut visitor, ask), address_book::load(&shop, account));
    let kept = |mut response: Response, visitor: &Visitor| {
        news.keep(&mut response, visitor);
        response
    };
    if let Some(response) = pending_order(&visitor) {
        return Ok(kept(response, &visitor));
    }
    let cart = cart::load(&shop, visitor.cart.as_ref()).await?;
    if !cart.can_be_bought() {
        return Ok(kept(see_other("/cart"), &visitor));
    }
    // Before the form is filled in, not after.
    if visitor.is_full_of_orders() {
        return Ok(kept(cart::full_of_orders(), &visitor));
    }
    let mut draft = Draft::read(&headers, &shop, &visitor);
    let mut typed = Typed::default();
    match &draft {
        Some(draft) => draft.fill(&mut typed),
        None => {
            typed.set("country", "DE").set("payment_token", CARDS[0].0);
            if let Some(account) = &visitor.account {
                typed.set("email", &account.email).set("name", &account.display_name);
                book.addresses
                    .first()
                    .cloned()
                    .into_iter()
                    .for_each(|saved| address_book::fill(&mut typed, saved));
            }
        }
    }
    let mut terms = None;
    let outcome = draft.as_ref().and_then(|draft| draft.outcome);
    if let Some(draft) = &mut draft {
        if draft.is_checked && outcome.is_some() {
            typed.check_checkout();
        }
        if draft.voucher == Some(voucher::Said::Counts) {
            let said = voucher::check_again(&shop, &visitor, &cart, &typed).await;
            (draft.voucher, terms) = said.map_or((None, None), |(said, terms)| (Some(said), terms));
        }
        draft.voucher.iter().for_each(|said| said.mark(&mut typed));
    }
    let offer = offer(&cart, &typed, terms.as_ref())?;
    let message = outcome.map(|outcome| outcome.notice(&typed));
    // Where identity did not answer, the cart does not say that it is an account's; what was typed does.
    let is_left = visitor.has_left_cart() || draft.as_ref().is_some_and(Draft::is_left);
    let shown = Shown {
        visitor: &visitor,
        cart: &cart,
        offer: &offer,
        typed: &typed,
        book: &book,
        news: &news,
        is_logged_out: visitor.account.is_none() && is_left,
        message,
    };
    let response = shop.page(&visitor, "Checkout", body(&shown, terms.as_ref())).await;
    let mut response = kept(response, &visitor);
    // What came of a press is said once.
    if let Some(draft) = draft.filter(|draft| draft.outcome.is_some()) {
        Draft { outcome: None, is_checked: false, ..draft }.keep(&mut response, &shop);
    }
    cart::remember(&mut response, &mut visitor, &cart);
    Ok(response)
}

/// When the present contents are known to be an order that is not over: the way there.
fn pending_order(visitor: &Visitor) -> Option<Response> {
    let id = visitor.cart.as_ref()?.unsettled()?.order?;
    Some(see_other(&format!("/orders/{id}")))
}

/// What the cart costs where the form says that it goes; until that is a country, in Germany.
fn offer(cart: &Priced, typed: &Typed, voucher: Option<&VoucherTerms>) -> Result<Offer, PageError> {
    let typed = typed.value("country");
    let country = if countries().any(|known| known == typed) { typed } else { "DE" };
    Offer::new(cart, country, voucher).map_err(|cause| PageError::BadForm(cause.to_string()))
}
