//! Carts, sessions and finished checkouts in Redis.
//!
//! A Redis that does not answer costs a page one short wait now and then, never more: after a failure it is left alone
//! for a moment. Callers get [`StoreError`] and say so on the page.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::ConnectionManager;
use serde::{Deserialize, Serialize};
use shop_contracts::{AccountId, Money, OrderId, ProductId};
use shop_instrumentation::kv;

/// Limits of the store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// How long a cart lives after it was last touched.
    pub cart_ttl: Duration,
    /// How long a session lives at the latest.
    pub session_ttl: Duration,
    /// How long a finished checkout is remembered.
    pub checkout_ttl: Duration,
    /// Longest wait for Redis.
    pub timeout: Duration,
    /// How long Redis is left alone after it failed.
    pub pause: Duration,
    /// Different products in a cart at most.
    pub max_lines: usize,
    /// Pieces of one product in a cart at most.
    pub max_quantity: u32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        let day = Duration::from_hours(24);
        Self {
            cart_ttl: day * 30,
            session_ttl: day * 30,
            checkout_ttl: day,
            timeout: Duration::from_millis(250),
            pause: Duration::from_secs(1),
            max_lines: 50,
            max_quantity: 99,
        }
    }
}

/// Redis does not answer.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("carts and sessions are not to be had just now")]
pub struct StoreError;

/// Who is logged in, as the store keeps it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedIn {
    /// The account.
    pub account_id: AccountId,
    /// To greet with.
    pub display_name: String,
    /// To fill the checkout with.
    pub email: String,
    /// Identity's own session, to end it.
    pub identity_token: String,
}

/// A product in a cart, with the price that the shopper last saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CartEntry {
    /// Which.
    pub product_id: ProductId,
    /// How many.
    pub quantity: u32,
    /// At which price, as last shown.
    pub seen: Option<Money>,
}

/// The store; clones share its connection.
#[derive(Clone)]
pub struct Store {
    redis: ConnectionManager,
    /// The limits it keeps to.
    pub config: Arc<StoreConfig>,
    started: Instant,
    paused_until_ms: Arc<AtomicU64>,
}

impl Store {
    /// A store in this Redis.
    pub fn new(redis: ConnectionManager, config: StoreConfig) -> Self {
        let paused_until_ms = Arc::new(AtomicU64::new(0));
        Self { redis, config: Arc::new(config), started: Instant::now(), paused_until_ms }
    }

    /// The session and the number of pieces in the cart, in one trip.
    pub async fn visitor(
        &self,
        session: Option<&str>,
        cart: Option<&str>,
    ) -> Result<(Option<LoggedIn>, u32), StoreError> {
        let mut pipe = redis::pipe();
        pipe.get(session_key(session.unwrap_or("-"))).hvals(cart_key(cart.unwrap_or("-")));
        let (session, quantities): (Option<String>, Vec<u32>) = self.run("GET visitor", pipe).await?;
        let session = session.and_then(|text| serde_json::from_str(&text).ok());
        Ok((session, quantities.iter().sum()))
    }

    /// What is in the cart, in a fixed order.
    pub async fn cart(&self, cart: &str) -> Result<Vec<CartEntry>, StoreError> {
        let mut pipe = redis::pipe();
        pipe.hgetall(cart_key(cart)).hgetall(seen_key(cart));
        let (quantities, seen): (Vec<(String, u32)>, Vec<(String, String)>) =
            self.run("HGETALL cart", pipe).await?;
        let mut entries: Vec<CartEntry> = quantities
            .into_iter()
            .filter_map(|(id, quantity)| {
                let price = seen.iter().find(|(seen_id, _)| *seen_id == id);
                let seen = price.and_then(|(_, price)| serde_json::from_str(price).ok());
                Some(CartEntry { product_id: id.parse().ok()?, quantity, seen })
            })
            .collect();
        entries.sort_by_key(|entry| entry.product_id);
        Ok(entries)
    }

    /// Puts pieces in the cart, up to the bound for one product. False when the cart is full.
    pub async fn add(
        &self,
        cart: &str,
        product: ProductId,
        quantity: u32,
        price: Money,
    ) -> Result<bool, StoreError> {
        let id = product.to_string();
        let mut look = redis::pipe();
        look.hlen(cart_key(cart)).hexists(cart_key(cart), &id);
        let (lines, known): (usize, bool) = self.run("HLEN cart", look).await?;
        if !known && lines >= self.config.max_lines {
            return Ok(false);
        }
        let mut pipe = redis::pipe();
        pipe.atomic().hincr(cart_key(cart), &id, quantity);
        self.note_price(&mut pipe, cart, &id, price);
        let (total,): (u32,) = self.run("HINCRBY cart", pipe).await?;
        if total > self.config.max_quantity {
            self.set_quantity(cart, product, self.config.max_quantity).await?;
        }
        Ok(true)
    }

    /// Sets how many pieces of a product that is in the cart; none takes it out.
    pub async fn set_quantity(
        &self,
        cart: &str,
        product: ProductId,
        quantity: u32,
    ) -> Result<(), StoreError> {
        let id = product.to_string();
        let mut pipe = redis::pipe();
        pipe.atomic();
        if quantity == 0 {
            pipe.hdel(cart_key(cart), &id).ignore().hdel(seen_key(cart), &id).ignore();
        } else {
            pipe.hset(cart_key(cart), &id, quantity.min(self.config.max_quantity)).ignore();
        }
        self.touch(&mut pipe, cart);
        self.run("HSET cart", pipe).await
    }

    /// Remembers the prices that the shopper has now seen, and keeps the cart alive.
    pub async fn saw_prices(&self, cart: &str, prices: &[(ProductId, Money)]) -> Result<(), StoreError> {
        let mut pipe = redis::pipe();
        pipe.atomic();
        for (product, price) in prices {
            self.note_price(&mut pipe, cart, &product.to_string(), *price);
        }
        self.touch(&mut pipe, cart);
        self.run("HSET cart prices", pipe).await
    }

    /// Notes which order came of a checkout form, and empties the cart if the order stands.
    pub async fn finish_checkout(&self, key: &str, order: OrderId, cart: &str) -> Result<(), StoreError> {
        let mut pipe = redis::pipe();
        pipe.atomic()
            .set_ex(checkout_key(key), order.to_string(), self.config.checkout_ttl.as_secs())
            .ignore()
            .del(cart_key(cart))
            .ignore()
            .del(seen_key(cart))
            .ignore();
        self.run("SET checkout", pipe).await
    }

    /// The order that came of a checkout form.
    pub async fn find_checkout(&self, key: &str) -> Result<Option<OrderId>, StoreError> {
        let mut pipe = redis::pipe();
        pipe.get(checkout_key(key));
        let (order,): (Option<String>,) = self.run("GET checkout", pipe).await?;
        Ok(order.and_then(|id| id.parse().ok()))
    }

    /// Opens a session.
    pub async fn open_session(&self, id: &str, who: &LoggedIn) -> Result<(), StoreError> {
        let text = serde_json::to_string(who).map_err(|_| StoreError)?;
        let mut pipe = redis::pipe();
        pipe.set_ex(session_key(id), text, self.config.session_ttl.as_secs()).ignore();
        self.run("SET session", pipe).await
    }

    /// Ends a session.
    pub async fn close_session(&self, id: &str) -> Result<(), StoreError> {
        let mut pipe = redis::pipe();
        pipe.del(session_key(id)).ignore();
        self.run("DEL session", pipe).await
    }

    fn note_price(&self, pipe: &mut redis::Pipeline, cart: &str, id: &str, price: Money) {
        let text = serde_json::to_string(&price).unwrap_or_default();
        pipe.hset(seen_key(cart), id, text).ignore();
        self.touch(pipe, cart);
    }

    fn touch(&self, pipe: &mut redis::Pipeline, cart: &str) {
        let seconds = self.config.cart_ttl.as_secs() as i64;
        pipe.expire(cart_key(cart), seconds).ignore().expire(seen_key(cart), seconds).ignore();
    }

    async fn run<T: redis::FromRedisValue>(
        &self,
        operation: &'static str,
        pipe: redis::Pipeline,
    ) -> Result<T, StoreError> {
        if self.elapsed_ms() < self.paused_until_ms.load(Ordering::Relaxed) {
            return Err(StoreError);
        }
        let mut redis = self.redis.clone();
        let work = async move { pipe.query_async::<T>(&mut redis).await };
        self.within_time(kv::observe(operation, work)).await
    }

    async fn within_time<T>(
        &self,
        work: impl Future<Output = Result<T, redis::RedisError>>,
    ) -> Result<T, StoreError> {
        let cause = match tokio::time::timeout(self.config.timeout, work).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(cause)) => cause.to_string(),
            Err(cause) => cause.to_string(),
        };
        let until = self.elapsed_ms() + self.config.pause.as_millis() as u64;
        self.paused_until_ms.store(until, Ordering::Relaxed);
        tracing::warn!(error = cause, "redis does not answer");
        Err(StoreError)
    }

    fn elapsed_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}

fn cart_key(id: &str) -> String {
    format!("storefront:cart:{id}")
}

fn seen_key(id: &str) -> String {
    format!("storefront:cart-seen:{id}")
}

fn session_key(id: &str) -> String {
    format!("storefront:session:{id}")
}

fn checkout_key(key: &str) -> String {
    format!("storefront:checkout:{key}")
}
