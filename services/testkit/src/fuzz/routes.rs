//! Every route of a service, with bytes nobody would send: one harness, which reads the routes from the document.

use axum::Router;
use axum::body::Body;
use axum::http::Method;
use serde_json::Value;

use super::Bytes;
use crate::http::{Answer, call};
use crate::openapi::{Operation, operations};

/// What to send, and how much of it.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// The service's document.
    pub document: &'a str,
    /// Requests for each operation.
    pub rounds: usize,
    /// The same seed asks the same questions.
    pub seed: u64,
    /// Ids that exist, so that some requests get beyond "not found".
    pub known: &'a [String],
    /// Bodies that get far by themselves; they are damaged too.
    pub bodies: &'a [Value],
}

/// Sends all of it and returns how many requests were answered with success: none would mean that nothing got past the
/// parser.
///
/// # Panics
/// With the request whose answer is the service's own failure (5xx), or no problem where it refuses.
pub async fn no_route_fails(router: &Router, plan: &Plan<'_>) -> usize {
    let document: Value = serde_json::from_str(plan.document).expect("a document is JSON");
    let mut bytes = Bytes::new(plan.seed);
    let mut successes = 0;
    for operation in operations(&document) {
        for _ in 0..plan.rounds {
            let asked = bytes.request(&document, &operation, plan);
            let answer = asked.send(router).await;
            assert!(!answer.status.is_server_error(), "{asked:?}: {} {}", answer.status, answer.text());
            if answer.status.is_client_error() && !answer.body.is_empty() {
                assert!(!answer.code().is_empty(), "{asked:?}: {} {}", answer.status, answer.text());
            }
            successes += usize::from(answer.status.is_success());
        }
    }
    successes
}

#[derive(Debug)]
struct Asked {
    method: Method,
    uri: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Asked {
    async fn send(&self, router: &Router) -> Answer {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = Body::from(self.body.clone());
        call(router, self.method.clone(), &self.uri, &headers, body).await
    }
}

impl Bytes {
    fn request(&mut self, document: &Value, operation: &Operation, plan: &Plan<'_>) -> Asked {
        let spec = &operation.spec;
        let named = |place: &str| -> Vec<&str> {
            let parameters = spec["parameters"].as_array().into_iter().flatten();
            parameters.filter(|it| it["in"] == place).filter_map(|it| it["name"].as_str()).collect()
        };
        let path = self.path(&operation.path, plan.known);
        let uri = format!("{path}?{}", self.query(&named("query")));
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        for name in named("header") {
            headers.push((name.to_lowercase(), self.header()));
        }
        if self.below(16) == 0 {
            headers[0].1 = self.header();
        }
        let body = self.body(document, spec, plan);
        let method = operation.method.parse().expect("a document names methods");
        Asked { method, uri, headers, body }
    }

    fn body(&mut self, document: &Value, spec: &Value, plan: &Plan<'_>) -> Vec<u8> {
        let schema = &spec["requestBody"]["content"]["application/json"]["schema"];
        let body = match self.below(4) {
            0 if !plan.bodies.is_empty() => plan.bodies[self.below(plan.bodies.len())].clone(),
            _ if schema.is_null() => return self.raw(),
            _ => self.value(document, schema, plan.known),
        };
        let body = body.to_string().into_bytes();
        if self.below(2) == 0 { body } else { self.damaged(body) }
    }
}
