//! What staff does with an order.

use axum::extract::State;
use axum::response::Response;
use shop_contracts::identity::StaffRole;
use shop_contracts::orders::{
    CancelOrder, NewOrderRefund, Order, RefuseReturn, Resolution, ResolveOrder, ShipOrder, StaffNote,
};
use shop_contracts::premises::COUNTER;
use shop_contracts::{Currency, Money, OrderId};
use shop_instrumentation::client::CallError;
use uuid::Uuid;

use super::super::forms::{Refused, typed};
use super::super::member::StaffForm;
use super::super::{PageError, Shop, see_other};
use super::detail::{RECEIVED_UNPAID, render};
use crate::border::PathId;
use crate::form::Typed;
use crate::pages::orders::is_fetched;
use crate::view::price;

/// Bytes of a carrier's name and of a parcel's number, as orders takes them.
const LONGEST_CARRIER: usize = 60;

pub(in super::super) async fn ship(
    State(shop): State<Shop>,
    PathId(id): PathId,
    form: StaffForm,
) -> Result<Response, PageError> {
    let work = Work::begin(shop, form, id, "ship")?;
    let mut typed = typed(&work.form, &["carrier", "tracking_number", "although_refunded"]);
    let although_refunded = typed.value("although_refunded") == "yes";
    let order = work.shop.peers.order(work.id).await?;
    if is_fetched(&order) {
        typed.set("carrier", "Collected".to_owned());
        let place = format!("{}, {} {}", COUNTER.street, COUNTER.postcode, COUNTER.city);
        typed.set("tracking_number", place);
    }
    for (field, missing) in
        [("carrier", "Say who carries the parcel."), ("tracking_number", "Enter the parcel's number.")]
    {
        match typed.value(field).len() {
            0 => typed.wrong(field, missing),
            1..=LONGEST_CARRIER => {}
            _ => typed.wrong(field, "Too long: some 60 characters at most."),
        }
    }
    if !although_refunded && order.all_money_went_back() {
        typed.wrong("although_refunded", "All of the money went back. Say that it shall leave all the same.");
    }
    if !typed.is_fine() {
        return work.refused(Refused::wrong(work.name, typed)).await;
    }
    let request = ShipOrder {
        actor: work.actor(),
        carrier: typed.value("carrier").to_owned(),
        tracking_number: typed.value("tracking_number").to_owned(),
        although_refunded,
    };
    let answer = work.shop.peers.ship_order(work.id, &request).await;
    work.end(typed, answer).await
}

pub(in super::super) async fn cancel(
    State(shop): State<Shop>,
    PathId(id): PathId,
    form: StaffForm,
) -> Result<Response, PageError> {
    let work = Work::begin(shop, form, id, "cancel")?;
    let mut typed = typed(&work.form, &["reason"]);
    if typed.value("reason").is_empty() {
        typed.wrong("reason", "Say why: it is kept with the order.");
        return work.refused(Refused::wrong(work.name, typed)).await;
    }
    let request = CancelOrder { actor: work.actor(), reason: typed.value("reason").to_owned() };
    let answer = work.shop.peers.staff_cancel(work.id, &request).await;
    work.end(typed, answer).await
}

pub(in super::super) async fn refund(
    State(shop): State<Shop>,
    PathId(id): PathId,
    form: StaffForm,
) -> Result<Response, PageError> {
    let work = Work::begin(shop, form, id, "refund")?;
    let key = work.form.key()?;
    let mut typed = typed(&work.form, &["amount", "reason"]);
    let Some(amount_minor) = minor_units(typed.value("amount")) else {
        typed.wrong("amount", "Enter an amount like 12.50.");
        return work.refused(Refused::wrong(work.name, typed)).await;
    };
    let request = NewOrderRefund {
        actor: work.actor(),
        amount: Money::new(amount_minor, Currency::Eur),
        reason: typed.value("reason").to_owned(),
    };
    let answer = work.shop.peers.refund_order(&key, work.id, &request).await;
    if answer.as_ref().is_err_and(CallError::is_rejection) {
        let left = work.shop.peers.order(work.id).await?.refundable();
        if left.amount_minor < amount_minor {
            typed.wrong("amount", format!("At most {} can be given back.", price(left)));
        }
    }
    work.end(typed, answer).await
}

pub(in super::super) async fn receive(
    State(shop): State<Shop>,
    PathId(id): PathId,
    form: StaffForm,
) -> Result<Response, PageError> {
    let work = Work::begin(shop, form, id, "receive")?;
    let back = work.form.text("return").parse().map_err(|_| PageError::BadForm("no return".to_owned()))?;
    let note = StaffNote { actor: work.actor(), note: work.form.text("note") };
    let had_all = work.shop.peers.order(work.id).await?.all_money_went_back();
    let answer = work.shop.peers.receive_return(work.id, back, &note).await;
    let done = if had_all { RECEIVED_UNPAID } else { work.name };
    work.end_as(done, Typed::default(), answer).await
}

pub(in super::super) async fn refuse_return(
    State(shop): State<Shop>,
    PathId(id): PathId,
    form: StaffForm,
) -> Result<Response, PageError> {
    let work = Work::begin(shop, form, id, "refuse-return")?;
    let back = work.form.text("return").parse().map_err(|_| PageError::BadForm("no return".to_owned()))?;
    let mut typed = typed(&work.form, &["reason"]);
    if typed.value("reason").is_empty() {
        typed.wrong("reason", "Say why: the shopper reads it.");
        return work.refused(Refused::wrong(work.name, typed)).await;
    }
    let request = RefuseReturn { actor: work.actor(), reason: typed.value("reason").to_owned() };
    let answer = work.shop.peers.refuse_return(work.id, back, &request).await;
    work.end(typed, answer).await
}

pub(in super::super) async fn resolve(
    State(shop): State<Shop>,
    PathId(id): PathId,
    form: StaffForm,
) -> Result<Response, PageError> {
    let work = Work::begin(shop, form, id, "resolve")?;
    let resolution = Resolution::parse(&work.form.text("resolution"))
        .ok_or_else(|| PageError::BadForm("no resolution".to_owned()))?;
    let mut typed = typed(&work.form, &["note"]);
    if typed.value("note").is_empty() {
        typed.wrong("note", "Say what you found out: it is kept with the order.");
        return work.refused(Refused::wrong(work.name, typed)).await;
    }
    let request = ResolveOrder { actor: work.actor(), resolution, note: typed.value("note").to_owned() };
    let answer = work.shop.peers.resolve_order(work.id, &request).await;
    work.end(typed, answer).await
}

/// A form about an order, of somebody whose role allows it.
struct Work {
    shop: Shop,
    form: StaffForm,
    id: OrderId,
    /// The form's name.
    name: &'static str,
}

impl Work {
    fn begin(shop: Shop, form: StaffForm, id: Uuid, name: &'static str) -> Result<Self, PageError> {
        form.staff.require(StaffRole::Clerk)?;
        Ok(Self { shop, form, id: OrderId::new(id), name })
    }

    fn actor(&self) -> String {
        self.form.staff.member.username.clone()
    }

    /// Back to the order, which says what was done; a refusal is said on its page.
    async fn end(self, typed: Typed, answer: Result<Order, CallError>) -> Result<Response, PageError> {
        let done = self.name;
        self.end_as(done, typed, answer).await
    }

    /// The same, with a name of its own for what was done.
    async fn end_as(
        self,
        done: &str,
        typed: Typed,
        answer: Result<Order, CallError>,
    ) -> Result<Response, PageError> {
        match answer {
            Ok(_) => Ok(see_other(&format!("/staff/orders/{}?done={done}", self.id))),
            Err(cause) => self.refused(Refused::by_service(self.name, typed, cause)?).await,
        }
    }

    async fn refused(&self, refused: Refused) -> Result<Response, PageError> {
        render(&self.shop, &self.form.staff, self.id, Some(&refused), "").await
    }
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
