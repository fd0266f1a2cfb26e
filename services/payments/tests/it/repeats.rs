//! What a repeated authorisation may and may not do.

use shop_testkit::http;

use crate::{body, fixture, order};

#[tokio::test]
async fn a_key_with_another_card_is_a_conflict() {
    let f = fixture().await;
    let order = order();
    http::post(&f.router, "/v1/authorisations", "k", &body(order, 100, "tok_visa")).await;
    let other = http::post(&f.router, "/v1/authorisations", "k", &body(order, 100, "tok_declined")).await;
    assert_eq!((other.status.as_u16(), other.code()), (409, "key_reused".to_owned()));
    let another_key =
        http::post(&f.router, "/v1/authorisations", "k2", &body(order, 100, "tok_declined")).await;
    assert_eq!(another_key.status.as_u16(), 201, "the order is decided: the decision is told again");
    assert_eq!(another_key.json::<serde_json::Value>()["outcome"], "approved");
}

#[tokio::test]
async fn the_payment_token_is_not_kept() {
    let f = fixture().await;
    http::post(&f.router, "/v1/authorisations", "k", &body(order(), 100, "tok_visa")).await;
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT authorisations::text FROM authorisations UNION ALL \
         SELECT payment_operations::text FROM payment_operations UNION ALL \
         SELECT sandbox_payments::text FROM sandbox_payments",
    )
    .fetch_all(&f.db.pool)
    .await
    .unwrap();
    assert_eq!(rows.len(), 3);
    assert!(!rows.concat().contains("tok_visa"), "{rows:?}");
}
