//! Finding an order without an account: by its number and the address that it was placed with.
//!
//! Wrong number and wrong address are answered alike. Tries are counted by the shopper's network and by number: whoever
//! may try no more uses up nobody's number.

use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::orders::OrderLookup;
use shop_instrumentation::problem::Code;

use super::{PageError, Shop, see_other, with_status};
use crate::border::{ClientAddress, OrderNumber, QueryFields};
use crate::form::Typed;
use crate::view::{Frame, Tone, field, notice};
use crate::visitor::{OpenForm, Visitor, keep_guest_order};

pub(super) async fn form(State(shop): State<Shop>, query: QueryFields, visitor: Visitor) -> Response {
    let mut typed = Typed::default();
    if let Some(number) = OrderNumber::parse(query.get("number")) {
        typed.set("number", number.into_string());
    }
    shop.page(&visitor, "Find your order", body(&visitor, &typed, None)).await
}

pub(super) async fn find(
    State(shop): State<Shop>,
    client: ClientAddress,
    OpenForm(form): OpenForm,
) -> Result<Response, PageError> {
    form.proven()?;
    let mut typed = Typed::default();
    typed.set("number", form.text("number")).set("email", form.text("email"));
    typed.check_email();
    let number = OrderNumber::parse(typed.value("number"));
    if number.is_none() {
        typed.wrong("number", "Enter the number as our message says it, like QD-12AB34-56CD78.");
    }
    let (Some(number), true) = (number, typed.is_fine()) else {
        let page = shop.page(&form.visitor, "Find your order", body(&form.visitor, &typed, None)).await;
        return Ok(with_status(StatusCode::UNPROCESSABLE_ENTITY, page));
    };
    let lookup = OrderLookup { number: number.into_string(), email: typed.value("email").to_owned() };
    count_try(&shop, client, &lookup.number)?;
    match shop.peers.look_up(&lookup).await {
        Ok(order) => {
            let mut response = see_other(&format!("/orders/{}", order.id));
            if order.account_id.is_none() {
                keep_guest_order(&mut response, &shop, &form.visitor, order.id);
            }
            Ok(response)
        }
        Err(cause) if matches!(cause.code(), Code::NotFound | Code::Invalid) => {
            let text =
                "We know no order with this number and this address. Both stand in the message that we sent.";
            let page = body(&form.visitor, &typed, Some(text));
            Ok(with_status(StatusCode::NOT_FOUND, shop.page(&form.visitor, "Find your order", page).await))
        }
        Err(cause) => Err(cause.into()),
    }
}

fn count_try(shop: &Shop, client: ClientAddress, number: &str) -> Result<(), PageError> {
    let now = Instant::now();
    let plain: String = number.chars().filter(char::is_ascii_alphanumeric).collect();
    if let Some(network) = client.network() {
        shop.lookups_by_client.count(&network, now).map_err(PageError::TooMany)?;
    }
    shop.lookups_by_number.count(&plain.to_ascii_uppercase(), now).map_err(PageError::TooMany)
}

fn body(visitor: &Visitor, typed: &Typed, message: Option<&str>) -> Markup {
    html! {
        div.wrap.slim {
            h1 { "Find your order" }
            p.lead { "With its number and the e-mail address that you gave. You need no account." }
            @if let Some(message) = message { (notice(Tone::Bad, html! { p { (message) } })) }
            form #lookup-form.form action="/orders/lookup" method="post" novalidate {
                (Frame::For(visitor).csrf())
                (field(typed, "number", "Order number", "text", "off", Some("It begins with QD and stands in our message.")))
                (field(typed, "email", "E-mail", "email", "email", None))
                button.button.wide type="submit" { "Find it" }
            }
        }
    }
}
