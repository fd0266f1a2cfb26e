//! The catalogue on a real Postgres and Redis.

mod access;
mod discovering;
mod fuzz;
mod gate;
mod measures;
mod openapi;
mod outage;
mod reading;
mod searching;
mod sql;
mod staff;
mod variants;
mod variants_staff;

use axum::Router;
use shop_catalog::wiring;
use shop_instrumentation::Boot;
use shop_instrumentation::bootstrap::open_router;
use shop_instrumentation::config::Env;
use shop_instrumentation::http::server::ServerConfig;
use shop_testkit::{TestDb, TestRedis};

/// A catalogue, complete with its layers and fault switches.
struct Catalog {
    router: Router,
    db: TestDb,
    redis: TestRedis,
}

impl Catalog {
    async fn start() -> Self {
        let (db, redis) = tokio::join!(TestDb::empty(), TestRedis::start());
        let router = serve(&db.url, &redis.url).await;
        Self { router, db, redis }
    }
}

async fn serve(database_url: &str, redis_url: &str) -> Router {
    let env = Env::from_pairs([("DATABASE_URL", database_url), ("REDIS_CACHE_URL", redis_url)]);
    let boot = Boot::for_tests("catalog", env).unwrap();
    let parts = boot.parts();
    let routes = wiring::routes(boot).await.unwrap();
    open_router(routes, ServerConfig::default(), &parts)
}
