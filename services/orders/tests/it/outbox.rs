//! From the outbox to the stream.

use std::time::Duration;

use redis::AsyncCommands as _;
use redis::streams::StreamRangeReply;
use shop_contracts::events::{CONSUMER_GROUPS, ORDERS_STREAM};
use shop_instrumentation::config::Env;
use shop_instrumentation::outbox::{OutboxMetrics, Relay, RelayConfig, RelayError, Round, Target};
use shop_instrumentation::{Boot, CancellationToken, kv};
use shop_orders::telemetry::{FAULTS, QUEUE_STUCK};
use shop_testkit::{TestRedis, TestSentinels, eventually};
use sqlx::PgPool;

use crate::fixture::{Fixture, body, fixture};

const GROUP: &str = CONSUMER_GROUPS[0];

/// A relay that trims in every round.
fn relay(pool: &PgPool, redis: &TestRedis, max_stream_entries: usize) -> Relay {
    let config = RelayConfig { max_stream_entries, trim_every: Duration::ZERO, ..RelayConfig::default() };
    relay_with(pool, &redis.url, config)
}

fn relay_with(pool: &PgPool, redis_url: &str, config: RelayConfig) -> Relay {
    let boot = boot();
    let target = Target { stream: ORDERS_STREAM, groups: &CONSUMER_GROUPS };
    let metrics = OutboxMetrics::new(&boot.metrics).unwrap();
    let connection = kv::connect(redis_url).unwrap();
    Relay::new(pool.clone(), connection, target, config, metrics, shop_instrumentation::clock::system())
}

fn boot() -> Boot {
    let boot = Boot::for_tests("orders", Env::from_pairs::<String, String>([])).unwrap();
    boot.faults.declare(FAULTS);
    boot
}

/// Entries of the stream: id, event id, type; in order.
async fn stream(redis: &TestRedis) -> Vec<(String, String, String)> {
    let reply: StreamRangeReply = redis.connection().await.xrange_all(ORDERS_STREAM).await.unwrap();
    let entry = |entry: redis::streams::StreamId| {
        let field = |name| entry.get::<String>(name).unwrap_or_default();
        (entry.id.clone(), field("id"), field("type"))
    };
    reply.ids.into_iter().map(entry).collect()
}

/// Events that belong to no order, straight into the table.
async fn write_events(pool: &PgPool, count: i32) {
    sqlx::query(
        "INSERT INTO outbox (event_id, kind, payload, created_at) \
         SELECT gen_random_uuid(), 'order.placed', jsonb_build_object('n', n), now() FROM generate_series(1, $1) n",
    )
    .bind(count)
    .execute(pool)
    .await
    .unwrap();
}

async fn make_group(redis: &TestRedis) {
    let made: Result<(), _> =
        redis.connection().await.xgroup_create_mkstream(ORDERS_STREAM, GROUP, "0").await;
    made.unwrap();
}

/// Reads `count` new entries as the group does, and answers their ids.
async fn deliver(redis: &TestRedis, count: usize) -> Vec<String> {
    let options = redis::streams::StreamReadOptions::default().group(GROUP, "consumer").count(count);
    let reply: Option<redis::streams::StreamReadReply> =
        redis.connection().await.xread_options(&[ORDERS_STREAM], &[">"], &options).await.unwrap();
    reply.into_iter().flat_map(|r| r.keys).flat_map(|k| k.ids).map(|entry| entry.id).collect()
}

async fn acknowledge(redis: &TestRedis, ids: &[String]) {
    let _: i64 = redis.connection().await.xack(ORDERS_STREAM, GROUP, ids).await.unwrap();
}

async fn waiting(f: &Fixture) -> i64 {
    f.scalar("SELECT count(*) FROM outbox").await
}

#[tokio::test]
async fn events_arrive_in_order_and_leave_the_outbox() {
    let (f, redis) = (fixture().await, TestRedis::start().await);
    f.place("a", &body()).await;
    f.place("b", &body()).await;
    assert_eq!(relay(&f.db.pool, &redis, 100).once().await.unwrap(), Round::Sent(4));
    let types: Vec<String> = stream(&redis).await.into_iter().map(|(_, _, kind)| kind).collect();
    assert_eq!(types, ["order.placed", "order.confirmed", "order.placed", "order.confirmed"]);
    assert_eq!(waiting(&f).await, 0);
}

#[tokio::test]
async fn what_cannot_be_relayed_waits_in_the_outbox_and_orders_go_on() {
    let (f, mut redis) = (fixture().await, TestRedis::start().await);
    let mut relay = relay(&f.db.pool, &redis, 100);
    redis.stop().await;
    let order: serde_json::Value = f.place("a", &body()).await.json();
    assert_eq!(order["status"], "confirmed");
    assert!(relay.once().await.is_err());
    assert_eq!(waiting(&f).await, 2, "both events still wait");
}

#[tokio::test]
async fn a_relay_that_dies_after_sending_sends_again_under_the_same_id() {
    let (f, redis) = (fixture().await, TestRedis::start().await);
    f.place("a", &body()).await;
    // What a dead relay leaves: the entry is on the stream, its row still in the outbox.
    let (id, kind): (uuid::Uuid, String) =
        sqlx::query_as("SELECT event_id, kind FROM outbox ORDER BY seq LIMIT 1")
            .fetch_one(&f.db.pool)
            .await
            .unwrap();
    let fields = [("id", id.to_string()), ("type", kind), ("payload", "{}".to_owned())];
    let _: Option<String> = redis.connection().await.xadd(ORDERS_STREAM, "*", &fields).await.unwrap();
    relay(&f.db.pool, &redis, 100).once().await.unwrap();
    let entries = stream(&redis).await;
    let repeats = entries.iter().filter(|(_, event, _)| *event == id.to_string()).count();
    assert_eq!((repeats, entries.len()), (2, 3), "consumers drop the second");
}

#[tokio::test]
async fn what_no_replica_has_waits_in_the_outbox_and_not_for_ever() {
    let (f, redis) = (fixture().await, TestRedis::start().await);
    f.place("a", &body()).await;
    let with = |wait_for_replicas| {
        let config = RelayConfig { replicas: 1, wait_for_replicas, ..RelayConfig::default() };
        relay_with(&f.db.pool, &redis.url, config)
    };
    let refused = with(Duration::from_hours(1)).once().await.unwrap_err();
    assert!(matches!(refused, RelayError::NotCopied { have: 0, wanted: 1 }), "{refused}");
    assert_eq!((stream(&redis).await.len(), waiting(&f).await), (2, 2));
    // The lock of the relay before is given back when Postgres sees that its connection is gone.
    let mut next = with(Duration::ZERO);
    let sent = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            match next.once().await.unwrap() {
                Round::Standby => tokio::time::sleep(Duration::from_millis(10)).await,
                round => return round,
            }
        }
    });
    assert_eq!(sent.await.expect("the next relay takes over"), Round::Sent(2));
    assert_eq!(waiting(&f).await, 0);
}

#[tokio::test]
async fn what_a_replica_has_leaves_the_outbox() {
    let (f, sentinels) = (fixture().await, TestSentinels::start().await);
    f.place("a", &body()).await;
    let config =
        RelayConfig { replicas: 1, wait_for_replicas: Duration::from_hours(1), ..RelayConfig::default() };
    assert_eq!(relay_with(&f.db.pool, &sentinels.url, config).once().await.unwrap(), Round::Sent(2));
    let replica = redis::Client::open(sentinels.servers[1].as_str()).unwrap();
    let mut replica = replica.get_multiplexed_async_connection().await.unwrap();
    let copied: usize = replica.xlen(ORDERS_STREAM).await.unwrap();
    assert_eq!((copied, waiting(&f).await), (2, 0));
}

#[tokio::test]
async fn one_instance_relays_and_the_other_goes_on_when_it_ends() {
    let (f, redis) = (fixture().await, TestRedis::start().await);
    let (mut one, mut two) = (relay(&f.db.pool, &redis, 100), relay(&f.db.pool, &redis, 100));
    assert_eq!(one.once().await.unwrap(), Round::Sent(0));
    write_events(&f.db.pool, 3).await;
    assert_eq!(two.once().await.unwrap(), Round::Standby);
    drop(one);
    let stop = CancellationToken::new();
    let running = tokio::spawn(two.run(stop.clone()));
    eventually("the other instance sends", || async { waiting(&f).await == 0 }).await;
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn no_transaction_is_open_between_rounds_and_one_connection_is_kept() {
    let (f, redis) = (fixture().await, TestRedis::start().await);
    write_events(&f.db.pool, 5).await;
    let mut relay = relay(&f.db.pool, &redis, 100);
    relay.once().await.unwrap();
    let open = f
        .scalar("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'")
        .await;
    assert_eq!(open, 0);
    let in_use = || f.db.pool.size() as usize - f.db.pool.num_idle();
    eventually("the pool is free, but for the connection of the relay's lock", || async { in_use() <= 1 })
        .await;
    drop(relay);
}

#[tokio::test]
async fn what_a_lagging_group_has_not_acknowledged_is_never_trimmed() {
    let (f, redis) = (fixture().await, TestRedis::start().await);
    make_group(&redis).await;
    write_events(&f.db.pool, 1000).await;
    let mut relay = relay(&f.db.pool, &redis, 10_000);
    let mut unacknowledged = std::collections::BTreeSet::new();
    let mut seen = 0;
    for round in 0..10 {
        assert_eq!(relay.once().await.unwrap(), Round::Sent(100));
        let entries: Vec<String> = stream(&redis).await.into_iter().map(|(id, _, _)| id).collect();
        unacknowledged.extend(entries[entries.len() - 100..].iter().cloned());
        // It reads half of what arrives, and leaves every seventh of that unacknowledged for good.
        let delivered = deliver(&redis, 50).await;
        seen += delivered.len();
        let done: Vec<String> = delivered.into_iter().skip(round % 2).step_by(7).collect();
        acknowledge(&redis, &done).await;
        for id in &done {
            unacknowledged.remove(id);
        }
        let kept: std::collections::BTreeSet<String> =
            stream(&redis).await.into_iter().map(|(id, _, _)| id).collect();
        assert!(unacknowledged.is_subset(&kept), "round {round}");
    }
    assert_eq!(seen, 500);
    relay.once().await.unwrap();
    assert!(
        stream(&redis).await.len() < 1000,
        "what all have acknowledged before the oldest open one is gone"
    );
}

#[tokio::test]
async fn an_idle_stream_shrinks_to_nothing() {
    let (f, redis) = (fixture().await, TestRedis::start().await);
    make_group(&redis).await;
    write_events(&f.db.pool, 250).await;
    let mut relay = relay(&f.db.pool, &redis, 10_000);
    while relay.once().await.unwrap() != Round::Sent(0) {}
    assert_eq!(stream(&redis).await.len(), 250);
    let delivered = deliver(&redis, 1000).await;
    acknowledge(&redis, &delivered).await;
    assert_eq!(relay.once().await.unwrap(), Round::Sent(0));
    assert_eq!(stream(&redis).await.len(), 0);
}

#[tokio::test]
async fn a_group_that_is_not_there_yet_loses_nothing() {
    let (f, redis) = (fixture().await, TestRedis::start().await);
    write_events(&f.db.pool, 10).await;
    let mut relay = relay(&f.db.pool, &redis, 100);
    relay.once().await.unwrap();
    relay.once().await.unwrap();
    make_group(&redis).await;
    assert_eq!(deliver(&redis, 100).await.len(), 10);
}

#[tokio::test]
async fn a_full_stream_holds_events_back_in_postgres_until_it_is_read() {
    let (f, redis) = (fixture().await, TestRedis::start().await);
    make_group(&redis).await;
    write_events(&f.db.pool, 60).await;
    let mut relay = relay(&f.db.pool, &redis, 40);
    assert_eq!(relay.once().await.unwrap(), Round::Sent(40));
    assert_eq!(relay.once().await.unwrap(), Round::HeldBack);
    assert_eq!((stream(&redis).await.len(), waiting(&f).await), (40, 20));
    let delivered = deliver(&redis, 30).await;
    acknowledge(&redis, &delivered).await;
    assert_eq!(relay.once().await.unwrap(), Round::Sent(20));
    assert_eq!((stream(&redis).await.len(), waiting(&f).await), (30, 0));
}

#[tokio::test]
async fn a_stuck_queue_sends_nothing_until_the_fault_ends() {
    let (f, redis) = (fixture().await, TestRedis::start().await);
    write_events(&f.db.pool, 2).await;
    let faults = boot().faults;
    let mut relay = relay(&f.db.pool, &redis, 100).stuck_by(faults.clone(), QUEUE_STUCK);
    let router = faults.router();
    let switch = |method, ttl: &'static str| {
        let headers = [("authorization", "Bearer test"), ("content-type", "application/json")];
        let router = router.clone();
        async move {
            let path = format!("/faults/{QUEUE_STUCK}");
            let answer = shop_testkit::http::call(&router, method, &path, &headers, ttl.into()).await;
            assert!(answer.status.is_success(), "{}", answer.text());
        }
    };
    switch(axum::http::Method::PUT, r#"{"ttl_seconds": 60}"#).await;
    relay.once().await.unwrap();
    assert_eq!(waiting(&f).await, 2);
    switch(axum::http::Method::DELETE, "").await;
    assert_eq!(relay.once().await.unwrap(), Round::Sent(2));
}
