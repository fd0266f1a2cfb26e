//! The document that other teams build on.

use axum::Router;
use shop_testkit::fuzz::each_operation_succeeds;
use shop_testkit::openapi::document_holds;

#[test]
fn document_is_committed_and_names_the_routes_of_the_table() {
    document_holds("notifications", env!("CARGO_MANIFEST_DIR"), &shop_notifications::openapi::document());
}

/// It has no routes for other services: the first one needs a request here that succeeds.
#[tokio::test]
async fn every_operation_has_a_request_that_succeeds() {
    each_operation_succeeds(&Router::new(), &shop_notifications::openapi::document(), &[]).await;
}
