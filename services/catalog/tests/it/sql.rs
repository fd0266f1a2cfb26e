//! Queries against the schema that they were compiled for.

use shop_catalog::storage::migrator;

#[tokio::test]
async fn queries_were_compiled_for_this_schema() {
    shop_testkit::sql::metadata_holds(migrator(), env!("CARGO_MANIFEST_DIR")).await;
}
