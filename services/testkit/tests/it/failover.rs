//! A pool on a cluster whose primary is lost.

use shop_instrumentation::db;
use shop_instrumentation::metrics::Metrics;
use shop_testkit::{TestCluster, eventually};

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
