//! From the outbox to the stream.

use redis::Value;
use shop_instrumentation::kv;
use shop_orders::relay;
use shop_testkit::TestRedis;

use crate::fixture::{body, fixture};

/// `(type, event id)` of the stream's entries, in order.
async fn stream(redis: &TestRedis) -> Vec<(String, String)> {
    let mut connection = redis.connection().await;
    let entries: Vec<(String, Vec<(String, String)>)> = redis::cmd("XRANGE")
        .arg("orders.events")
        .arg("-")
        .arg("+")
        .query_async(&mut connection)
        .await
        .unwrap();
    let field = |fields: &[(String, String)], name: &str| {
        fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap_or_default()
    };
    entries.iter().map(|(_, fields)| (field(fields, "type"), field(fields, "id"))).collect()
}

#[tokio::test]
async fn events_arrive_in_order_and_leave_the_outbox() {
    let (f, redis) = (fixture().await, TestRedis::start().await);
    f.place("a", &body()).await;
    f.place("b", &body()).await;
    let connection = kv::connect(&redis.url).unwrap();
    assert_eq!(relay::once(&f.db.pool, &connection).await.unwrap(), 4);
    let types: Vec<String> = stream(&redis).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(types, ["order.placed", "order.confirmed", "order.placed", "order.confirmed"]);
    assert_eq!(f.scalar("SELECT count(*) FROM outbox").await, 0);
}

#[tokio::test]
async fn without_redis_the_shop_sells_and_nothing_is_lost() {
    let (f, mut redis) = (fixture().await, TestRedis::start().await);
    let connection = kv::connect(&redis.url).unwrap();
    redis.stop().await;
    let order: serde_json::Value = f.place("a", &body()).await.json();
    assert_eq!(order["status"], "confirmed");
    assert!(relay::once(&f.db.pool, &connection).await.is_err());
    assert_eq!(f.scalar("SELECT count(*) FROM outbox").await, 2, "both events still wait");
}

#[tokio::test]
async fn a_relay_that_dies_after_sending_sends_again_under_the_same_id() {
    let (f, redis) = (fixture().await, TestRedis::start().await);
    f.place("a", &body()).await;
    let connection = kv::connect(&redis.url).unwrap();
    // What a dead relay leaves: the entry is on the stream, its row still in the outbox.
    let (id, kind, payload): (uuid::Uuid, String, String) =
        sqlx::query_as("SELECT event_id, kind, payload::text FROM outbox ORDER BY seq LIMIT 1")
            .fetch_one(&f.db.pool)
            .await
            .unwrap();
    let mut raw = redis.connection().await;
    let mut add = redis::cmd("XADD");
    add.arg("orders.events")
        .arg("*")
        .arg("id")
        .arg(id.to_string())
        .arg("type")
        .arg(kind)
        .arg("payload")
        .arg(payload);
    let _: Value = add.query_async(&mut raw).await.unwrap();
    relay::once(&f.db.pool, &connection).await.unwrap();
    let entries = stream(&redis).await;
    assert_eq!(
        entries.iter().filter(|(_, event)| *event == id.to_string()).count(),
        2,
        "consumers drop the second"
    );
    assert_eq!(entries.len(), 3);
}
