//! What the search box offers while somebody types: a comfort of the script's, the form works without.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shop_contracts::catalog::ProductSummary;

use super::{PageError, Shop, shared};
use crate::border::{ListQuery, QueryFields};
use crate::view::listed;

/// Fewer letters mean too much.
const FEWEST_CHARS: usize = 2;

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
    Ok((shared::SUGGESTIONS, Json(Answer { suggestions })).into_response())
}

impl From<ProductSummary> for Suggestion {
    fn from(product: ProductSummary) -> Self {
        let url = format!("/p/{}", product.slug);
        let (name, price) = (listed::name(&product).to_owned(), listed::price(&product));
        Self { name, maker: product.maker, price, url }
    }
}
