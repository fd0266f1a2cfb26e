//! What staff does with an order.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use shop_contracts::identity::StaffRole;
use shop_contracts::orders::{
    CancelOrder, NewOrderRefund, Order, Resolution, ResolveOrder, ShipOrder, StaffNote,
};
use shop_contracts::{Currency, Money, OrderId};
use shop_instrumentation::client::CallError;
use uuid::Uuid;

use super::super::member::StaffForm;
use super::super::{PageError, Shop, see_other};
use super::detail::render;
use crate::border::PathId;
use crate::pages::with_status;
use crate::view::Tone;

pub(in super::super) async fn ship(
    State(shop): State<Shop>,
    PathId(id): PathId,
    form: StaffForm,
) -> Result<Response, PageError> {
    let id = allowed(&form, id)?;
    let request = ShipOrder {
        actor: form.staff.member.username.clone(),
        carrier: form.text("carrier"),
        tracking_number: form.text("tracking_number"),
    };
    conclude(&shop, &form, id, shop.peers.ship_order(id, &request).await).await
}

pub(in super::super) async fn cancel(
    State(shop): State<Shop>,
    PathId(id): PathId,
    form: StaffForm,
) -> Result<Response, PageError> {
    let id = allowed(&form, id)?;
    let request = CancelOrder { actor: form.staff.member.username.clone(), reason: form.text("reason") };
    conclude(&shop, &form, id, shop.peers.staff_cancel(id, &request).await).await
}

pub(in super::super) async fn refund(
    State(shop): State<Shop>,
    PathId(id): PathId,
    form: StaffForm,
) -> Result<Response, PageError> {
    let id = allowed(&form, id)?;
    let key = form.key()?;
    let Some(amount_minor) = minor_units(&form.text("amount")) else {
        let text = "The amount must look like 12.50 and be more than nothing.".to_owned();
        let page = render(&shop, &form.staff, id, Some((Tone::Bad, text))).await?;
        return Ok(with_status(StatusCode::UNPROCESSABLE_ENTITY, page));
    };
    let request = NewOrderRefund {
        actor: form.staff.member.username.clone(),
        amount: Money::new(amount_minor, Currency::Eur),
        reason: form.text("reason"),
    };
    conclude(&shop, &form, id, shop.peers.refund_order(&key, id, &request).await).await
}

pub(in super::super) async fn receive(
    State(shop): State<Shop>,
    PathId(id): PathId,
    form: StaffForm,
) -> Result<Response, PageError> {
    let id = allowed(&form, id)?;
    let back = form.text("return").parse().map_err(|_| PageError::BadForm("no return".to_owned()))?;
    let note = StaffNote { actor: form.staff.member.username.clone(), note: form.text("note") };
    conclude(&shop, &form, id, shop.peers.receive_return(id, back, &note).await).await
}

pub(in super::super) async fn resolve(
    State(shop): State<Shop>,
    PathId(id): PathId,
    form: StaffForm,
) -> Result<Response, PageError> {
    let id = allowed(&form, id)?;
    let resolution = match form.text("resolution").as_str() {
        "retry" => Resolution::Retry,
        "cancel" => Resolution::Cancel,
        _ => return Err(PageError::BadForm("no resolution".to_owned())),
    };
    let request =
        ResolveOrder { actor: form.staff.member.username.clone(), resolution, note: form.text("note") };
    conclude(&shop, &form, id, shop.peers.resolve_order(id, &request).await).await
}

fn allowed(form: &StaffForm, id: Uuid) -> Result<OrderId, PageError> {
    form.staff.require(StaffRole::Clerk).map(|()| OrderId::new(id))
}

/// Back to the order; a refusal is said on its page, in the service's words.
async fn conclude(
    shop: &Shop,
    form: &StaffForm,
    id: OrderId,
    answer: Result<Order, CallError>,
) -> Result<Response, PageError> {
    let cause = match answer {
        Ok(_) => return Ok(see_other(&format!("/staff/orders/{id}"))),
        Err(cause) => cause,
    };
    let CallError::Problem { status: status @ (409 | 422), detail, errors, .. } = cause else {
        return Err(cause.into());
    };
    let wrong = errors.into_iter().next().map(|wrong| format!(" ({}: {})", wrong.field, wrong.detail));
    let text = format!("Not done: {detail}{}", wrong.unwrap_or_default());
    let page = render(shop, &form.staff, id, Some((Tone::Bad, text))).await?;
    Ok(with_status(StatusCode::from_u16(status).unwrap_or(StatusCode::CONFLICT), page))
}

/// `12`, `12.5`, `12.50` or `12,50` as minor units; nothing for anything else, and for nothing.
pub(in super::super) fn minor_units(text: &str) -> Option<i64> {
    let text = text.trim().trim_start_matches('€').trim();
    let (whole, cents) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 9 || cents.len() > 2 || !digits(whole) || !digits(cents) {
        return None;
    }
    let cents: i64 = format!("{cents:0<2}").parse().ok()?;
    let minor = whole.parse::<i64>().ok()? * 100 + cents;
    (minor > 0).then_some(minor)
}

#[cfg(test)]
mod tests {
    use super::minor_units;

    #[test]
    fn amounts_are_read_as_people_write_them_and_never_guessed() {
        for (text, minor) in [("12", 1200), ("12.5", 1250), ("€ 12,50", 1250), ("0.01", 1)] {
            assert_eq!(minor_units(text), Some(minor), "{text}");
        }
        for text in ["", "0", "-1", "1.234", "1,234.50", "1e3", "12 50", "99999999999"] {
            assert_eq!(minor_units(text), None, "{text}");
        }
    }
}
