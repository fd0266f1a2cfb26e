//! Elasticsearch's search API below `/elasticsearch`, as far as a viewer of logs needs it.
//!
//! A query is translated to LogQL and asked of the logs source, so it finds what came in by any protocol. What has no
//! translation is refused by name, in Elasticsearch's envelope; nothing is left out of a query in silence. An index is
//! the stream label `index`; streams without it are the index [`indices::UNNAMED`].
//!
//! Deliberately not here: writing (`console-ingest`), scores (hits are ordered by time), scrolls and points in time.

mod aggregations;
mod bounds;
mod dates;
mod dsl;
mod envelope;
mod fields;
mod handlers;
mod hits;
mod indices;
mod multi;
mod predicate;
mod query_string;
mod request;
mod search;
mod translate;

use std::sync::Arc;

use axum::{Router, routing::get};
use console_storage::source::LogsSource;

use crate::Limits;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Api {
    source: Arc<dyn LogsSource>,
    limits: Limits,
}

/// All routes below `/elasticsearch` that read. The caller merges those that write beside them.
pub fn router(source: Arc<dyn LogsSource>, limits: Limits) -> Router {
    Router::new()
        .route("/elasticsearch/_search", get(handlers::search).post(handlers::search))
        .route("/elasticsearch/{index}/_search", get(handlers::search_index).post(handlers::search_index))
        .route("/elasticsearch/_count", get(handlers::count).post(handlers::count))
        .route("/elasticsearch/{index}/_count", get(handlers::count_index).post(handlers::count_index))
        .route("/elasticsearch/_msearch", get(multi::search).post(multi::search))
        .route("/elasticsearch/{index}/_msearch", get(multi::search_index).post(multi::search_index))
        .route("/elasticsearch/_field_caps", get(fields::capabilities).post(fields::capabilities))
        .route(
            "/elasticsearch/{index}/_field_caps",
            get(fields::capabilities_of_index).post(fields::capabilities_of_index),
        )
        .route("/elasticsearch/_mapping", get(fields::mapping))
        .route("/elasticsearch/{index}/_mapping", get(fields::mapping_of_index))
        .route("/elasticsearch/_cat/indices", get(indices::list))
        .route("/elasticsearch/_cat/indices/{index}", get(indices::list_some))
        .with_state(Api { source, limits })
}
