//! The document that other teams build on.

use shop_testkit::openapi::document_holds;

#[test]
fn document_is_committed_and_names_the_routes_of_the_table() {
    document_holds("identity", env!("CARGO_MANIFEST_DIR"), &shop_identity::http::document());
}
