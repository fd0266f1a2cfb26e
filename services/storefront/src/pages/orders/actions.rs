//! What an owner does with an order: cancel it, send pieces back.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use sha2::{Digest as _, Sha256};
use shop_contracts::orders::{CancelOrder, NewReturn, Order, ReturnLine};
use shop_contracts::{OrderId, ProductId};
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;

use super::access::{Access, PathId};
use super::show::page;
use super::{PageError, Shop, see_other, with_status};
use crate::view::{Tone, notice};
use crate::visitor::{OwnForm, Submitted, Visitor};

/// Longest reason in bytes, as orders takes it.
const LONGEST_REASON: usize = 500;

pub(super) async fn cancel(
    State(shop): State<Shop>,
    PathId(id): PathId,
    OwnForm(form): OwnForm,
) -> Result<Response, PageError> {
    let form = form.confirmed(&shop).await;
    owned(&shop, id, &form.visitor).await?;
    let cancel = CancelOrder { actor: "shopper".to_owned(), reason: String::new() };
    let answer = shop.peers.cancel(id, &cancel).await;
    let refusal = html! { p { strong { "This order cannot be cancelled any more." } " If it is on its way, you can send it back." } };
    concluded(&shop, id, form.visitor, "cancelled", answer, refusal).await
}

pub(super) async fn send_back(
    State(shop): State<Shop>,
    PathId(id): PathId,
    OwnForm(form): OwnForm,
) -> Result<Response, PageError> {
    let form = form.confirmed(&shop).await;
    let order = owned(&shop, id, &form.visitor).await?;
    let new = chosen(&order, &form)?;
    if new.lines.is_empty() {
        return Ok(see_other(&format!("/orders/{id}?wrong=return#return-form")));
    }
    let key = return_key(id, &form.text("known"), &new);
    let answer = shop.peers.send_back(id, &key, &new).await;
    let refusal = html! { p { strong { "That cannot be sent back." } " Please look at what is left of this order and until when it can be returned." } };
    concluded(&shop, id, form.visitor, "returned", answer, refusal).await
}

/// The shopper keeps what was announced to come back.
pub(super) async fn keep(
    State(shop): State<Shop>,
    PathId(id): PathId,
    OwnForm(form): OwnForm,
) -> Result<Response, PageError> {
    let form = form.confirmed(&shop).await;
    owned(&shop, id, &form.visitor).await?;
    let back = form.text("return").parse().map_err(|_| PageError::BadForm("no return".to_owned()))?;
    let answer = shop.peers.withdraw_return(id, back).await;
    let refusal = html! { p { strong { "This return has ended already." } " Below is how it stands." } };
    concluded(&shop, id, form.visitor, "kept", answer, refusal).await
}

/// The order, if it is this visitor's own.
async fn owned(shop: &Shop, id: OrderId, visitor: &Visitor) -> Result<Order, PageError> {
    let order = shop.peers.order(id).await?;
    match Access::of(visitor, &order) {
        Access::Own => Ok(order),
        _ => Err(PageError::NotFound),
    }
}

/// What the form says comes back; a number that is none, or larger than what was ordered, is a damaged form. What is left
/// now is orders' to say, after it has looked at the key: the first of two presses may have taken the pieces already.
fn chosen(order: &Order, form: &Submitted) -> Result<NewReturn, PageError> {
    let mut lines = Vec::new();
    let mut ordered: BTreeMap<ProductId, u32> = BTreeMap::new();
    for line in &order.lines {
        *ordered.entry(line.product_id).or_default() += line.quantity;
    }
    for (product_id, pieces) in ordered {
        let typed = form.text(&format!("line-{product_id}"));
        let quantity: u32 = match typed.as_str() {
            "" => 0,
            number => number.parse().map_err(|_| PageError::BadForm("not a number".to_owned()))?,
        };
        if quantity > pieces {
            return Err(PageError::BadForm("more than was ordered".to_owned()));
        }
        if quantity > 0 {
            lines.push(ReturnLine { product_id, quantity });
        }
    }
    let reason = form.text("reason");
    if reason.len() > LONGEST_REASON || reason.contains(char::is_control) {
        return Err(PageError::BadForm(format!("reason: at most {LONGEST_REASON} bytes of text")));
    }
    Ok(NewReturn { lines, reason })
}

/// The same for two presses of one form: the order, what was known to come back then, and what was chosen.
fn return_key(id: OrderId, known: &str, new: &NewReturn) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("return {id} {known}\n"));
    for line in &new.lines {
        hash.update(format!("{} {}\n", line.product_id, line.quantity));
    }
    hex::encode(&hash.finalize()[..16])
}

/// Back to the order, which says what was `done`. Where orders refused, the page says why above the order as it is now;
/// anything else is an error page.
async fn concluded(
    shop: &Shop,
    id: OrderId,
    visitor: Visitor,
    done: &str,
    answer: Result<Order, CallError>,
    refusal: Markup,
) -> Result<Response, PageError> {
    let Err(cause) = answer else { return Ok(see_other(&format!("/orders/{id}?done={done}"))) };
    match cause.code() {
        Code::KeyReused => Ok(see_other(&format!("/orders/{id}?done=returned"))),
        Code::Conflict | Code::Invalid => {
            let order = owned(shop, id, &visitor).await?;
            let notice = notice(Tone::Bad, refusal);
            Ok(with_status(
                StatusCode::CONFLICT,
                page(shop, visitor, &order, Access::Own, Some(notice)).await,
            ))
        }
        _ => Err(cause.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_presses_of_one_form_have_one_key_and_the_next_return_another() {
        let id = OrderId::new(uuid::Uuid::from_bytes([1; 16]));
        let line = |quantity| ReturnLine { product_id: ProductId::from_slug("lamp"), quantity };
        let new =
            |quantity, reason: &str| NewReturn { lines: vec![line(quantity)], reason: reason.to_owned() };
        let key = return_key(id, "0", &new(1, "broken"));
        assert_eq!(key, return_key(id, "0", &new(1, "bent")));
        assert_ne!(key, return_key(id, "1", &new(1, "broken")));
        assert_ne!(key, return_key(id, "0", &new(2, "broken")));
    }
}
