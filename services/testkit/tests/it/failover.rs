//! A pool on a cluster whose primary is lost.

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use shop_instrumentation::db::{self, DbConfig};
use shop_instrumentation::metrics::Metrics;
use shop_testkit::{TestCluster, eventually};
use sqlx::postgres::PgConnectOptions;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

#[tokio::test]
async fn a_proxy_that_hangs_up_before_the_first_byte_is_a_server_that_is_away() {
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = proxy.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = proxy.accept().await {
            // The question is read, so that closing is an end and no reset.
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 64]).await;
        }
    });
    let url = format!("postgres://app@127.0.0.1:{port}/postgres");
    let pool = db::connect(&url, &Metrics::new("orders", "1").unwrap()).unwrap();
    let error = db::observe("SELECT", sqlx::query("SELECT 1").execute(&pool)).await.unwrap_err();
    assert_eq!(shop_instrumentation::Problem::from(error).code(), shop_instrumentation::Code::Unavailable);
}

#[tokio::test]
async fn writes_work_again_by_themselves_after_the_standby_was_promoted() {
    let mut cluster = TestCluster::start().await;
    let pool = db::connect(&cluster.url, &Metrics::new("orders", "1").unwrap()).unwrap();
    let add = || async {
        db::observe("INSERT kept", sqlx::query("INSERT INTO kept VALUES (1)").execute(&pool)).await
    };
    sqlx::query("CREATE TABLE kept (n int)").execute(&pool).await.unwrap();
    add().await.unwrap();
    let standby = sqlx::PgPool::connect(&cluster.standby_url).await.unwrap();
    eventually("the standby has the row", || async {
        let rows = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM kept").fetch_one(&standby).await;
        rows.is_ok_and(|rows| rows == 1)
    })
    .await;
    cluster.stop_primary().await;
    let lost = add().await.unwrap_err();
    assert_eq!(shop_instrumentation::Problem::from(lost).code(), shop_instrumentation::Code::Unavailable);
    cluster.promote_standby().await;
    eventually("the pool writes to the new primary", || async { add().await.is_ok() }).await;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM kept").fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 2, "what was acknowledged is there, once");
}

#[tokio::test]
async fn a_connection_that_comes_back_silent_gives_its_place_free() {
    let cluster = TestCluster::start().await;
    let server = PgConnectOptions::from_str(&cluster.standby_url).unwrap();
    let server = server.get_socket().unwrap().join(".s.PGSQL.5432");
    let dir = tempfile::tempdir().unwrap();
    let silence = relay(&dir.path().join(".s.PGSQL.5432"), server.display().to_string());
    let url =
        format!("postgres://app@{}:5432/postgres", dir.path().display().to_string().replace('/', "%2F"));
    let config = DbConfig {
        max_connections: 1,
        acquire_timeout: Duration::from_millis(200),
        statement_timeout: Duration::from_millis(500),
        ..DbConfig::default()
    };
    let pool = db::connect_with(&url, &Metrics::new("orders", "1").unwrap(), config).unwrap();
    let ask = || async { sqlx::query("SELECT 1").execute(&pool).await };
    eventually("the pool has a connection", || async { ask().await.is_ok() }).await;
    silence.send(()).unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(100), ask()).await;
    assert!(given_up.is_err(), "the server says nothing");
    eventually("another connection takes the place", || async { ask().await.is_ok() }).await;
}

/// Passes everything on between `path` and `server`. After a word of the sender nothing passes over connections from
/// before, and they stay open.
fn relay(path: &Path, server: String) -> watch::Sender<()> {
    let listener = UnixListener::bind(path).unwrap();
    let (silence, _) = watch::channel(());
    let told = silence.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (mut told, server) = (told.subscribe(), server.clone());
            tokio::spawn(async move {
                let mut server = UnixStream::connect(server).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                    _ = told.changed() => std::future::pending().await,
                }
            });
        }
    });
    silence
}
