//! Who may call what.

use shop_instrumentation::Boot;
use shop_instrumentation::config::Env;
use shop_testkit::access;

use crate::fixture::fixture;

const TO_COME: &[(&str, &str)] = &[
    ("POST", "/v1/orders/lookup"),
    ("POST", "/v1/orders/{id}/cancel"),
    ("POST", "/v1/orders/{id}/returns"),
    ("POST", "/v1/accounts/{account_id}/anonymise"),
    ("GET", "/v1/staff/orders"),
    ("GET", "/v1/staff/orders/{id}/history"),
    ("POST", "/v1/staff/orders/{id}/ship"),
    ("POST", "/v1/staff/orders/{id}/refunds"),
    ("POST", "/v1/staff/orders/{id}/returns/{return_id}/receive"),
    ("POST", "/v1/staff/orders/{id}/resolve"),
];

#[tokio::test]
async fn routes_and_the_table_of_callers_agree() {
    let f = fixture().await;
    let boot = Boot::for_tests("orders", Env::from_pairs::<String, String>([])).unwrap();
    access::table_holds("orders", f.router, &boot.parts(), TO_COME).await;
}
