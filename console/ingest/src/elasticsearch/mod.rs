//! Elasticsearch's writing API below `/elasticsearch`, as shippers use it: `_bulk`, single documents, and what Filebeat,
//! Logstash, Fluent Bit and the official clients ask before they write.
//!
//! What holds: a document is a log entry ([`document`]); each document of a bulk request is answered for itself; what was
//! answered with `201` is in the store's write-ahead log. Entries are never changed: `update` without a document to put
//! in its place and `delete` are refused, item by item. Templates, policies and pipelines are acknowledged with a
//! `Warning` header and not kept: nothing of them applies to log entries.
//!
//! Deliberately not here: searching (`console-query-api`).

mod administration;
pub mod answer;
pub mod bulk;
pub mod document;
mod fields;
mod handshake;
mod names;
mod single;
mod store;
pub mod timestamp;
mod write;

use std::sync::Arc;

use axum::{
    Router,
    routing::{any, get, post, put},
};
use console_storage::logs::LogAppender;

use crate::{auth::Tokens, gate::Gate};

use self::names::Names;

/// The version of Elasticsearch whose API this is; clients choose by it what they send.
pub const VERSION: &str = "8.19.0";

/// What the handlers need.
#[derive(Clone)]
pub struct ElasticsearchState {
    pub gate: Gate,
    pub logs: Arc<dyn LogAppender>,
    /// Who may not write may still ask what it speaks to, with one of these.
    pub readers: Tokens,
    names: Arc<Names>,
}

impl ElasticsearchState {
    pub fn new(gate: Gate, logs: Arc<dyn LogAppender>, readers: Tokens) -> Self {
        Self { gate, logs, readers, names: Arc::default() }
    }
}

/// All routes below `/elasticsearch` that write, and the handshake. Whoever merges searching routes uses `{index}` for the name.
pub fn router(state: ElasticsearchState) -> Router {
    let kept_nowhere =
        || get(administration::absent).put(administration::acknowledge).post(administration::acknowledge);
    Router::new()
        .route("/elasticsearch", get(handshake::info))
        .route("/elasticsearch/", get(handshake::info))
        .route("/elasticsearch/_license", get(handshake::license))
        .route("/elasticsearch/_xpack", get(handshake::features))
        .route("/elasticsearch/_nodes", get(handshake::nodes))
        .route("/elasticsearch/_nodes/http", get(handshake::nodes))
        .route("/elasticsearch/_nodes/_all/http", get(handshake::nodes))
        .route("/elasticsearch/_cluster/health", get(handshake::health))
        .route("/elasticsearch/_bulk", post(write::bulk).put(write::bulk))
        .route("/elasticsearch/{index}/_bulk", post(write::bulk_of_index).put(write::bulk_of_index))
        .route("/elasticsearch/{index}/_doc", post(single::without_id))
        .route("/elasticsearch/{index}/_doc/{id}", post(single::with_id).put(single::with_id))
        .route("/elasticsearch/{index}/_create/{id}", post(single::with_id).put(single::with_id))
        .route("/elasticsearch/_template/{name}", kept_nowhere())
        .route("/elasticsearch/_index_template/{name}", kept_nowhere())
        .route("/elasticsearch/_component_template/{name}", kept_nowhere())
        .route("/elasticsearch/_ilm/policy/{name}", kept_nowhere())
        .route("/elasticsearch/_ingest/pipeline/{name}", kept_nowhere())
        .route("/elasticsearch/_data_stream/{index}", get(administration::exists).put(administration::create))
        .route("/elasticsearch/_alias/{index}", get(administration::exists))
        .route(
            "/elasticsearch/{index}",
            put(administration::create).get(administration::exists).fallback(administration::unknown),
        )
        .route("/elasticsearch/{index}/{*rest}", any(administration::unknown))
        .with_state(state)
}
