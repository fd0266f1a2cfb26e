use axum::body::Body;
use axum::http::{Method, StatusCode};
use shop_contracts::catalog::{Product, ProductPage};
use shop_contracts::seed;
use shop_testkit::http::{call, get};

use crate::Catalog;

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
    let key = format!("catalog:1:product:{}", seed::products()[0].slug);
    let ttl: i64 = redis::cmd("TTL").arg(key).query_async(&mut redis).await.unwrap();
    assert!((45..=72).contains(&ttl), "{ttl}");
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
async fn database_gone_is_said_as_unavailable() {
    let catalog = Catalog::start().await;
    sqlx::query("ALTER TABLE products RENAME TO gone").execute(&catalog.db.pool).await.unwrap();
    let answer = get(&catalog.router, "/v1/products/anything").await;
    assert!(answer.status.is_server_error());
    assert!(!answer.text().contains("relation"), "no SQL leaves the process: {}", answer.text());
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
