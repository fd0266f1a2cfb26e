//! Peers in memory that count what they did and fail when told, and an order service around them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use serde_json::{Value, json};
use shop_contracts::catalog::Product;
use shop_contracts::orders::{Order, OrderHistory, OrderLine, OrderStatus, ReturnLine};
use shop_contracts::{Money, OrderId, PaymentId, ProductId, ReservationId, seed};
use shop_instrumentation::config::Env;
use shop_instrumentation::keys::MasterKeys;
use shop_instrumentation::{Boot, ids};
use shop_orders::place::PlaceOrder;
use shop_orders::ports::{
    Authorising, Confirming, NotNow, PaymentGateway, PriceList, Reserving, Settling, Stock,
};
use shop_orders::saga::{AgeLimits, Saga};
use shop_orders::storage::postgres::{MIGRATOR, PgOrders};
use shop_orders::telemetry::{FAULTS, OrderMetrics};
use shop_orders::vouchers::AddressDigests;
use shop_orders::workers;
use shop_testkit::{MockClock, TestDb, http};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// What the peers did, and what they shall do.
#[derive(Default)]
pub struct World {
    /// Calls that fail before they do anything: name and how often.
    pub fail_before: BTreeMap<&'static str, u32>,
    /// Calls that do it and then lose the answer.
    pub fail_after: BTreeMap<&'static str, u32>,
    pub out_of_stock: bool,
    /// The payment side takes the call and never answers.
    pub silent: bool,
    pub declines: bool,
    pub held: BTreeMap<OrderId, ReservationId>,
    pub sold: Vec<ReservationId>,
    pub released: Vec<ReservationId>,
    pub authorised: BTreeMap<OrderId, PaymentId>,
    /// What each payment may take, minor units.
    pub worth: BTreeMap<PaymentId, i64>,
    pub captured: Vec<PaymentId>,
    pub voided: Vec<PaymentId>,
    pub abandoned: Vec<OrderId>,
    /// Money given back, minor units, by key.
    pub refunded: BTreeMap<String, i64>,
    /// The same, all of it, by payment.
    pub given_back: BTreeMap<PaymentId, i64>,
    /// Pieces put back on sale, by key.
    pub restocked: BTreeMap<String, u32>,
    /// Calls that are refused for good.
    pub refuses: Vec<&'static str>,
    /// How often each call was made, whatever came of it.
    pub calls: BTreeMap<&'static str, u32>,
    /// Payments still looks for the answer of a capture: until it is known, nothing else about that money is decided.
    pub capture_undecided: bool,
    /// A call that waits until it is let go on.
    pub held_up: Option<(&'static str, Arc<Semaphore>)>,
    /// Whether a call waits there.
    pub is_waiting: bool,
}

/// All peers at once.
#[derive(Clone, Default)]
pub struct Peers(pub Arc<Mutex<World>>);

impl Peers {
    fn call<T>(&self, name: &'static str, act: impl FnOnce(&mut World) -> T) -> Result<T, NotNow> {
        let mut world = self.0.lock().unwrap();
        *world.calls.entry(name).or_default() += 1;
        let due = |counts: &mut BTreeMap<&'static str, u32>| {
            counts.get_mut(name).is_some_and(|n| {
                let fails = *n > 0;
                *n = n.saturating_sub(1);
                fails
            })
        };
        if due(&mut world.fail_before) {
            return Err(NotNow(format!("{name} is away")));
        }
        let answer = act(&mut world);
        if due(&mut world.fail_after) {
            return Err(NotNow(format!("{name}'s answer was lost")));
        }
        Ok(answer)
    }
}

impl Peers {
    /// As [`Self::call`], unless it is to be refused for good.
    fn settle(
        &self,
        name: &'static str,
        act: impl FnOnce(&mut World) -> Settling,
    ) -> Result<Settling, NotNow> {
        self.call(name, |w| if w.refuses.contains(&name) { Settling::Refused } else { act(w) })
    }

    /// As payments answers while it looks for a capture's answer.
    fn decided(&self) -> Result<(), NotNow> {
        if self.0.lock().unwrap().capture_undecided {
            return Err(NotNow("the capture's answer is not known yet".to_owned()));
        }
        Ok(())
    }

    /// Waits where a test holds the call up.
    async fn held_up(&self, name: &'static str) {
        let gate = self.0.lock().unwrap().held_up.clone();
        if let Some((held, gate)) = gate
            && held == name
        {
            self.0.lock().unwrap().is_waiting = true;
            gate.acquire().await.unwrap().forget();
        }
    }
}

fn once<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

#[async_trait]
impl PriceList for Peers {
    async fn products(&self, wanted: &[ProductId]) -> Result<Vec<Product>, NotNow> {
        let known = seed::products().iter().filter(|p| wanted.contains(&p.id));
        let product = |p: &seed::SeedProduct| Product {
            id: p.id,
            slug: p.slug.clone(),
            name: p.name.to_owned(),
            maker: p.maker.to_owned(),
            category: p.category.to_owned(),
            category_name: String::new(),
            description: String::new(),
            attributes: Vec::new(),
            price: p.price,
            picture_version: String::new(),
            tax_class: p.tax_class,
            variants: None,
        };
        self.call("prices", |_| known.map(product).collect())
    }
}

#[async_trait]
impl Stock for Peers {
    async fn reserve(&self, order: OrderId, _lines: &[OrderLine]) -> Result<Reserving, NotNow> {
        self.call("reserve", |w| {
            if w.out_of_stock {
                return Reserving::OutOfStock;
            }
            Reserving::Held(*w.held.entry(order).or_insert_with(|| ReservationId::new(ids::new_id())))
        })
    }
    async fn confirm(&self, reservation: ReservationId) -> Result<Confirming, NotNow> {
        self.call("confirm", |w| {
            if w.released.contains(&reservation) {
                return Confirming::Gone;
            }
            once(&mut w.sold, reservation);
            Confirming::Sold
        })
    }
    async fn release(&self, reservation: ReservationId) -> Result<Settling, NotNow> {
        self.settle("release", |w| {
            if w.sold.contains(&reservation) {
                return Settling::Refused;
            }
            once(&mut w.released, reservation);
            Settling::Done
        })
    }
    async fn restock(
        &self,
        _reservation: ReservationId,
        lines: &[ReturnLine],
        _reason: &str,
        key: &str,
    ) -> Result<Settling, NotNow> {
        self.settle("restock", |w| {
            w.restocked.insert(key.to_owned(), lines.iter().map(|l| l.quantity).sum());
            Settling::Done
        })
    }
}

#[async_trait]
impl PaymentGateway for Peers {
    async fn authorise(&self, order: OrderId, amount: Money, _token: &str) -> Result<Authorising, NotNow> {
        if self.0.lock().unwrap().silent {
            std::future::pending::<()>().await;
        }
        self.held_up("authorise").await;
        self.call("authorise", |w| {
            if w.declines {
                return Authorising::Declined;
            }
            let payment = *w.authorised.entry(order).or_insert_with(|| PaymentId::new(ids::new_id()));
            w.worth.entry(payment).or_insert(amount.amount_minor);
            Authorising::Approved(payment)
        })
    }
    async fn capture(&self, authorisation: PaymentId) -> Result<Settling, NotNow> {
        self.decided()?;
        self.settle("capture", |w| {
            if w.voided.contains(&authorisation) {
                return Settling::Refused;
            }
            once(&mut w.captured, authorisation);
            Settling::Done
        })
    }
    async fn void(&self, authorisation: PaymentId) -> Result<Settling, NotNow> {
        self.decided()?;
        self.settle("void", |w| {
            if w.captured.contains(&authorisation) {
                return Settling::Refused;
            }
            once(&mut w.voided, authorisation);
            Settling::Done
        })
    }
    async fn abandon(&self, order: OrderId) -> Result<Settling, NotNow> {
        self.settle("abandon", |w| {
            once(&mut w.abandoned, order);
            Settling::Done
        })
    }
    async fn refund(
        &self,
        authorisation: PaymentId,
        amount: Money,
        _reason: &str,
        key: &str,
    ) -> Result<Settling, NotNow> {
        self.decided()?;
        self.held_up("refund").await;
        self.settle("refund", |w| {
            // As payments has it: only taken money, no more of it than was taken, and a key means one refund.
            if let Some(known) = w.refunded.get(key) {
                return if *known == amount.amount_minor { Settling::Done } else { Settling::Refused };
            }
            let worth = w.worth.get(&authorisation).copied().unwrap_or_default();
            let given = w.given_back.entry(authorisation).or_default();
            if !w.captured.contains(&authorisation) || *given + amount.amount_minor > worth {
                return Settling::Refused;
            }
            *given += amount.amount_minor;
            w.refunded.insert(key.to_owned(), amount.amount_minor);
            Settling::Done
        })
    }
}

/// An order service on its own database.
pub struct Fixture {
    pub router: Router,
    pub saga: Saga,
    pub peers: Peers,
    pub clock: MockClock,
    pub db: TestDb,
}

/// The key under which digests of addresses are kept.
pub const KEY: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// Digests under these keys, newest first.
pub fn digests(keys: &str) -> AddressDigests {
    AddressDigests::new(&MasterKeys::parse(keys).unwrap())
}

pub async fn fixture() -> Fixture {
    let db = TestDb::create(&MIGRATOR).await;
    let boot =
        Boot::for_tests("orders", Env::from_pairs::<String, String>([])).expect("metrics are declared");
    boot.faults.declare(FAULTS);
    let (peers, clock) = (Peers::default(), MockClock::new());
    let saga = Saga {
        orders: PgOrders::new(db.pool.clone(), digests(KEY)),
        stock: Arc::new(peers.clone()),
        payments: Arc::new(peers.clone()),
        metrics: OrderMetrics::new(&boot.metrics).expect("metrics are declared"),
        clock: clock.shared(),
        ages: AgeLimits::default(),
        shutdown: boot.shutdown.clone(),
        running: TaskTracker::new(),
    };
    let place =
        PlaceOrder { saga: saga.clone(), prices: Arc::new(peers.clone()), faults: boot.faults.clone() };
    Fixture { router: shop_orders::http::router(place), saga, peers, clock, db }
}

/// An order for one piece of the first product.
pub fn body() -> Value {
    let product = &seed::products()[0];
    json!({
        "account_id": null, "email": "kim@example.com", "payment_token": "tok_visa",
        "lines": [{"product_id": product.id, "quantity": 1, "unit_price": product.price}],
        "ship_to": {"name": "Kim", "address1": "1 Quay", "city": "Kiel", "postcode": "24103", "country": "DE"},
    })
}

impl Fixture {
    pub async fn place(&self, key: &str, body: &Value) -> http::Answer {
        http::post(&self.router, "/v1/orders", key, body).await
    }

    pub async fn scalar(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.db.pool).await.unwrap()
    }

    pub async fn status(&self) -> String {
        sqlx::query_scalar("SELECT status FROM orders").fetch_one(&self.db.pool).await.unwrap()
    }

    /// A paid order.
    pub async fn paid(&self, body: &Value) -> Order {
        let answer = self.place(&ids::new_id().to_string(), body).await;
        let order: Order = answer.json();
        assert_eq!(order.status, OrderStatus::Confirmed);
        order
    }

    pub async fn post<T: serde::Serialize>(&self, path: &str, body: &T) -> http::Answer {
        http::post(&self.router, path, &ids::new_id().to_string(), body).await
    }

    pub async fn order(&self, id: OrderId) -> Order {
        http::get(&self.router, &format!("/v1/orders/{id}")).await.json()
    }

    pub async fn ship(&self, id: OrderId) -> http::Answer {
        let parcel = json!({"actor": "robin", "carrier": "Gull Post", "tracking_number": "GP1"});
        self.post(&format!("/v1/staff/orders/{id}/ship"), &parcel).await
    }

    /// What a person decides about an order that waits for one.
    pub async fn resolve(&self, id: OrderId, resolution: &str) -> http::Answer {
        let body = json!({"actor": "robin", "resolution": resolution, "note": "looked at it"});
        self.post(&format!("/v1/staff/orders/{id}/resolve"), &body).await
    }

    /// How often a peer was called so.
    pub fn calls(&self, name: &str) -> u32 {
        self.peers.0.lock().unwrap().calls.get(name).copied().unwrap_or_default()
    }

    /// What happened to an order, and who did it.
    pub async fn history(&self, id: OrderId) -> Vec<(String, String)> {
        let path = format!("/v1/staff/orders/{id}/history");
        let history: OrderHistory = http::get(&self.router, &path).await.json();
        history.entries.into_iter().map(|entry| (entry.actor, entry.action)).collect()
    }

    /// Lets every lease run out and takes up what is unfinished, as the other instance would.
    pub async fn resume_after(&self, seconds: i64) -> usize {
        self.clock.advance_seconds(seconds);
        workers::resume(&self.saga).await.unwrap()
    }
}

/// Otherwise no test could see that orders asks for too much.
#[tokio::test]
async fn no_more_is_given_back_than_was_taken_and_a_repeated_key_gives_nothing_more() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    let payment = f.peers.0.lock().unwrap().authorised[&order.id];
    let ask = |minor: i64, key: &'static str| {
        let (peers, amount) = (f.peers.clone(), Money::new(minor, order.total.currency));
        async move { peers.refund(payment, amount, "returned", key).await.unwrap() }
    };
    let total = order.total.amount_minor;
    assert_eq!(ask(total + 1, "a").await, Settling::Refused);
    assert_eq!(ask(total - 1, "b").await, Settling::Done);
    assert_eq!(ask(total - 1, "b").await, Settling::Done);
    assert_eq!(ask(2, "c").await, Settling::Refused);
    assert_eq!(ask(1, "d").await, Settling::Done);
    assert_eq!(f.peers.0.lock().unwrap().refunded.values().sum::<i64>(), total);
}
