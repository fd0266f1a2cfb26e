//! Who may call what.

use shop_instrumentation::Boot;
use shop_instrumentation::config::Env;
use shop_testkit::access;

use super::fixture;

const TO_COME: &[(&str, &str)] = &[
    ("POST", "/v1/reservations/{id}/returns"),
    ("GET", "/v1/staff/stock"),
    ("POST", "/v1/staff/stock/{product_id}/adjustments"),
    ("GET", "/v1/staff/stock/{product_id}/ledger"),
];

#[tokio::test]
async fn routes_and_the_table_of_callers_agree() {
    let f = fixture().await;
    let boot = Boot::for_tests("inventory", Env::from_pairs::<String, String>([])).unwrap();
    access::table_holds("inventory", f.router, &boot.parts(), TO_COME).await;
}
