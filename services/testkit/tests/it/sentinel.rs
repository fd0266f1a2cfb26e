//! A connection that follows the Redis that Sentinels name.

use std::time::Duration;

use shop_instrumentation::kv;
use shop_testkit::{TestSentinels, eventually, eventually_some};

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_to_the_new_master_after_the_old_one_is_gone() {
    let mut sentinels = TestSentinels::start().await;
    let connection = kv::connect(&sentinels.url).unwrap();
    let set = |value: u32| {
        let mut connection = connection.clone();
        async move { redis::cmd("SET").arg("kept").arg(value).query_async::<()>(&mut connection).await }
    };
    set(1).await.unwrap();
    sentinels.stop_master().await;
    eventually("the connection writes to the new master", || async { set(2).await.is_ok() }).await;
    let replica = redis::Client::open(sentinels.servers[1].as_str()).unwrap();
    let mut replica = replica.get_multiplexed_async_connection().await.unwrap();
    let kept: u32 = redis::cmd("GET").arg("kept").query_async(&mut replica).await.unwrap();
    assert_eq!(kept, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_was_made_a_replica_is_left_although_its_connection_holds() {
    let sentinels = TestSentinels::start().await;
    let connection = kv::connect(&sentinels.url).unwrap();
    let add = || {
        let mut connection = connection.clone();
        async move {
            let mut pipe = redis::pipe();
            pipe.atomic().cmd("XADD").arg("events").arg("*").arg("n").arg(1).ignore();
            pipe.query_async::<()>(&mut connection).await
        }
    };
    add().await.unwrap();
    let any = sentinels.url.split(['/', ',']).nth(2).unwrap();
    let client = redis::Client::open(format!("redis://{any}")).unwrap();
    let sentinel = client.get_multiplexed_async_connection().await.unwrap();
    eventually("a Sentinel hands the lead over", || {
        let mut sentinel = sentinel.clone();
        async move {
            redis::cmd("SENTINEL").arg("FAILOVER").arg("shop").query_async::<()>(&mut sentinel).await.is_ok()
        }
    })
    .await;
    let second = redis::Client::open(sentinels.servers[1].as_str()).unwrap();
    // A server that is promoted ends the sessions that it had.
    let mut second = eventually_some("the second server leads", || async {
        let mut session = second.get_multiplexed_async_connection().await.ok()?;
        let role: redis::Value = redis::cmd("ROLE").query_async(&mut session).await.ok()?;
        format!("{role:?}").contains("master").then_some(session)
    })
    .await;
    let before: u64 = redis::cmd("XLEN").arg("events").query_async(&mut second).await.unwrap();
    // The old one takes writes until it is told: what it took then is lost, as with any asynchronous replication.
    eventually("the connection writes to it", || {
        let (added, mut second) = (add(), second.clone());
        async move {
            let _ = added.await;
            redis::cmd("XLEN").arg("events").query_async::<u64>(&mut second).await.unwrap() > before
        }
    })
    .await;
}

#[tokio::test]
async fn sentinels_that_are_all_away_cost_a_command_a_bounded_time_and_no_panic() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // It takes connections and never answers.
    let silent = listener.local_addr().unwrap().port();
    let mut connection =
        kv::connect(&format!("redis+sentinel://127.0.0.1:{silent},127.0.0.1:1/shop")).unwrap();
    let ping = redis::cmd("PING");
    let asked = ping.query_async::<String>(&mut connection);
    let error = tokio::time::timeout(Duration::from_secs(2), asked).await.expect("bounded").unwrap_err();
    assert_eq!(
        shop_instrumentation::dependency::of_redis(&error),
        shop_instrumentation::dependency::Failed::Away
    );
}
