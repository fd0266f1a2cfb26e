//! A pool on a cluster whose primary is lost.

use shop_instrumentation::db;
use shop_instrumentation::metrics::Metrics;
use shop_testkit::{TestCluster, eventually};

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
