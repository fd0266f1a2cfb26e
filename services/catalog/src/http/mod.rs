//! The catalogue's HTTP interface.

mod pictures;
mod products;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use prometheus::IntCounter;
use shop_contracts::Code;
use shop_instrumentation::faults::{FaultSpec, Faults};
use shop_instrumentation::problem::Problem;

use crate::cache::ReadThrough;
use crate::storage::PgCatalog;

/// The faults that can be switched on here.
pub const FAULTS: &[FaultSpec] = &[
    FaultSpec { name: SLOW, description: "answers about products wait before they are given" },
    FaultSpec { name: ERRORS, description: "requests about products fail with an internal error" },
];

const SLOW: &str = "catalog.slow";
const ERRORS: &str = "catalog.errors";

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
pub struct Shelf {
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
}

impl Shelf {
    /// Lets a fault that is switched on do its work.
    async fn suffer(&self) -> Result<(), Problem> {
        self.faults.delay(SLOW).await;
        if self.faults.is_active(ERRORS) {
            return Err(Problem::new(Code::Internal, "the catalogue failed on purpose"));
        }
        Ok(())
    }
}

/// All routes.
pub fn router(shelf: Shelf) -> Router {
    Router::new()
        .route("/v1/categories", get(products::list_categories))
        .route("/v1/products", get(products::list_products))
        .route("/v1/products-by-id", get(products::list_products_by_id))
        .route("/v1/products/{slug_or_id}", get(products::get_product))
        .route("/v1/products/{slug_or_id}/picture.svg", get(pictures::get_picture))
        .with_state(shelf)
}
