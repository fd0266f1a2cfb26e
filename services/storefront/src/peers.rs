//! The services behind the pages.

mod account;
mod discovery;
mod people;
mod staff;
mod vouchers;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use shop_contracts::catalog::{Categories, Category, Product, ProductPage, Products, Sort};
use shop_contracts::identity::{LogIn, RegisterAccount, Registered, Session, SessionInfo};
use shop_contracts::inventory::StockLevels;
use shop_contracts::orders::{
    CancelOrder, NewOrder, NewReturn, Order, OrderLookup, OrderPage, WithdrawReturn,
};
use shop_contracts::{AccountId, OrderId, ProductId};
use shop_instrumentation::client::{Answer, Call, CallError, ClientConfig, ServiceClient};
use shop_instrumentation::{Boot, StartError};
use uuid::Uuid;

use crate::cart::CartId;
use crate::micro_cache::MicroCache;

/// How long a list's marks of what is sold out are kept, and how much longer while inventory is asked anew or is away.
const SOLD_OUT_FRESH: Duration = Duration::from_secs(5);
const SOLD_OUT_STALE: Duration = Duration::from_mins(2);
/// How long a list waits for them when nothing is known yet.
const SOLD_OUT_WAIT: Duration = Duration::from_millis(250);

/// Which products a list shows.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Of this category.
    pub category: Option<String>,
    /// Matching these words.
    pub words: Option<String>,
    /// The words as they are spelled, and nothing that is spelled alike.
    pub exact: bool,
    /// Of this maker.
    pub maker: Option<String>,
    /// Each product of a group of variants, not one for all.
    pub ungrouped: bool,
    /// At this price or above, minor units.
    pub min_price: Option<i64>,
    /// At this price or below, minor units.
    pub max_price: Option<i64>,
    /// Page, from 1.
    pub page: u32,
    /// Products on a page.
    pub per_page: u32,
    /// In this order.
    pub sort: Sort,
}

/// Clients of all peers, with a memory of a few seconds for lists.
#[derive(Clone)]
pub struct Peers {
    catalog: ServiceClient,
    inventory: ServiceClient,
    orders: ServiceClient,
    identity: ServiceClient,
    categories: MicroCache<Vec<Category>, CallError>,
    lists: MicroCache<ProductPage, CallError>,
    sold_out: MicroCache<HashSet<ProductId>, CallError>,
}

impl Peers {
    /// Clients for the addresses in `*_URLS`.
    pub fn from_env(boot: &mut Boot) -> Result<Self, StartError> {
        let quick = ClientConfig {
            attempt_timeout: Duration::from_millis(2_500),
            call_timeout: Duration::from_secs(5),
            ..ClientConfig::default()
        };
        // A slow bank is not a broken one: placing an order may take its time.
        let patient = ClientConfig { attempt_timeout: Duration::from_secs(8), ..ClientConfig::default() };
        let mut client = |peer, variable, config| {
            let urls = boot.env.list(variable);
            boot.client(peer, urls, config)
        };
        Ok(Self {
            catalog: client("catalog", "CATALOG_URLS", quick)?,
            inventory: client("inventory", "INVENTORY_URLS", quick)?,
            orders: client("orders", "ORDERS_URLS", patient)?,
            identity: client("identity", "IDENTITY_URLS", quick)?,
            categories: MicroCache::new(Duration::from_secs(15), Duration::from_hours(1), 1),
            lists: MicroCache::new(Duration::from_secs(2), Duration::from_secs(10), 256),
            sold_out: MicroCache::new(SOLD_OUT_FRESH, SOLD_OUT_STALE, 256),
        })
    }

    /// All categories; the last ones known when the catalogue does not answer, for the menu must not vanish.
    pub async fn categories(&self) -> Arc<Vec<Category>> {
        let catalog = self.catalog.clone();
        let load = || async move {
            let answer: Result<Categories, CallError> = catalog.request(Call::get("/v1/categories")).await;
            answer.map(|answer| answer.categories)
        };
        match self.categories.get_or_load("all", load).await {
            Ok(categories) => categories,
            Err(cause) => {
                tracing::warn!(error = %cause, "categories are not available");
                self.categories.last("all").unwrap_or_default()
            }
        }
    }

    /// One page of products.
    pub async fn list(&self, listing: &Listing) -> Result<Arc<ProductPage>, CallError> {
        let mut path =
            format!("/v1/products?page={}&per_page={}&sort={}", listing.page, listing.per_page, listing.sort);
        let texts = [("category", &listing.category), ("q", &listing.words), ("maker", &listing.maker)];
        for (name, value) in texts {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={}", urlencoding::encode(value)));
            }
        }
        for (name, value) in [("min_price", listing.min_price), ("max_price", listing.max_price)] {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={value}"));
            }
        }
        if listing.exact {
            path.push_str("&exact=true");
        }
        if listing.ungrouped {
            path.push_str("&ungrouped=true");
        }
        let (catalog, call) = (self.catalog.clone(), Call::get(&path));
        self.lists.get_or_load(&path, || async move { catalog.request(call).await }).await
    }

    /// The product with this slug.
    pub async fn product(&self, slug: &str) -> Result<Product, CallError> {
        self.catalog.request(Call::get(format!("/v1/products/{}", urlencoding::encode(slug)))).await
    }

    /// The products with these ids that still exist.
    pub async fn products(&self, ids: &[ProductId]) -> Result<Vec<Product>, CallError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let path = format!("/v1/products-by-id?ids={}", join(ids));
        self.catalog.request::<Products>(Call::get(path)).await.map(|answer| answer.products)
    }

    /// The picture of the product with this slug, under this version if one is named.
    pub async fn picture(&self, slug: &str, version: &str) -> Result<Answer, CallError> {
        let mut path = format!("/v1/products/{}/picture.svg", urlencoding::encode(slug));
        if !version.is_empty() {
            path.push_str(&format!("?v={}", urlencoding::encode(version)));
        }
        self.catalog.send(Call::get(path)).await
    }

    /// How many of each can be had; `None` when inventory does not say.
    pub async fn stock(&self, ids: &[ProductId]) -> Option<HashMap<ProductId, u32>> {
        if ids.is_empty() {
            return Some(HashMap::new());
        }
        let path = format!("/v1/stock?ids={}", join(ids));
        match self.inventory.request::<StockLevels>(Call::get(path)).await {
            Ok(answer) => {
                Some(answer.levels.into_iter().map(|level| (level.product_id, level.available)).collect())
            }
            Err(cause) => {
                tracing::warn!(error = %cause, "stock is not available");
                None
            }
        }
    }

    /// Which of these are sold out, as far as that is known at once: a list does not wait for inventory, nor fail with it.
    pub async fn sold_out(&self, ids: &[ProductId]) -> HashSet<ProductId> {
        if ids.is_empty() {
            return HashSet::new();
        }
        let path = format!("/v1/stock?ids={}", join(ids));
        let (inventory, call) = (self.inventory.clone(), Call::get(&path));
        let load = || async move {
            let answer: StockLevels = inventory.request(call).await?;
            let none = answer.levels.into_iter().filter(|level| level.available == 0);
            Ok(none.map(|level| level.product_id).collect())
        };
        match tokio::time::timeout(SOLD_OUT_WAIT, self.sold_out.get_or_load(&path, load)).await {
            Ok(Ok(found)) => HashSet::clone(&found),
            Ok(Err(cause)) => {
                tracing::debug!(error = %cause, "what is sold out is not marked");
                HashSet::new()
            }
            // Whoever asks next has the answer, if it comes.
            Err(_) => HashSet::new(),
        }
    }

    /// Places an order; the same key places it once.
    pub async fn place_order(&self, key: &str, order: &NewOrder) -> Result<Order, CallError> {
        self.orders.request(Call::post("/v1/orders", order).idempotency_key(key)).await
    }

    /// The order with this id.
    pub async fn order(&self, id: OrderId) -> Result<Order, CallError> {
        self.orders.request(Call::get(format!("/v1/orders/{id}"))).await
    }

    /// The newest orders of a cart that stand or may come to stand.
    pub async fn orders_of_cart(&self, cart: CartId) -> Result<Vec<Order>, CallError> {
        let found: OrderPage = self.orders.request(Call::get(format!("/v1/carts/{cart}/orders"))).await?;
        Ok(found.orders)
    }

    /// The order with this number, if it was placed with this address.
    pub async fn look_up(&self, lookup: &OrderLookup) -> Result<Order, CallError> {
        self.orders.request(Call::post("/v1/orders/lookup", lookup).idempotent()).await
    }

    /// Cancels an order; once, however often it is asked.
    pub async fn cancel(&self, id: OrderId, cancel: &CancelOrder) -> Result<Order, CallError> {
        self.orders.request(Call::post(format!("/v1/orders/{id}/cancel"), cancel).idempotent()).await
    }

    /// Announces a return; the same key announces it once.
    pub async fn send_back(&self, id: OrderId, key: &str, new: &NewReturn) -> Result<Order, CallError> {
        let call = Call::post(format!("/v1/orders/{id}/returns"), new).idempotency_key(key);
        self.orders.request(call).await
    }

    /// The shopper keeps what was announced to come back.
    pub async fn withdraw_return(&self, id: OrderId, return_id: Uuid) -> Result<Order, CallError> {
        let path = format!("/v1/orders/{id}/returns/{return_id}/withdraw");
        self.orders.request(Call::post(path, &WithdrawReturn::default()).idempotent()).await
    }

    /// One page of an account's orders, newest first.
    pub async fn orders_of(&self, account: AccountId, page: u32) -> Result<OrderPage, CallError> {
        self.orders.request(Call::get(format!("/v1/orders?account_id={account}&page={page}"))).await
    }

    /// Asks for an account; whether the address has one already is told by mail alone.
    pub async fn register(&self, key: &str, request: &RegisterAccount) -> Result<Registered, CallError> {
        self.identity.request(Call::post("/v1/accounts", request).idempotency_key(key)).await
    }

    /// Checks a password and opens a session.
    pub async fn log_in(&self, key: &str, request: &LogIn) -> Result<Session, CallError> {
        self.identity.request(Call::post("/v1/sessions", request).idempotency_key(key)).await
    }

    /// The session of this token, if it still stands.
    pub async fn session(&self, token: &str) -> Result<SessionInfo, CallError> {
        self.identity.request(Call::get("/v1/sessions/current").header("x-session-token", token)).await
    }

    /// Ends a session.
    pub async fn log_out(&self, token: &str) -> Result<(), CallError> {
        let call = Call::delete("/v1/sessions/current").header("x-session-token", token);
        self.identity.send(call).await.map(|_| ())
    }
}

fn join(ids: &[ProductId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
