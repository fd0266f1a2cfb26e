//! Categories, lists, search and single products.

use std::future::Future;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use shop_contracts::catalog::{Categories, Products, Sort};
use shop_contracts::{Code, ProductId};
use shop_instrumentation::http::extract::{Json, Path, Query};
use shop_instrumentation::problem::Problem;

use super::{Limits, Shelf};
use crate::storage::ListQuery;

#[derive(Debug, Deserialize)]
pub(super) struct ListParams {
    category: Option<String>,
    q: Option<String>,
    page: Option<u32>,
    per_page: Option<u32>,
    sort: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ByIdParams {
    #[serde(default)]
    ids: String,
}

pub(super) async fn list_categories(State(shelf): State<Shelf>) -> Result<Response, Problem> {
    shelf.suffer().await?;
    let catalog = shelf.catalog.clone();
    let load = text_of(async move {
        let categories = catalog.list_categories().await?;
        Ok(Some(Categories { categories }))
    });
    found(shelf.cache.get_or_load("catalog:1:categories".to_owned(), load).await)
}

pub(super) async fn list_products(
    State(shelf): State<Shelf>,
    Query(params): Query<ListParams>,
) -> Result<Response, Problem> {
    shelf.suffer().await?;
    let list = params.parse(&shelf.limits)?;
    if list.words.is_some() {
        shelf.searches.inc();
    }
    let catalog = shelf.catalog.clone();
    let key = cache_key(&list);
    let load = text_of(async move { catalog.list_products(&list).await.map(Some) });
    found(shelf.cache.get_or_load(key, load).await)
}

pub(super) async fn get_product(
    State(shelf): State<Shelf>,
    Path(slug_or_id): Path<String>,
) -> Result<Response, Problem> {
    shelf.suffer().await?;
    if slug_or_id.len() > 200 {
        return Err(Problem::new(Code::NotFound, "there is no such product"));
    }
    let catalog = shelf.catalog.clone();
    let key = format!("catalog:1:product:{slug_or_id}");
    let load = text_of(async move { catalog.find_product(&slug_or_id).await });
    found(shelf.cache.get_or_load(key, load).await)
}

/// Past the cache: carts and orders are priced by this answer.
pub(super) async fn list_products_by_id(
    State(shelf): State<Shelf>,
    Query(params): Query<ByIdParams>,
) -> Result<Json<Products>, Problem> {
    shelf.suffer().await?;
    let ids = params.parse(&shelf.limits)?;
    let products = shelf.catalog.list_products_by_id(&ids).await?;
    Ok(Json(Products { products }))
}

impl ListParams {
    fn parse(self, limits: &Limits) -> Result<ListQuery, Problem> {
        let sort = match self.sort.as_deref() {
            None | Some("") => Sort::default(),
            Some(text) => text.parse().map_err(|cause| Problem::new(Code::Invalid, format!("{cause}")))?,
        };
        let page = self.page.unwrap_or(1);
        if !(1..=limits.max_page).contains(&page) {
            return Err(Problem::new(Code::Invalid, format!("page must be 1 to {}", limits.max_page)));
        }
        let per_page = self.per_page.unwrap_or(limits.per_page);
        if !(1..=limits.max_per_page).contains(&per_page) {
            return Err(Problem::new(
                Code::Invalid,
                format!("per_page must be 1 to {}", limits.max_per_page),
            ));
        }
        let words =
            self.q.map(|words| words.replace('\0', " ").trim().to_owned()).filter(|words| !words.is_empty());
        if words.as_ref().is_some_and(|words| words.chars().count() > limits.max_words) {
            return Err(Problem::new(
                Code::Invalid,
                format!("q must be at most {} characters", limits.max_words),
            ));
        }
        let category = self.category.filter(|category| !category.is_empty() && !category.contains('\0'));
        Ok(ListQuery { category, words, sort, page, per_page })
    }
}

impl ByIdParams {
    fn parse(&self, limits: &Limits) -> Result<Vec<ProductId>, Problem> {
        let texts: Vec<&str> = self.ids.split(',').filter(|id| !id.is_empty()).collect();
        if texts.len() > limits.max_ids {
            return Err(Problem::new(Code::Invalid, format!("ids must be at most {}", limits.max_ids)));
        }
        texts
            .iter()
            .map(|id| id.parse().map_err(|_| Problem::new(Code::Invalid, "ids must be product ids (UUID)")))
            .collect()
    }
}

/// Words may hold anything, so the key carries lengths.
fn cache_key(list: &ListQuery) -> String {
    let category = list.category.as_deref().unwrap_or_default();
    let words = list.words.as_deref().unwrap_or_default();
    format!(
        "catalog:1:list:{}:{category}:{}:{}:{}:{words}",
        category.len(),
        list.sort,
        list.page,
        list.per_page
    )
}

async fn text_of<T: Serialize>(
    load: impl Future<Output = Result<Option<T>, sqlx::Error>>,
) -> Result<Option<Arc<str>>, Arc<sqlx::Error>> {
    let value = load.await.map_err(Arc::new)?;
    value
        .map(|value| serde_json::to_string(&value).map(Arc::from))
        .transpose()
        .map_err(|cause| Arc::new(sqlx::Error::Encode(Box::new(cause))))
}

fn found(loaded: Result<Option<Arc<str>>, Arc<sqlx::Error>>) -> Result<Response, Problem> {
    match loaded {
        Ok(Some(text)) => {
            Ok(([(CONTENT_TYPE, "application/json")], text.as_bytes().to_vec()).into_response())
        }
        Ok(None) => Err(Problem::new(Code::NotFound, "there is no such product")),
        Err(cause) => Err(unavailable(&cause)),
    }
}

fn unavailable(cause: &sqlx::Error) -> Problem {
    match cause {
        sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
            Problem::internal(cause)
        }
        _ => Problem::unavailable(cause),
    }
}
