//! One request for each operation that succeeds: what arbitrary bytes are a damage of, and what shows that they get past
//! the parser of every one, not of some.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use serde_json::Value;

use crate::http::call;
use crate::openapi::operations;

/// A request that succeeds.
#[derive(Debug, Clone)]
pub struct Good {
    /// Method and path as the document has them, such as `GET /v1/orders/{id}`.
    pub operation: &'static str,
    /// The path, with what is in the place of its parameters.
    pub path: String,
    /// Headers beside `content-type`.
    pub headers: Vec<(&'static str, String)>,
    /// The body; `null` for none.
    pub body: Value,
}

/// Sends them in their order.
///
/// # Panics
/// With an operation of the document that no request is for, or a request that is not answered 2xx.
pub async fn each_operation_succeeds(router: &Router, document: &str, requests: &[Good]) {
    let document: Value = serde_json::from_str(document).expect("a document is JSON");
    let operations: BTreeSet<String> =
        operations(&document).iter().map(|it| format!("{} {}", it.method, it.path)).collect();
    let asked: BTreeSet<String> = requests.iter().map(|good| good.operation.to_owned()).collect();
    assert_eq!(asked, operations, "not one request for each operation of the document");
    for good in requests {
        let method = good.operation.split(' ').next().unwrap_or_default().parse().expect("a method");
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(good.headers.iter().map(|(name, value)| (*name, value.as_str())));
        let body = if good.body.is_null() { Body::empty() } else { Body::from(good.body.to_string()) };
        let answer = call(router, method, &good.path, &headers, body).await;
        assert!(answer.status.is_success(), "{}: {} {}", good.operation, answer.status, answer.text());
    }
}
