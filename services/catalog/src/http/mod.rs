//! The catalogue's HTTP interface.

mod openapi;
mod params;
mod pictures;
mod products;
mod staff;
mod variants;

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::http::header::{CONTENT_TYPE, HeaderName, WARNING};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use prometheus::IntCounter;
use serde::Serialize;
use shop_contracts::Code;
use shop_instrumentation::clock::SharedClock;
use shop_instrumentation::faults::{FaultSpec, Faults};
use shop_instrumentation::problem::Problem;

pub use self::openapi::document;
use crate::cache::{Answer, ReadThrough, Source};
use crate::storage::PgCatalog;

/// The faults that can be switched on here.
pub const FAULTS: &[FaultSpec] = &[
    FaultSpec { name: LATENCY, description: "answers about products wait before they are given" },
    FaultSpec { name: ERRORS, description: "requests about products fail with an internal error" },
    FaultSpec { name: CACHE_OFF, description: "every answer is read from the database" },
];

const LATENCY: &str = "catalog.latency";
const ERRORS: &str = "catalog.errors";
const CACHE_OFF: &str = "catalog.cache_off";
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// Bounds of what may be asked for at once.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Products on a page when none is said.
    pub per_page: u32,
    /// Products on a page at most.
    pub max_per_page: u32,
    /// Last page that can be asked for.
    pub max_page: u32,
    /// Products asked for by id at most.
    pub max_ids: usize,
    /// Characters of a search at most.
    pub max_words: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_page: 24, max_per_page: 100, max_page: 10_000, max_ids: 100, max_words: 200 }
    }
}

/// What the handlers work with.
#[derive(Clone)]
pub struct CatalogState {
    /// The tables.
    pub catalog: PgCatalog,
    /// The cache before them.
    pub cache: ReadThrough,
    /// Faults that may be on.
    pub faults: Faults,
    /// Searches made.
    pub searches: IntCounter,
    /// Bounds of requests.
    pub limits: Arc<Limits>,
    /// Dates the changes by staff.
    pub clock: SharedClock,
}

impl CatalogState {
    /// Lets a fault that is switched on do its work.
    async fn apply_faults(&self) -> Result<(), Problem> {
        self.faults.delay(LATENCY).await;
        if self.faults.is_active(ERRORS) {
            return Err(Problem::new(Code::Internal, "the catalogue failed on purpose"));
        }
        Ok(())
    }

    /// The answer under `key` as JSON, from the cache or what `load` gives.
    async fn cached<T: Serialize>(
        &self,
        key: &str,
        load: impl Future<Output = Result<Option<T>, sqlx::Error>> + Send + 'static,
    ) -> Result<Answer, Problem> {
        let load = async move {
            let value = load.await.map_err(Problem::from)?;
            let text = value.map(|value| serde_json::to_string(&value).map(Arc::from));
            text.transpose().map_err(|cause| Problem::internal(&cause))
        };
        if self.faults.is_active(CACHE_OFF) {
            return Ok(Answer { text: load.await?, source: Source::Database });
        }
        self.cache.get_or_load(format!("catalog:3:{key}"), load).await
    }
}

/// The answer as a response; a stale one says so.
fn answer(answer: Answer) -> Result<Response, Problem> {
    let Some(text) = answer.text else {
        return Err(Problem::new(Code::NotFound, "there is no such product"));
    };
    let mut response = ([(CONTENT_TYPE, "application/json")], text.as_bytes().to_vec()).into_response();
    if answer.source == Source::Stale {
        let stale = [(X_CACHE, "stale"), (WARNING, "110 - \"Response is Stale\"")];
        response = (stale, response).into_response();
    }
    Ok(response)
}

/// All routes.
pub fn router(state: CatalogState) -> Router {
    Router::new()
        .route("/v1/categories", get(products::list_categories))
        .route("/v1/products", get(products::list_products))
        .route("/v1/products-by-id", get(products::list_products_by_id))
        .route("/v1/products/{slug_or_id}", get(products::get_product))
        .route("/v1/products/{slug_or_id}/picture.svg", get(pictures::get_picture))
        .route("/v1/products/{slug_or_id}/related", get(products::list_related))
        .route("/v1/suggestions", get(products::suggest))
        .route("/v1/sitemap", get(products::get_sitemap))
        .route("/v1/staff/products/{id}", post(staff::edit_product))
        .route("/v1/staff/products/{id}/history", get(staff::list_changes))
        .route("/v1/staff/products/{id}/variant", post(variants::join_group))
        .route("/v1/staff/products/{id}/variant/leave", post(variants::leave_group))
        .route("/v1/staff/variant-groups", get(variants::list_groups))
        .route("/v1/staff/variant-groups/{id}", post(variants::rename_group))
        .with_state(state)
}
