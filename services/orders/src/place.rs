//! Placing an order: check, write, drive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use shop_contracts::events::OrderEventKind;
use shop_contracts::orders::{NewOrder, Order, OrderLine, OrderStatus};
use shop_contracts::{Money, OrderId, ProductId};
use shop_instrumentation::faults::Faults;
use shop_instrumentation::{Code, Problem, ids};
use tracing::Instrument as _;

use crate::ports::PriceList;
use crate::saga::drive::LEASE;
use crate::saga::{Progress, Saga};
use crate::storage::outbox::{self, Event};
use crate::storage::postgres::{Key, Stored};
use crate::telemetry::{ERRORS, LATENCY};

const MAX_LINES: usize = 50;
const MAX_QUANTITY: u32 = 99;
const MAX_TEXT_BYTES: usize = 200;
/// How long a request, first or repeated, waits for the saga. Shorter than callers wait for an answer: what is not done
/// by then goes on in the background and the answer says `pending`.
const WAIT_FOR_END: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The use case.
#[derive(Clone)]
pub struct PlaceOrder {
    pub saga: Saga,
    pub prices: Arc<dyn PriceList>,
    pub faults: Faults,
}

impl PlaceOrder {
    /// Places an order once for each key. The answer may be `pending`: then it is finished in the background.
    pub async fn place(&self, key: &str, request: NewOrder) -> Result<Order, Problem> {
        check(&request)?;
        let hash = hash(&request);
        if let Some(known) = self.saga.orders.find_by_key(key).await? {
            return self.repeated(known, &hash, key).await;
        }
        self.faults.delay(LATENCY).await;
        if self.faults.is_active(ERRORS) {
            tracing::error!("order failed by an injected fault");
            return Err(Problem::new(Code::Internal, "the order could not be placed"));
        }
        let (lines, total) = self.priced(&request).await?;
        let now = self.saga.clock.now();
        let id = OrderId::new(ids::new_id());
        let order = Order {
            id,
            number: number(id),
            account_id: request.account_id,
            email: request.email,
            status: OrderStatus::Pending,
            lines,
            total,
            ship_to: request.ship_to,
            placed_at: now,
            cart: None,
            shipment: None,
            refunds: Vec::new(),
            returns: Vec::new(),
            can_cancel: false,
            can_return: false,
            reason: None,
        };
        let new = Stored {
            order,
            progress: Progress::START,
            payment_token: request.payment_token,
            request_hash: hash.clone(),
            attempts: 0,
            traceparent: outbox::current_traceparent(),
        };
        let event = Event::new(OrderEventKind::Placed, &new.order, now);
        let stored_key = Key { idempotency_key: key.to_owned(), request_hash: hash.clone() };
        if !self.saga.orders.insert(&new, &stored_key, &event, now + LEASE).await? {
            let known = self.saga.orders.find_by_key(key).await?;
            let known = known.ok_or_else(|| Problem::new(Code::Conflict, "the order vanished"))?;
            return self.repeated(known, &hash, key).await;
        }
        // A task of its own: a shopper who closes the page does not stop the saga.
        let saga = self.saga.clone();
        let driven = tokio::spawn(async move { saga.drive(new).await }.in_current_span());
        match tokio::time::timeout(WAIT_FOR_END, driven).await {
            Ok(Ok(order)) => Ok(order?),
            Ok(Err(_)) => Err(Problem::new(Code::Internal, "the order is being worked on")),
            Err(_) => {
                let found = self.saga.orders.find(id).await?;
                Ok(found.ok_or_else(|| Problem::new(Code::Internal, "the order vanished"))?.order)
            }
        }
    }

    /// The answer of the first request, once it is known.
    async fn repeated(&self, known: Stored, hash: &[u8], key: &str) -> Result<Order, Problem> {
        if known.request_hash != hash {
            let detail = "this Idempotency-Key belongs to another order";
            return Err(Problem::new(Code::Conflict, detail));
        }
        let mut order = known.order;
        let until = tokio::time::Instant::now() + WAIT_FOR_END;
        while order.status == OrderStatus::Pending && tokio::time::Instant::now() < until {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Some(again) = self.saga.orders.find_by_key(key).await? {
                order = again.order;
            }
        }
        Ok(order)
    }

    /// Lines with the catalogue's names; refuses a price that is not the catalogue's any more.
    async fn priced(&self, request: &NewOrder) -> Result<(Vec<OrderLine>, Money), Problem> {
        let wanted: Vec<ProductId> = request.lines.iter().map(|l| l.product_id).collect();
        let products = self.prices.products(&wanted).await.map_err(|e| {
            tracing::warn!(error = %e, "prices are not to be had");
            Problem::new(Code::Unavailable, "prices cannot be checked right now").retry_after(1)
        })?;
        let by_id: BTreeMap<ProductId, _> = products.into_iter().map(|p| (p.id, p)).collect();
        let mut lines = Vec::with_capacity(request.lines.len());
        for (i, line) in request.lines.iter().enumerate() {
            let changed = |detail: String| {
                Problem::new(Code::Conflict, "the cart is out of date").field(format!("lines[{i}]"), detail)
            };
            let product =
                by_id.get(&line.product_id).ok_or_else(|| changed("is not sold any more".to_owned()))?;
            if product.price != line.unit_price {
                return Err(changed("its price has changed".to_owned()));
            }
            lines.push(OrderLine {
                product_id: product.id,
                name: product.name.clone(),
                quantity: line.quantity,
                unit_price: product.price,
            });
        }
        Ok((lines.clone(), sum(&lines)?))
    }
}

fn sum(lines: &[OrderLine]) -> Result<Money, Problem> {
    let invalid = |e: shop_contracts::MoneyError| Problem::new(Code::Invalid, e.to_string());
    let currency = lines.first().map(|l| l.unit_price.currency).unwrap_or_default();
    let amounts: Result<Vec<Money>, _> = lines.iter().map(|l| l.unit_price.checked_mul(l.quantity)).collect();
    Money::sum(currency, amounts.map_err(invalid)?).map_err(invalid)
}

/// `QD-` and the random end of the id, in two groups that can be read over the telephone.
fn number(id: OrderId) -> String {
    let hex = id.uuid().simple().to_string().to_uppercase();
    format!("QD-{}-{}", &hex[20..26], &hex[26..32])
}

fn hash(request: &NewOrder) -> Vec<u8> {
    // Field order is the struct's, so equal requests have equal bytes.
    Sha256::digest(serde_json::to_vec(request).unwrap_or_default()).to_vec()
}

fn check(request: &NewOrder) -> Result<(), Problem> {
    let invalid = |field: String, detail: String| {
        Err(Problem::new(Code::Invalid, "invalid order").field(field, detail))
    };
    if request.lines.is_empty() || request.lines.len() > MAX_LINES {
        return invalid("lines".to_owned(), format!("1 to {MAX_LINES} lines, got {}", request.lines.len()));
    }
    for (i, line) in request.lines.iter().enumerate() {
        if !(1..=MAX_QUANTITY).contains(&line.quantity) {
            return invalid(
                format!("lines[{i}].quantity"),
                format!("1 to {MAX_QUANTITY}, got {}", line.quantity),
            );
        }
    }
    let email = &request.email;
    let has_at = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if !has_at || email.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return invalid("email".to_owned(), "is not an e-mail address".to_owned());
    }
    let to = &request.ship_to;
    let texts = [
        ("email", email),
        ("ship_to.name", &to.name),
        ("ship_to.address1", &to.address1),
        ("ship_to.city", &to.city),
        ("ship_to.postcode", &to.postcode),
        ("payment_token", &request.payment_token),
    ];
    for (field, text) in texts {
        if text.trim().is_empty() || text.len() > MAX_TEXT_BYTES || text.chars().any(char::is_control) {
            return invalid(field.to_owned(), format!("1 to {MAX_TEXT_BYTES} bytes of text"));
        }
    }
    if to.country.len() != 2 || !to.country.bytes().all(|b| b.is_ascii_uppercase()) {
        return invalid("ship_to.country".to_owned(), "two capital letters (ISO 3166)".to_owned());
    }
    Ok(())
}
