//! The one place that knows every part of the catalogue.

use std::sync::Arc;

use axum::Router;
use shop_instrumentation::health::Need;
use shop_instrumentation::{App, Boot, StartError, db, kv};

use crate::cache::{CacheConfig, ReadThrough};
use crate::http::{self, Limits, Shelf};
use crate::storage::{self, PgCatalog};

/// The catalogue, ready to run.
pub async fn start(boot: Boot) -> Result<App, StartError> {
    Ok(App::new(routes(boot).await?))
}

/// Connects, migrates, seeds, and hands back the routes.
pub async fn routes(mut boot: Boot) -> Result<Router, StartError> {
    let database_url: String = boot.env.required("DATABASE_URL");
    let redis_url: String = boot.env.required("REDIS_URL");
    boot.env.finish()?;

    let pool = db::connect(&database_url, &boot.metrics)?;
    let added = storage::migrate_and_seed(&pool).await?;
    tracing::info!(added, "range is in place");
    let redis = kv::connect(&redis_url)?;

    boot.health.watch_postgres(pool.clone());
    boot.health.watch_redis(redis.clone(), Need::Optional);
    boot.faults.declare(http::FAULTS);

    let requests = boot.metrics.counter_vec("shop_catalog_cache_requests_total")?;
    let shelf = Shelf {
        catalog: PgCatalog::new(pool),
        cache: ReadThrough::new(Some(redis), requests, CacheConfig::default()),
        faults: boot.faults.clone(),
        searches: boot.metrics.counter("shop_searches_total")?,
        limits: Arc::new(Limits::default()),
    };
    Ok(http::router(shelf))
}
