use axum::body::Body;
use axum::http::{Method, StatusCode};
use shop_catalog::wiring;
use shop_contracts::catalog::{Product, ProductPage};
use shop_contracts::seed;
use shop_instrumentation::Boot;
use shop_instrumentation::bootstrap::open_router;
use shop_instrumentation::config::Env;
use shop_instrumentation::http::server::ServerConfig;
use shop_testkit::http::{call, get};
use shop_testkit::{TestDb, TestRedis, eventually};

use crate::Catalog;
use crate::gate::Gate;

#[tokio::test]
async fn answers_are_kept_in_redis_and_counted() {
    let catalog = Catalog::start().await;
    let path = format!("/v1/products/{}", seed::products()[0].slug);
    let first = get(&catalog.router, &path).await;
    let second = get(&catalog.router, &path).await;
    assert_eq!(first.body, second.body);
    let metrics = get(&catalog.router, "/metrics").await.text();
    assert!(metrics.contains("shop_catalog_cache_requests_total{outcome=\"miss\"} 1"), "{metrics}");
    assert!(metrics.contains("shop_catalog_cache_requests_total{outcome=\"hit\"} 1"), "{metrics}");
    let mut redis = catalog.redis.connection().await;
    let key = format!("catalog:3:product:{}", seed::products()[0].slug);
    let ttl: i64 = redis::cmd("TTL").arg(key).query_async(&mut redis).await.unwrap();
    assert!((3645..=3672).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn catalogue_still_serves_when_redis_is_gone() {
    let mut catalog = Catalog::start().await;
    catalog.redis.stop().await;
    for product in &seed::products()[..5] {
        let found: Product = get(&catalog.router, &format!("/v1/products/{}", product.slug)).await.json();
        assert_eq!(found.name, product.name);
    }
    assert!(get(&catalog.router, "/v1/products?q=rope").await.json::<ProductPage>().total > 0);
    let metrics = get(&catalog.router, "/metrics").await.text();
    assert!(metrics.contains("outcome=\"error\""), "{metrics}");
}

#[tokio::test]
async fn a_defect_in_the_database_is_a_defect_and_not_unavailable() {
    let catalog = Catalog::start().await;
    sqlx::query("ALTER TABLE products RENAME TO gone").execute(&catalog.db.pool).await.unwrap();
    let answer = get(&catalog.router, "/v1/products/anything").await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "internal"));
    assert!(!answer.text().contains("relation"), "no SQL leaves the process: {}", answer.text());
}

#[tokio::test]
async fn database_away_is_bridged_by_stale_answers_and_unknown_ones_are_unavailable() {
    let (db, redis) = tokio::join!(TestDb::empty(), TestRedis::start());
    let mut gate = Gate::open(&db.url).await;
    let env = Env::from_pairs([("DATABASE_URL", gate.url.as_str()), ("REDIS_CACHE_URL", redis.url.as_str())]);
    let boot = Boot::for_tests("catalog", env).unwrap();
    let (health, parts) = (boot.health.clone(), boot.parts());
    let router = open_router(wiring::routes(boot).await.unwrap(), ServerConfig::default(), &parts);
    let path = format!("/v1/products/{}", seed::products()[0].slug);
    let fresh = get(&router, &path).await;
    assert!(!fresh.headers.contains_key("x-cache"));

    // The minute of freshness passes: written as it would stand in Redis by then.
    let mut connection = redis.connection().await;
    let key = format!("catalog:3:product:{}", seed::products()[0].slug);
    let kept: String = redis::cmd("GET").arg(&key).query_async(&mut connection).await.unwrap();
    let (until, rest) = kept.split_once('|').unwrap();
    let aged = format!("{}|{rest}", until.parse::<i64>().unwrap() - 120_000);
    redis::cmd("SET").arg(&key).arg(aged).query_async::<()>(&mut connection).await.unwrap();

    gate.shut().await;
    health.set_started();
    health.probe_all().await;
    assert!(health.is_ready(), "the cache bridges it");
    for _ in 0..3 {
        let stale = get(&router, &path).await;
        assert_eq!((stale.status, &stale.body), (StatusCode::OK, &fresh.body));
        assert_eq!(stale.headers["x-cache"], "stale");
        assert!(stale.headers["warning"].to_str().unwrap().starts_with("110"));
    }
    let other = get(&router, &format!("/v1/products/{}", seed::products()[1].slug)).await;
    assert_eq!((other.status, other.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));

    gate.reopen().await;
    eventually("the database is asked again", || async {
        !get(&router, &path).await.headers.contains_key("x-cache")
    })
    .await;
}

#[tokio::test]
async fn cache_off_fault_reads_everything_from_the_database() {
    let catalog = Catalog::start().await;
    let auth = [("authorization", "Bearer test"), ("content-type", "application/json")];
    let path = format!("/v1/products/{}", seed::products()[0].slug);
    get(&catalog.router, &path).await;
    let update = "UPDATE products SET name = 'Changed behind the cache' WHERE slug = $1";
    sqlx::query(update).bind(&seed::products()[0].slug).execute(&catalog.db.pool).await.unwrap();
    assert_eq!(get(&catalog.router, &path).await.json::<Product>().name, seed::products()[0].name);
    let body = Body::from(r#"{"ttl_seconds":60,"ratio":1.0}"#);
    let on = call(&catalog.router, Method::PUT, "/faults/catalog.cache_off", &auth, body).await;
    assert!(on.status.is_success(), "{}", on.text());
    assert_eq!(get(&catalog.router, &path).await.json::<Product>().name, "Changed behind the cache");
}

#[tokio::test]
async fn errors_fault_fails_products_until_it_is_switched_off() {
    let catalog = Catalog::start().await;
    let auth = [("authorization", "Bearer test"), ("content-type", "application/json")];
    let body = Body::from(r#"{"ttl_seconds":60,"ratio":1.0}"#);
    let on = call(&catalog.router, Method::PUT, "/faults/catalog.errors", &auth, body).await;
    assert!(on.status.is_success(), "{}", on.text());
    assert_eq!(get(&catalog.router, "/v1/products").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    call(&catalog.router, Method::DELETE, "/faults/catalog.errors", &auth, Body::empty()).await;
    assert_eq!(get(&catalog.router, "/v1/products").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_catalogue_with_neither_database_nor_answers_wants_no_traffic() {
    let (db, mut redis) = tokio::join!(TestDb::empty(), TestRedis::start());
    let mut gate = Gate::open(&db.url).await;
    let env = Env::from_pairs([("DATABASE_URL", gate.url.as_str()), ("REDIS_CACHE_URL", redis.url.as_str())]);
    let boot = Boot::for_tests("catalog", env).unwrap();
    let (health, parts) = (boot.health.clone(), boot.parts());
    let router = open_router(wiring::routes(boot).await.unwrap(), ServerConfig::default(), &parts);
    health.set_started();
    redis.stop().await;
    let ready = async || {
        health.probe_all().await;
        let page = get(&router, "/readyz").await;
        (page.status, page.json::<serde_json::Value>()["status"].clone())
    };
    assert_eq!(ready().await, (StatusCode::OK, "bridged".into()), "the database bridges the cache");
    gate.shut().await;
    assert_eq!(ready().await, (StatusCode::SERVICE_UNAVAILABLE, "not_ready".into()));
}
