//! Faults that a process shows as a whole (database, Redis, clock, memory, calls), each seen and seen to end, on a real
//! Postgres and Redis. A program of its own, one test after the other: nothing else may run where the clock is wrong.

use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use shop_instrumentation::auth::testing;
use shop_instrumentation::client::{Call, ClientConfig, ServiceClient};
use shop_instrumentation::faults::{Activate, Faults};
use shop_instrumentation::health::Health;
use shop_instrumentation::metrics::Metrics;
use shop_instrumentation::{CancellationToken, Code, Problem, clock, db, kv};
use shop_testkit::{TestDb, TestRedis, eventually};
use sqlx::PgPool;
use tokio::sync::{Mutex, MutexGuard};

const DELAY: Duration = Duration::from_millis(300);
const ON: Activate = Activate { ttl_seconds: 60, ratio: 1.0, delay_ms: 300 };

static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics::new("orders", "1").unwrap());
static FAULTS: LazyLock<Faults> = LazyLock::new(|| {
    let faults = Faults::new(None, METRICS.clone());
    faults.install();
    faults.lock_table("orders");
    faults
});

/// The faults of this process, for one test at a time.
async fn turn() -> (MutexGuard<'static, ()>, &'static Faults) {
    static TURN: Mutex<()> = Mutex::const_new(());
    (TURN.lock().await, &*FAULTS)
}

async fn pool(db: &TestDb) -> PgPool {
    sqlx::raw_sql("CREATE TABLE orders (n INT)").execute(&db.pool).await.unwrap();
    let pool = db::connect(&db.url, &METRICS).unwrap();
    insert(&pool).await.unwrap();
    pool
}

async fn insert(pool: &PgPool) -> Result<Duration, sqlx::Error> {
    let began = Instant::now();
    let query = sqlx::query("INSERT INTO orders VALUES (1)").execute(pool);
    db::observe("INSERT orders", query).await.map(|_| began.elapsed())
}

/// What another session of the same database sees.
async fn sessions(db: &TestDb, condition: &'static str) -> i64 {
    let count =
        format!("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {condition}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&db.pool).await.unwrap()
}

#[tokio::test]
async fn slow_query_keeps_connections_busy_in_the_server_and_ends() {
    let (_turn, faults) = turn().await;
    let db = TestDb::empty().await;
    let pool = pool(&db).await;
    faults.activate("orders.slow_query", ON).unwrap();
    // A connection that has just been opened is not one that is handed out again.
    eventually("queries are slow", || async { insert(&pool).await.unwrap() >= DELAY }).await;
    faults.deactivate("orders.slow_query").unwrap();
    eventually("queries are quick again", || async { insert(&pool).await.unwrap() < DELAY }).await;
}

#[tokio::test]
async fn lock_lets_writes_wait_and_reads_pass_and_leaves_nothing_behind() {
    let (_turn, faults) = turn().await;
    let db = TestDb::empty().await;
    let pool = pool(&db).await;
    faults.activate("orders.lock", Activate { delay_ms: 1000, ..ON }).unwrap();
    eventually("a session holds the lock", || async {
        sessions(&db, "application_name = 'orders-fault' AND query LIKE '%pg_sleep%'").await == 1
    })
    .await;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&db.pool).await.unwrap();
    assert_eq!(rows, 1, "reads pass");
    let (waited, ()) = tokio::join!(insert(&pool), async {
        eventually("the write waits", || async { sessions(&db, "wait_event_type = 'Lock'").await >= 1 })
            .await;
    });
    waited.unwrap();
    faults.deactivate("orders.lock").unwrap();
    eventually("the session is gone", || async {
        sessions(&db, "application_name = 'orders-fault'").await == 0
    })
    .await;
    insert(&pool).await.unwrap();
}

#[tokio::test]
async fn pool_exhaustion_leaves_one_connection_and_gives_the_others_back() {
    let (_turn, faults) = turn().await;
    let db = TestDb::empty().await;
    let pool = pool(&db).await;
    faults.activate("orders.pool_exhausted", ON).unwrap();
    let in_use = || pool.size() as usize - pool.num_idle();
    eventually("all but one are held", || async { in_use() == 7 }).await;
    insert(&pool).await.expect("the one that is left still serves");
    let health = Health::default();
    health.watch_postgres(pool.clone());
    health.set_started();
    let last = pool.acquire().await.unwrap();
    health.probe_all().await;
    assert!(health.is_ready(), "the database answers, whatever the pool is busy with");
    let refused = Problem::from(insert(&pool).await.unwrap_err());
    assert_eq!(refused.code(), Code::Unavailable);
    drop(last);
    faults.deactivate("orders.pool_exhausted").unwrap();
    eventually("they are given back", || async { in_use() == 0 }).await;
    insert(&pool).await.unwrap();
}

#[tokio::test]
async fn bad_configuration_leads_database_and_peers_nowhere_and_the_right_addresses_come_back() {
    let (_turn, faults) = turn().await;
    let db = TestDb::empty().await;
    let pool = pool(&db).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let peer = Router::new().route("/", get(|| async { "1" }));
    tokio::spawn(async move { axum::serve(listener, peer).await });
    let client = ServiceClient::new("payments", vec![url], METRICS.clone(), ClientConfig::default()).unwrap();
    let ask = || async { client.request::<i32>(Call::get("/")).await };
    assert_eq!(ask().await.unwrap(), 1);

    faults.activate("orders.bad_configuration", ON).unwrap();
    eventually("the database is not found", || async {
        insert(&pool).await.is_err_and(|error| Problem::from(error).code() == Code::Unavailable)
    })
    .await;
    assert!(ask().await.is_err());
    faults.deactivate("orders.bad_configuration").unwrap();
    eventually("both are found again", || async { insert(&pool).await.is_ok() && ask().await.is_ok() }).await;
}

#[tokio::test]
async fn redis_slow_delays_each_operation_and_ends() {
    let (_turn, faults) = turn().await;
    let redis = TestRedis::start().await;
    let connection = redis.connection().await;
    let ping = || async {
        let mut connection = connection.clone();
        let began = Instant::now();
        let ask = async { redis::cmd("PING").query_async::<String>(&mut connection).await };
        kv::observe("PING", ask).await.unwrap();
        began.elapsed()
    };
    faults.activate("orders.redis_slow", ON).unwrap();
    assert!(ping().await >= DELAY);
    faults.deactivate("orders.redis_slow").unwrap();
    eventually("Redis is quick again", || async { ping().await < DELAY }).await;
}

#[tokio::test]
async fn tokens_survive_a_clock_within_their_leeway_and_no_other() {
    let (_turn, faults) = turn().await;
    let right = clock::now();
    let verify = |signed: &str, now| testing::auth("payments").verifier().verify(signed, now).is_ok();
    for (ratio, survives) in [(0.05, true), (1.0, false)] {
        faults.activate("orders.clock_skew", Activate { ratio, ..ON }).unwrap();
        let ahead = (clock::now() - right).num_seconds();
        let bound = (60.0 * ratio) as i64;
        assert!((bound..bound + 30).contains(&ahead), "{ahead}");
        let signed_ahead = testing::token("orders", "payments");
        assert_eq!(verify(&signed_ahead, right), survives, "{ratio}");
        faults.deactivate("orders.clock_skew").unwrap();
    }
    assert!((clock::now() - right).num_seconds() < 30);
}

#[tokio::test]
async fn leaked_memory_is_bounded_and_given_back() {
    let (_turn, faults) = turn().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(faults.clone().run(stop.clone()));
    let before = resident_kb();
    let taken = || resident_kb().saturating_sub(before) / 1024;
    faults.activate("orders.leak", Activate { ratio: 0.5, ..ON }).unwrap();
    eventually("memory is taken", || async { taken() >= 24 }).await;
    assert!(taken() < 64, "{} MiB", taken());
    faults.deactivate("orders.leak").unwrap();
    eventually("memory is given back", || async { taken() < 16 }).await;
    stop.cancel();
    running.await.unwrap();
}

fn resident_kb() -> u64 {
    let ps = Command::new(xtask_programs::path("ps").unwrap())
        .args(["-o", "rss=", "-p", &std::process::id().to_string()])
        .output()
        .unwrap();
    String::from_utf8_lossy(&ps.stdout).trim().parse().unwrap()
}
