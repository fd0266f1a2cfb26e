//! Who may call what.

use shop_catalog::wiring;
use shop_instrumentation::Boot;
use shop_instrumentation::config::Env;
use shop_testkit::{TestDb, TestRedis, access};

#[tokio::test]
async fn routes_and_the_table_of_callers_agree() {
    let (db, redis) = tokio::join!(TestDb::empty(), TestRedis::start());
    let env = Env::from_pairs([("DATABASE_URL", &db.url), ("REDIS_URL", &redis.url)]);
    let boot = Boot::for_tests("catalog", env).unwrap();
    let parts = boot.parts();
    let routes = wiring::routes(boot).await.unwrap();
    access::table_holds("catalog", routes, &parts, &[]).await;
}
