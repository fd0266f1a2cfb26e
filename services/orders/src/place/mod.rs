//! Placing an order: check, write, drive.

mod check;
mod price;
mod request_hash;

use std::sync::Arc;
use std::time::Duration;

use shop_contracts::OrderId;
use shop_contracts::events::OrderEventKind;
use shop_contracts::orders::{CartRef, NewOrder, Order, OrderStatus};
use shop_instrumentation::faults::Faults;
use shop_instrumentation::telemetry::local_root;
use shop_instrumentation::{Code, Problem, ids};
use tracing::Instrument as _;

use self::check::{check, merged};
pub use self::request_hash::request_hash;
use crate::aftersale::permission;
use crate::ports::PriceList;
use crate::saga::drive::LEASE;
use crate::saga::{Progress, Saga};
use crate::storage::insert::Insertion;
use crate::storage::outbox::{self, Event};
use crate::storage::postgres::Stored;
use crate::telemetry::{ERRORS, LATENCY};
use crate::vouchers::Vouchers;

/// A version of a cart whose order was just declined is free again: how often an insert that met it is tried again.
const INSERT_ATTEMPTS: usize = 3;
/// How long a request, first or repeated, waits for the saga. Shorter than callers wait for an answer: what is not done
/// by then goes on in the background and the answer says `pending`.
pub const WAIT_FOR_END: Duration = Duration::from_secs(2);
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
        let request = NewOrder { lines: merged(request.lines), ..request };
        check(&request)?;
        let hash = request_hash(&request);
        if let Some(known) = self.known(key, &hash, request.cart.as_ref()).await? {
            return known;
        }
        self.faults.delay(LATENCY).await;
        if self.faults.is_active(ERRORS) {
            tracing::error!("order failed by an injected fault");
            return Err(Problem::new(Code::Internal, "the order could not be placed"));
        }
        let priced = match self.priced(&request).await {
            // It may be this very request that used the voucher up, pressed a moment before.
            Err(problem) if problem.code() == Code::VoucherRefused => {
                let known = self.known(key, &hash, request.cart.as_ref()).await?;
                return known.unwrap_or(Err(problem));
            }
            priced => priced?,
        };
        let now = self.saga.clock.now();
        let id = OrderId::new(ids::new_id());
        let order = Order {
            id,
            number: number(id),
            account_id: request.account_id,
            email: request.email,
            status: OrderStatus::Pending,
            lines: priced.lines,
            total: priced.total,
            ship_to: request.ship_to,
            placed_at: now,
            cart: request.cart,
            shipment: None,
            refunds: Vec::new(),
            returns: Vec::new(),
            can_cancel: false,
            can_return: false,
            reason: None,
            charges: Some(priced.charges),
            captured: None,
            needs_person: false,
        };
        let new = Stored {
            order,
            progress: Progress::START,
            payment_token: request.payment_token,
            request_hash: hash.clone(),
            attempts: 0,
            fence: 0,
            since: now,
            traceparent: outbox::current_traceparent(),
            give_backs: Vec::new(),
            returns: Vec::new(),
        };
        let event = Event::new(OrderEventKind::Placed, &new.order, now);
        let mut attempts = 0;
        loop {
            match self.saga.orders.insert(&new, key, &event, request.known.as_ref(), now + LEASE).await? {
                Insertion::Written => break,
                Insertion::CartOrdered(others) => return Err(self.cart_ordered(&others).await?),
                Insertion::Refused(refusal) => return Err(refusal.into()),
                Insertion::Taken => {}
            }
            if let Some(known) = self.known(key, &hash, new.order.cart.as_ref()).await? {
                return known;
            }
            attempts += 1;
            if attempts == INSERT_ATTEMPTS {
                return Err(Problem::new(Code::InProgress, "the cart is being ordered").retry_after(1));
            }
        }
        // A task of its own: a shopper who closes the page does not stop the saga.
        let saga = self.saga.clone();
        let driven = self.saga.running.spawn(
            async move { saga.drive(new).await }
                .instrument(local_root(tracing::info_span!(parent: None, "order saga"))),
        );
        match tokio::time::timeout(WAIT_FOR_END, driven).await {
            Ok(Ok(order)) => Ok(order?),
            Ok(Err(_)) => Err(Problem::new(Code::Internal, "the order is being worked on")),
            Err(_) => {
                let found = self.saga.orders.find(id).await?;
                Ok(found.ok_or_else(|| Problem::new(Code::Internal, "the order vanished"))?.order)
            }
        }
    }

    /// What there is already: under this key, or made from this version of the cart.
    async fn known(
        &self,
        key: &str,
        hash: &[u8],
        cart: Option<&CartRef>,
    ) -> Result<Option<Result<Order, Problem>>, Problem> {
        if let Some(known) = self.saga.orders.find_by_key(key).await? {
            return Ok(Some(self.repeated(known, hash, key).await));
        }
        let Some(cart) = cart else { return Ok(None) };
        let Some(known) = self.saga.orders.find_by_cart(cart).await? else { return Ok(None) };
        let problem = Problem::new(Code::AlreadyOrdered, "this version of the cart is an order already");
        Ok(Some(Err(problem.existing(&self.shown(known.order)))))
    }

    /// Refuses to order what may be ordered already.
    async fn cart_ordered(&self, others: &[OrderId]) -> Result<Problem, Problem> {
        let orders = self.all_shown(others).await?;
        Ok(Problem::new(Code::CartOrdered, "other orders were made from this cart").existing(&orders))
    }

    /// These orders as they are shown now, as far as they exist.
    pub async fn all_shown(&self, ids: &[OrderId]) -> Result<Vec<Order>, Problem> {
        let mut orders = Vec::with_capacity(ids.len());
        for id in ids {
            orders.extend(self.saga.orders.find(*id).await?.map(|known| self.shown(known.order)));
        }
        Ok(orders)
    }

    /// What vouchers are asked with.
    pub fn vouchers(&self) -> Vouchers {
        Vouchers { orders: self.saga.orders.clone(), clock: self.saga.clock.clone() }
    }

    /// As it is shown now.
    pub fn shown(&self, order: Order) -> Order {
        permission::shown(order, self.saga.clock.now())
    }

    /// The answer of the first request, once it is known.
    async fn repeated(&self, known: Stored, hash: &[u8], key: &str) -> Result<Order, Problem> {
        if known.request_hash != hash {
            let problem = Problem::new(Code::KeyReused, "this Idempotency-Key belongs to another request");
            return Err(problem.existing(&self.shown(known.order)));
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
}

/// `QD-` and the random end of the id, in two groups that can be read over the telephone.
fn number(id: OrderId) -> String {
    let hex = id.uuid().simple().to_string().to_uppercase();
    format!("QD-{}-{}", &hex[20..26], &hex[26..32])
}
