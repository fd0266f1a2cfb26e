//! Events of outcomes whose own were lost.

use serde_json::Value;
use shop_orders::tell_again::{Outcome, TellError, tell};

use crate::fixture::{Fixture, body, fixture};

async fn outbox(f: &Fixture) -> Vec<(String, String)> {
    sqlx::query_as("SELECT kind, payload->>'number' FROM outbox ORDER BY seq")
        .fetch_all(&f.db.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_outcome_that_nobody_was_told_of_is_an_event_again() {
    let f = fixture().await;
    let order: Value = f.place("a", &body()).await.json();
    let number = order["number"].as_str().unwrap().to_owned();
    sqlx::query("DELETE FROM outbox").execute(&f.db.pool).await.unwrap();
    let orders = &f.saga.orders;
    let outcome = Outcome::parse(&format!("{number}=order.confirmed")).unwrap();
    tell(orders, &outcome, f.saga.clock.now()).await.unwrap();
    assert_eq!(outbox(&f).await, [("order.confirmed".to_owned(), number)]);
    let nobodys = Outcome::parse("QD-000000-000000=order.confirmed").unwrap();
    assert!(matches!(tell(orders, &nobodys, f.saga.clock.now()).await, Err(TellError::NoOrder(_))));
    assert_eq!(outbox(&f).await.len(), 1);
}
