//! What the search box offers while somebody types: a comfort of the script's, the form works without.

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shop_contracts::catalog::ProductSummary;

use super::{PageError, Shop};
use crate::border::{ListQuery, QueryFields};
use crate::view::listed;

/// Fewer letters mean too much.
const FEWEST_CHARS: usize = 2;
/// The same for everybody, and prices in it may be a minute old.
const SHARED: &str = "public, max-age=60, s-maxage=60";

#[derive(Serialize)]
struct Answer {
    suggestions: Vec<Suggestion>,
}

#[derive(Serialize)]
struct Suggestion {
    name: String,
    maker: String,
    price: String,
    url: String,
}

/// `GET /search/suggestions?q=` → `{"suggestions": [{name, maker, price, url}]}`, best first, at most 8.
pub(super) async fn show(State(shop): State<Shop>, query: QueryFields) -> Result<Response, PageError> {
    let words = ListQuery::parse(&query)?.words.unwrap_or_default();
    let products = match words.chars().count() {
        0..FEWEST_CHARS => Vec::new(),
        _ => shop.peers.suggest(&words).await?,
    };
    let suggestions = products.into_iter().map(Suggestion::from).collect();
    Ok(([(CACHE_CONTROL, SHARED)], Json(Answer { suggestions })).into_response())
}

impl From<ProductSummary> for Suggestion {
    fn from(product: ProductSummary) -> Self {
        let url = format!("/p/{}", product.slug);
        let (name, price) = (listed::name(&product).to_owned(), listed::price(&product));
        Self { name, maker: product.maker, price, url }
    }
}
