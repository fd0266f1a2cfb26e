//! The testkit's own promises.

mod failover;
mod migrations;
mod sentinel;
mod sql;

use shop_testkit::{TestDb, TestRedis};

#[tokio::test]
async fn two_tests_get_two_databases() {
    let (one, two) = (TestDb::empty().await, TestDb::empty().await);
    sqlx::raw_sql("CREATE TABLE t (n INT)").execute(&one.pool).await.unwrap();
    let there: Option<String> =
        sqlx::query_scalar("SELECT to_regclass('t')::TEXT").fetch_one(&two.pool).await.unwrap();
    assert_eq!(there, None);
}

#[tokio::test]
async fn redis_answers_and_can_be_taken_away() {
    let mut redis = TestRedis::start().await;
    let mut connection = redis.connection().await;
    let pong: String = redis::cmd("PING").query_async(&mut connection).await.unwrap();
    assert_eq!(pong, "PONG");
    redis.stop().await;
    assert!(redis::cmd("PING").query_async::<String>(&mut connection).await.is_err());
}
