//! A press of a button of the checkout's form: the order itself, a voucher's code, or a saved address.
//!
//! Each ends with another page to look at: the order's, or the form again, with what was typed and what came of it in a
//! sealed cookie. So every page can be loaded again and gone back to.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, Utc};
use shop_contracts::ProductId;
use shop_contracts::orders::{NewOrder, NewOrderLine, Order, OrderStatus};
use shop_instrumentation::client::CallError;
use shop_instrumentation::clock;
use shop_instrumentation::problem::Code;

use super::super::cart::{self, Ask, up_to_date};
use super::super::{PageError, Shop, see_other};
use super::draft::{Draft, forget};
use super::outcome::{Outcome, is_uncharged};
use super::voucher::AsWhom;
use super::{FIELDS, address_book, offer, voucher};
use crate::border::ClientAddress;
use crate::cart::{Cart, Offer, Priced};
use crate::checkout::{Age, OrdersAnswer, Seen, Settled, Verdict};
use crate::form::Typed;
use crate::visitor::{OwnForm, Submitted, Visitor, drop_session, keep_cart, keep_guest_order, now_us};

/// The form's field that says as whom it orders, and its value for somebody who is logged in.
pub(super) const AS: &str = "as";
pub(super) const AS_ACCOUNT: &str = "account";
/// Keys of orders that were over before this press, skipped in one press at most.
const MOST_KEYS: usize = 4;

pub(super) async fn press(
    State(shop): State<Shop>,
    client: ClientAddress,
    headers: HeaderMap,
    OwnForm(form): OwnForm,
) -> Result<Response, PageError> {
    let seen = Seen::parse(&form.text("seen")).ok_or_else(|| PageError::BadForm("no version".to_owned()))?;
    let mut form = form.confirmed(&shop).await;
    let mut typed = Typed::default();
    for name in FIELDS {
        typed.set(name, form.text(name));
    }
    let action = form.text("do");
    let is_session_gone = form.visitor.account.is_none() && form.text(AS) == AS_ACCOUNT;
    if form.visitor.ended.is_some() || is_session_gone {
        return Ok(logged_out(&shop, &form.visitor, &typed));
    }
    if let Some(at) = action.strip_prefix("use-") {
        return Ok(use_address(&shop, &headers, &form, typed, at).await);
    }
    let news = up_to_date(&shop, &mut form.visitor, Ask::All).await;
    let Some(contents) = form.visitor.cart.clone() else { return Ok(see_other("/cart")) };
    // Where this question found that order and something is left, the contents were others than those that were seen.
    let of_seen =
        contents.order_of(seen.version).filter(|_| contents.is_empty() || news.took_pieces().is_none());
    if let Some(order) = of_seen.or(news.took_pieces().filter(|_| contents.is_empty())) {
        return Ok(kept(see_other(&format!("/orders/{order}")), &contents));
    }
    let priced = cart::load(&shop, Some(&contents)).await?;
    if priced.is_empty() {
        return Ok(kept(see_other("/cart"), &contents));
    }
    if !contents.has_room_for_order() {
        return Ok(kept(cart::full_of_orders(), &contents));
    }
    // Contents that may be an order already may have used the code themselves: orders knows.
    let as_whom = if action == "show" || contents.is_unsettled(contents.version) {
        AsWhom::Account
    } else {
        AsWhom::AccountAndAddress
    };
    let said = voucher::check(&shop, &form.visitor, client, &priced, &typed, as_whom).await;
    let (said, terms) = said.map_or((None, None), |(said, terms)| (Some(said), terms));
    let press = Press {
        client,
        offer: offer(&priced, &typed, terms.as_ref())?,
        shop,
        visitor: form.visitor,
        contents,
        priced,
        typed,
        said,
        is_ordered: news.took_pieces().is_some(),
    };
    if action == "show" { Ok(press.shown()) } else { press.order(&seen).await }
}

/// The session that the form was sent in is over: nothing is ordered in its name, and the browser is a guest's now.
fn logged_out(shop: &Shop, visitor: &Visitor, typed: &Typed) -> Response {
    let mut response = see_other("/checkout");
    let draft = Draft { is_logged_out: true, ..Draft::new(visitor, typed) };
    Draft { outcome: Some(Outcome::LogIn), ..draft }.keep(&mut response, shop);
    drop_session(&mut response, shop);
    response
}

/// Fills in an address of the account's book, by its place in it.
async fn use_address(
    shop: &Shop,
    headers: &HeaderMap,
    form: &Submitted,
    mut typed: Typed,
    at: &str,
) -> Response {
    let account = form.visitor.account.as_ref().map(|who| who.account_id);
    let book = address_book::load(shop, account).await;
    if let Some(saved) = at.parse().ok().and_then(|at: usize| book.addresses.into_iter().nth(at)) {
        address_book::fill(&mut typed, saved);
    }
    let before = Draft::read(headers, shop, &form.visitor).unwrap_or_default();
    let mut response = see_other("/checkout");
    let is_same_code = before.is_of(voucher::FIELD, typed.value(voucher::FIELD));
    let voucher = before.voucher.filter(|_| is_same_code);
    Draft { voucher, ..Draft::new(&form.visitor, &typed) }.keep(&mut response, shop);
    response
}

fn kept(mut response: Response, cart: &Cart) -> Response {
    keep_cart(&mut response, cart);
    response
}

/// One press of a button.
struct Press {
    shop: Shop,
    client: ClientAddress,
    visitor: Visitor,
    contents: Cart,
    priced: Priced,
    offer: Offer,
    typed: Typed,
    /// About the voucher's code.
    said: Option<voucher::Said>,
    /// Whether an order was found that took its pieces out of the cart.
    is_ordered: bool,
}

impl Press {
    /// "Apply": the form again, with the new total.
    fn shown(self) -> Response {
        self.again(None, false)
    }

    async fn order(mut self, seen: &Seen) -> Result<Response, PageError> {
        // The code may be used up by the very order of which the answer was lost: then orders knows the key and shows it,
        // and otherwise refuses the code itself. The total that is sent is without it, so nothing can be ordered unseen.
        // A code that orders was not asked about stays refused, or codes could be tried without end.
        let asks_again = seen.version == self.contents.version
            && self.contents.is_unsettled(self.contents.version)
            && matches!(self.said, Some(voucher::Said::Refused(_)));
        if let Some(said) = self.said.as_ref().filter(|_| !asks_again) {
            said.mark(&mut self.typed);
        }
        self.typed.check_checkout();
        if !self.typed.is_fine() {
            return Ok(self.again(Some(Outcome::Wrong), true));
        }
        if !asks_again && *seen != self.seen(&self.offer) {
            // Typed, but the total with it was never shown.
            let without = offer(&self.priced, &self.typed, None)?;
            let is_voucher = self.said == Some(voucher::Said::Counts) && *seen == self.seen(&without);
            let outcome = match (is_voucher, self.is_ordered) {
                (true, _) => Outcome::VoucherTyped,
                (false, true) => Outcome::Ordered,
                (false, false) => Outcome::CartChanged,
            };
            return Ok(self.again(Some(outcome), true));
        }
        // What may be an order already is asked for whatever happens: that tries no other card.
        let is_new = !self.contents.is_unsettled(self.contents.version);
        if is_new && self.shop.declines.are_over(&self.contents.reference().id, self.client, Instant::now()) {
            return Ok(self.again(Some(Outcome::DeclinedOften), true));
        }
        Ok(self.send().await)
    }

    /// What a form with this offer shows.
    fn seen(&self, offer: &Offer) -> Seen {
        Seen { version: self.contents.version, fingerprint: offer.fingerprint(&self.priced) }
    }

    /// Sends the order until the answer is about this press and not about one before it.
    async fn send(mut self) -> Response {
        for _ in 0..MOST_KEYS {
            let pressed_at = clock::now();
            let answer = self.shop.peers.place_order(&self.contents.key(), &self.new_order()).await;
            let others = self.others(&answer);
            if !others.is_empty() {
                return self.ordered(&others);
            }
            match self.contents.conclude(read(&answer, pressed_at), now_us()) {
                Verdict::SendAgain => {}
                verdict => return self.conclude(verdict, answer),
            }
        }
        self.again(Some(Outcome::TriedOften), true)
    }

    /// Orders that an answer tells of and that are of other contents than these, newest first.
    fn others(&self, answer: &Result<Order, CallError>) -> Vec<Order> {
        let Err(cause) = answer else { return Vec::new() };
        match cause.code() {
            Code::CartOrdered => cause.existing().unwrap_or_default(),
            Code::KeyReused | Code::AlreadyOrdered => {
                let order = cause.existing::<Order>();
                order.filter(|order| self.is_of_others(order)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether an order of this very version, which is not over, is not of what was pressed here. What is no longer sold
    /// has no part in it.
    fn is_of_others(&self, order: &Order) -> bool {
        let count = |lines: &mut dyn Iterator<Item = (ProductId, u32)>| {
            let mut counts = BTreeMap::<ProductId, u32>::new();
            lines.for_each(|(id, quantity)| *counts.entry(id).or_default() += quantity);
            counts
        };
        let there = count(&mut order.lines.iter().map(|line| (line.product_id, line.quantity)));
        let here = count(&mut self.priced.lines.iter().map(|line| (line.product.id, line.quantity)));
        Settled::of(order.status) != Settled::Over
            && there != here
            && self.contents.is_of_other_contents(order)
    }

    /// Nothing was ordered: other orders took pieces of this cart. What is left of it is shown before it is ordered.
    fn ordered(mut self, others: &[Order]) -> Response {
        tracing::info!(orders = others.len(), "the cart was ordered elsewhere");
        for order in others.iter().rev() {
            self.contents.learn(order, now_us());
        }
        match others.first() {
            Some(order) if self.contents.is_empty() => {
                kept(see_other(&format!("/orders/{}", order.id)), &self.contents)
            }
            _ => self.again(Some(Outcome::Ordered), true),
        }
    }

    fn new_order(&self) -> NewOrder {
        let lines = self.priced.lines.iter().map(|line| NewOrderLine {
            product_id: line.product.id,
            quantity: line.quantity,
            unit_price: line.product.price,
        });
        NewOrder {
            account_id: self.visitor.account.as_ref().map(|account| account.account_id),
            email: self.typed.value("email").to_owned(),
            lines: lines.collect(),
            ship_to: self.typed.address(),
            payment_token: self.typed.value("payment_token").to_owned(),
            cart: Some(self.contents.reference()),
            known: Some(self.contents.known_orders()),
            delivery: Some(self.typed.delivery()),
            voucher: Some(self.typed.value(voucher::FIELD).to_owned()).filter(|code| !code.is_empty()),
            expected_total: Some(self.offer.by(self.typed.delivery()).total),
        }
    }

    fn conclude(mut self, verdict: Verdict, answer: Result<Order, CallError>) -> Response {
        if let Err(cause) = &answer {
            tracing::warn!(error = %cause, "the order was not simply taken");
        }
        let outcome = match (verdict, answer) {
            (Verdict::Show(order), answer) => {
                let waits = answer.is_ok_and(|order| Settled::of(order.status) == Settled::Waits);
                self.count(if waits { "pending" } else { "placed" });
                let mut response = kept(see_other(&format!("/orders/{order}")), &self.contents);
                forget(&mut response, &self.shop);
                if self.visitor.account.is_none() {
                    keep_guest_order(&mut response, &self.shop, &self.visitor, order);
                }
                return response;
            }
            (Verdict::Over(_, charge), Ok(order)) => {
                let is_uncharged = is_uncharged(charge);
                match (order.status, order.reason.as_deref()) {
                    (OrderStatus::Declined, _) => {
                        self.shop.declines.count(&self.contents.reference().id, self.client, Instant::now());
                        Outcome::Declined { is_uncharged }
                    }
                    (_, Some("payment_timeout")) => Outcome::BankSilent { is_uncharged },
                    _ => Outcome::SoldOut { is_uncharged },
                }
            }
            (Verdict::Refused, Err(cause)) => self.refused(&cause),
            _ => Outcome::Unknown,
        };
        self.again(Some(outcome), true)
    }

    /// Nothing was written for this press; what came of one before it is not said.
    fn refused(&mut self, cause: &CallError) -> Outcome {
        match cause.code() {
            Code::VoucherRefused => {
                self.said = Some(voucher::said(cause));
                Outcome::VoucherGone
            }
            Code::Conflict | Code::CartOrdered => Outcome::SomethingChanged,
            Code::TotalChanged => Outcome::TotalChanged,
            Code::RateLimited => Outcome::Busy,
            _ => Outcome::NotTaken,
        }
    }

    /// The form again. The prices stay as the shopper last saw them: that page shows the new ones and names what changed.
    fn again(self, outcome: Option<Outcome>, is_checked: bool) -> Response {
        if let Some(counted) = outcome.and_then(Outcome::counted_as) {
            self.count(counted);
        }
        let mut typed = self.typed;
        let is_declined = matches!(outcome, Some(Outcome::Declined { .. }));
        if is_declined {
            // One more press would be the same card again.
            typed.set("payment_token", "");
        }
        let is_checked = is_checked && !is_declined;
        let mut response = kept(see_other("/checkout"), &self.contents);
        let draft = Draft::new(&self.visitor, &typed);
        Draft { outcome, is_checked, voucher: self.said, ..draft }.keep(&mut response, &self.shop);
        response
    }

    fn count(&self, outcome: &str) {
        self.shop.checkouts.with_label_values(&[outcome]).inc();
    }
}

/// What the answer says about the key.
fn read(answer: &Result<Order, CallError>, pressed_at: DateTime<Utc>) -> OrdersAnswer {
    match answer {
        Ok(order) => {
            let age = if order.placed_at >= pressed_at { Age::ThisPress } else { Age::Before };
            OrdersAnswer::Order(order.id, Settled::of(order.status), age)
        }
        Err(cause) => match (cause.code(), cause.existing::<Order>()) {
            (Code::KeyReused | Code::AlreadyOrdered, Some(order)) => {
                OrdersAnswer::Existing(order.id, Settled::of(order.status))
            }
            (Code::KeyReused | Code::AlreadyOrdered | Code::Timeout, _) => OrdersAnswer::Unknown,
            _ if cause.is_rejection() => OrdersAnswer::Refused,
            _ => OrdersAnswer::Unknown,
        },
    }
}
