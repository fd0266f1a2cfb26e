//! Who may call what.

use shop_catalog::wiring;
use shop_instrumentation::Boot;
use shop_instrumentation::config::Env;
use shop_testkit::{TestDb, TestRedis, access};

const TO_COME: &[(&str, &str)] = &[
    ("GET", "/v1/products/{slug_or_id}/related"),
    ("GET", "/v1/suggestions"),
    ("GET", "/v1/sitemap"),
    ("POST", "/v1/staff/products/{id}"),
    ("GET", "/v1/staff/products/{id}/history"),
];

#[tokio::test]
async fn routes_and_the_table_of_callers_agree() {
    let (db, redis) = tokio::join!(TestDb::empty(), TestRedis::start());
    let env = Env::from_pairs([("DATABASE_URL", &db.url), ("REDIS_URL", &redis.url)]);
    let boot = Boot::for_tests("catalog", env).unwrap();
    let parts = boot.parts();
    let routes = wiring::routes(boot).await.unwrap();
    access::table_holds("catalog", routes, &parts, TO_COME).await;
}
