//! Categories, lists, search and single products.

use axum::extract::State;
use axum::response::Response;
use shop_contracts::catalog::{Categories, Product, ProductPage, Products, Sitemap, Suggestions};
use shop_instrumentation::http::extract::{Json, Path, Query};
use shop_instrumentation::problem::Problem;

use super::params::{self, ByIdParams, ListParams, SuggestParams};
use super::{CatalogState, answer};
use crate::storage::{ListQuery, ProductRef};

#[utoipa::path(get, path = "/v1/categories", responses((status = 200, description = "found", body = Categories)))]
pub(super) async fn list_categories(State(state): State<CatalogState>) -> Result<Response, Problem> {
    state.apply_faults().await?;
    let catalog = state.catalog.clone();
    let load =
        async move { catalog.list_categories().await.map(|categories| Some(Categories { categories })) };
    answer(state.cached("categories", load).await?)
}

#[utoipa::path(get, path = "/v1/products", params(ListParams), responses((status = 200, description = "found", body = ProductPage)))]
pub(super) async fn list_products(
    State(state): State<CatalogState>,
    Query(params): Query<ListParams>,
) -> Result<Response, Problem> {
    state.apply_faults().await?;
    let list = params.parse(&state.limits)?;
    if list.words.is_some() {
        state.searches.inc();
    }
    let catalog = state.catalog.clone();
    let key = list_key(&list);
    answer(state.cached(&key, async move { catalog.list_products(&list).await.map(Some) }).await?)
}

#[utoipa::path(get, path = "/v1/products/{slug_or_id}", params(("slug_or_id" = String, Path, description = "slug or id of a product")), responses((status = 200, description = "found", body = Product), (status = 404, description = "there is no such product")))]
pub(super) async fn get_product(
    State(state): State<CatalogState>,
    Path(slug_or_id): Path<String>,
) -> Result<Response, Problem> {
    state.apply_faults().await?;
    let named = params::product_ref(&slug_or_id)?;
    let catalog = state.catalog.clone();
    let key = format!("product:{}", ref_key(&named));
    answer(state.cached(&key, async move { catalog.find_product_with_variants(&named).await }).await?)
}

#[utoipa::path(get, path = "/v1/products/{slug_or_id}/related", params(("slug_or_id" = String, Path, description = "slug or id of a product")), responses((status = 200, description = "found", body = Products), (status = 404, description = "there is no such product")))]
pub(super) async fn list_related(
    State(state): State<CatalogState>,
    Path(slug_or_id): Path<String>,
) -> Result<Response, Problem> {
    state.apply_faults().await?;
    let named = params::product_ref(&slug_or_id)?;
    let catalog = state.catalog.clone();
    let key = format!("related:{}", ref_key(&named));
    let load = async move {
        let related = catalog.list_related(&named).await?;
        Ok(related.map(|products| Products { products }))
    };
    answer(state.cached(&key, load).await?)
}

/// Past the cache: carts and orders are priced by this answer.
#[utoipa::path(get, path = "/v1/products-by-id", params(ByIdParams), responses((status = 200, description = "found", body = Products)))]
pub(super) async fn list_products_by_id(
    State(state): State<CatalogState>,
    Query(params): Query<ByIdParams>,
) -> Result<Json<Products>, Problem> {
    state.apply_faults().await?;
    let ids = params.parse(&state.limits)?;
    let products = state.catalog.list_products_by_id(&ids).await?;
    Ok(Json(Products { products }))
}

#[utoipa::path(get, path = "/v1/suggestions", params(SuggestParams), responses((status = 200, description = "found", body = Suggestions)))]
pub(super) async fn suggest(
    State(state): State<CatalogState>,
    Query(params): Query<SuggestParams>,
) -> Result<Response, Problem> {
    state.apply_faults().await?;
    let words = params.parse(&state.limits)?.unwrap_or_default();
    let catalog = state.catalog.clone();
    let key = format!("suggestions:{words}");
    let load = async move { catalog.suggest(&words).await.map(|products| Some(Suggestions { products })) };
    answer(state.cached(&key, load).await?)
}

#[utoipa::path(get, path = "/v1/sitemap", responses((status = 200, description = "found", body = Sitemap)))]
pub(super) async fn get_sitemap(State(state): State<CatalogState>) -> Result<Response, Problem> {
    state.apply_faults().await?;
    let catalog = state.catalog.clone();
    answer(state.cached("sitemap", async move { catalog.sitemap().await.map(Some) }).await?)
}

fn ref_key(named: &ProductRef) -> String {
    match named {
        ProductRef::Id(id) => id.to_string(),
        ProductRef::Slug(slug) => slug.clone(),
    }
}

/// Words and makers may hold anything, so the key carries lengths.
fn list_key(list: &ListQuery) -> String {
    let category = list.category.as_deref().unwrap_or_default();
    let maker = list.maker.as_deref().unwrap_or_default();
    let words = list.words.as_deref().unwrap_or_default();
    format!(
        "list:{}:{category}:{}:{maker}:{:?}:{:?}:{}:{}:{}:{}:{}:{words}",
        category.len(),
        maker.len(),
        list.min_price,
        list.max_price,
        list.sort,
        list.page,
        list.per_page,
        list.exact,
        list.ungrouped
    )
}
