//! Who may call what.

use shop_instrumentation::Boot;
use shop_instrumentation::config::Env;
use shop_testkit::access;

use super::fixture;

#[tokio::test]
async fn routes_and_the_table_of_callers_agree() {
    let f = fixture().await;
    let boot = Boot::for_tests("inventory", Env::from_pairs::<String, String>([])).unwrap();
    access::table_holds("inventory", f.router, &boot.parts(), &[]).await;
}
