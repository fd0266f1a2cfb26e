//! What the shop's tests share: a database and a Redis for each test, a clock that only the test moves, and calls to a
//! router without a socket. Used as a dev-dependency only.
//!
//! Where a Docker engine answers, Postgres and Redis are containers (testcontainers); elsewhere private local servers
//! are started from the machine's own binaries. Tests cannot tell the two apart. What must always hold: nothing that a
//! test started outlives the test process, however that ends.
//!
//! ```no_run
//! # static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate::Migrator::DEFAULT;
//! # async fn example() {
//! use shop_testkit::{MockClock, TestDb, TestRedis, eventually, http};
//!
//! let db = TestDb::create(&MIGRATOR).await; // db.pool, db.url
//! let redis = TestRedis::start().await; // redis.url; redis.stop() and redis.restart() for outages
//! let clock = MockClock::new(); // clock.advance_seconds(60); clock.shared() where a service wants one
//! let answer = http::get(&axum::Router::new(), "/v1/orders").await; // answer.status, answer.json::<T>()
//! eventually("the order is confirmed", || async { true }).await; // polls; panics with the text after 10 s
//! # }
//! ```

pub mod access;
mod backend;
mod clock;
mod cluster;
mod db;
mod docker;
pub mod fuzz;
pub mod http;
mod local;
pub mod openapi;
mod redis;
mod sentinel;
mod spans;
pub mod sql;
mod wait;

pub use clock::MockClock;
pub use cluster::TestCluster;
pub use db::TestDb;
pub use redis::TestRedis;
pub use sentinel::TestSentinels;
pub use spans::EndedSpans;
pub use wait::{eventually, eventually_some};
