//! Queries against the schema that they were compiled for.

use shop_identity::storage::MIGRATOR;

#[tokio::test]
async fn queries_were_compiled_for_this_schema() {
    shop_testkit::sql::metadata_holds(&MIGRATOR, env!("CARGO_MANIFEST_DIR")).await;
}
