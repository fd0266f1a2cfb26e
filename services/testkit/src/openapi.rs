//! Holds a service's OpenAPI document to its committed copy and to the table of who may call what.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use shop_instrumentation::auth::access::routes_of;

const METHODS: [&str; 5] = ["get", "post", "put", "delete", "patch"];

/// One operation of a document.
#[derive(Debug, Clone)]
pub struct Operation {
    /// In capital letters.
    pub method: String,
    /// As axum writes it.
    pub path: String,
    /// The operation as the document has it.
    pub spec: Value,
}

/// Every operation of a document.
///
/// # Panics
/// When the text is no OpenAPI document.
pub fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().expect("a document has paths");
    let of_path = paths.iter().flat_map(|(path, item)| {
        METHODS.iter().filter_map(move |method| {
            let spec = item.get(*method)?.clone();
            Some(Operation { method: method.to_uppercase(), path: path.clone(), spec })
        })
    });
    of_path.collect()
}

/// The document of `service` is what is committed in `folder` (the crate's), and names exactly the routes of the table.
/// That the router has those too is the matter of [`crate::access::table_holds`].
///
/// # Panics
/// With what differs.
pub fn document_holds(service: &str, folder: &str, document: &str) {
    let committed = std::fs::read_to_string(Path::new(folder).join("openapi.json")).unwrap_or_default();
    assert!(committed == document, "services/{service}/openapi.json is out of date; renew it: make openapi");
    let parsed: Value = serde_json::from_str(document).expect("a document is JSON");
    let named: BTreeSet<_> =
        operations(&parsed).into_iter().map(|operation| (operation.method, operation.path)).collect();
    let listed: BTreeSet<_> = routes_of(service).map(|row| (row.method.clone(), row.path.clone())).collect();
    assert_eq!(named, listed, "the document and registry/access.toml name different routes");
}
