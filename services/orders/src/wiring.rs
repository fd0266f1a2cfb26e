//! The one place that knows every part of orders.

use std::sync::Arc;
use std::time::Duration;

use shop_contracts::events::{CONSUMER_GROUPS, ORDERS_STREAM};
use shop_instrumentation::client::ClientConfig;
use shop_instrumentation::config::Env;
use shop_instrumentation::health::Need;
use shop_instrumentation::keys::MasterKeys;
use shop_instrumentation::kv_memory::{RedisMemory, Store};
use shop_instrumentation::outbox::{OutboxMetrics, Relay, RelayConfig, Target};
use shop_instrumentation::{App, Boot, StartError, clock, db, kv};
use tokio_util::task::TaskTracker;

use crate::clients::{HttpPaymentGateway, HttpPriceList, HttpStock};
use crate::place::PlaceOrder;
use crate::saga::{AgeLimits, Saga};
use crate::storage::postgres::{MIGRATOR, PgOrders};
use crate::telemetry::{FAULTS, OrderMetrics, QUEUE_STUCK};
use crate::vouchers::AddressDigests;
use crate::{http, workers};

/// Connects, migrates, and hands back routes and workers.
pub async fn start(mut boot: Boot) -> Result<App, StartError> {
    let database_url: String = boot.env.required("DATABASE_URL");
    let redis_url: String = boot.env.required("REDIS_URL");
    let catalog = boot.env.list("CATALOG_URLS");
    let inventory = boot.env.list("INVENTORY_URLS");
    let payments = boot.env.list("PAYMENTS_URLS");
    let ages = AgeLimits::from_env(&mut boot.env);
    let keep_guests = keep_guests(&mut boot.env);
    let digest_keys = MasterKeys::from_env(&mut boot.env, "VOUCHER_DIGEST_KEY");
    let relaying = RelayConfig::from_env(&mut boot.env);
    boot.env.finish()?;
    let digest_keys = digest_keys.ok_or_else(|| StartError::Other("no key for digests".to_owned()))?;
    let pool = db::connect(&database_url, &boot.metrics)?;
    db::migrate(&pool, &MIGRATOR).await?;
    let redis = kv::connect(&redis_url)?;
    boot.health.watch_postgres(pool.clone());
    // Without Redis the shop still sells; events wait in the outbox.
    boot.health.watch_redis(redis.clone(), Need::Bridged);
    let redis_memory = RedisMemory::new(&boot.metrics, Store::Durable, redis.clone())?;
    boot.faults.declare(FAULTS);
    boot.faults.lock_table("orders");
    let client = |peer, urls| boot.client(peer, urls, ClientConfig::default());
    let saga = Saga {
        orders: PgOrders::new(pool.clone(), AddressDigests::new(&digest_keys)),
        stock: Arc::new(HttpStock(client("inventory", inventory)?)),
        payments: Arc::new(HttpPaymentGateway(client("payments", payments)?)),
        metrics: OrderMetrics::new(&boot.metrics)?,
        clock: clock::system(),
        ages,
        shutdown: boot.shutdown.clone(),
        running: TaskTracker::new(),
    };
    let target = Target { stream: ORDERS_STREAM, groups: &CONSUMER_GROUPS };
    let metrics = OutboxMetrics::new(&boot.metrics)?;
    let relay = Relay::new(pool, redis, target, relaying, metrics, clock::system())
        .stuck_by(boot.faults.clone(), QUEUE_STUCK);
    let place = PlaceOrder {
        saga: saga.clone(),
        prices: Arc::new(HttpPriceList(client("catalog", catalog)?)),
        faults: boot.faults.clone(),
    };
    let stop = &boot.shutdown;
    Ok(App::new(http::router(place))
        .openapi(crate::http::document)
        .worker("recovery", tokio::spawn(workers::recover(saga.clone(), stop.clone())))
        .worker("forget", tokio::spawn(workers::forget(saga.clone(), keep_guests, stop.clone())))
        .worker("gauges", tokio::spawn(workers::observe(saga, stop.clone())))
        .worker("relay", tokio::spawn(relay.run(stop.clone())))
        .worker("redis memory", tokio::spawn(redis_memory.run(stop.clone()))))
}

/// `ANONYMISE_GUESTS_AFTER_DAYS`: for how long guests' orders name them; three years unless said otherwise.
fn keep_guests(env: &mut Env) -> Duration {
    const DAY_SECONDS: u64 = 24 * 60 * 60;
    let days: u64 = env.optional("ANONYMISE_GUESTS_AFTER_DAYS", workers::KEEP_GUESTS.as_secs() / DAY_SECONDS);
    if !(1..=36_500).contains(&days) {
        env.note("ANONYMISE_GUESTS_AFTER_DAYS must be 1 to 36500");
    }
    Duration::from_secs(days.min(36_500) * DAY_SECONDS)
}
