//! The one place that knows every part of the catalogue.

use std::sync::Arc;

use axum::Router;
use shop_instrumentation::health::Need;
use shop_instrumentation::kv_memory::{RedisMemory, Store};
use shop_instrumentation::{App, Boot, StartError, clock, db, kv};

use crate::cache::{CacheConfig, ReadThrough};
use crate::http::{self, CatalogState, Limits};
use crate::storage::{self, PgCatalog};

/// The catalogue, ready to run.
pub async fn start(boot: Boot) -> Result<App, StartError> {
    Ok(App::new(routes(boot).await?).openapi(crate::http::document))
}

/// Connects, migrates, seeds, and hands back the routes.
pub async fn routes(mut boot: Boot) -> Result<Router, StartError> {
    let database_url: String = boot.env.required("DATABASE_URL");
    // One version long the durable Redis does where no cache Redis is named yet.
    let redis_url: Option<String> = boot.env.maybe("REDIS_CACHE_URL").or_else(|| boot.env.maybe("REDIS_URL"));
    if redis_url.is_none() {
        boot.env.require("REDIS_CACHE_URL or REDIS_URL", "the Redis that keeps copies");
    }
    boot.env.finish()?;

    let pool = db::connect(&database_url, &boot.metrics)?;
    let added = storage::migrate_and_seed(&pool).await?;
    tracing::info!(added, "range is in place");
    let redis = kv::connect(&redis_url.unwrap_or_default())?;

    let requests = boot.metrics.counter_vec("shop_catalog_cache_requests_total")?;
    let cache = ReadThrough::new(Some(redis.clone()), requests, clock::system(), CacheConfig::default());
    // What the cache has bridges a database that is away; the database bridges the cache.
    let (catalog, answers) = (PgCatalog::new(pool.clone()), cache.clone());
    boot.health.watch_bridged(
        "postgres",
        move || {
            let catalog = catalog.clone();
            async move { catalog.is_reachable().await }
        },
        move || {
            let answers = answers.clone();
            async move { answers.has_answers().await }
        },
    );
    boot.health.watch_redis(redis.clone(), Need::Bridged);
    let memory = RedisMemory::new(&boot.metrics, Store::Cache, redis)?;
    tokio::spawn(memory.run(boot.shutdown.clone()));
    boot.faults.declare(http::FAULTS);
    boot.faults.lock_table("products");
    let state = CatalogState {
        catalog: PgCatalog::new(pool),
        cache,
        faults: boot.faults.clone(),
        searches: boot.metrics.counter("shop_searches_total")?,
        limits: Arc::new(Limits::default()),
        clock: clock::system(),
    };
    Ok(http::router(state))
}
