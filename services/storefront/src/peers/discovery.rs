//! Ways to products other than lists.

use shop_contracts::catalog::{Product, ProductSummary, Products, Sitemap, Suggestions};
use shop_instrumentation::client::{Call, CallError};

use super::Peers;

impl Peers {
    /// Products that these words may mean, best first, at most 8.
    pub async fn suggest(&self, words: &str) -> Result<Vec<ProductSummary>, CallError> {
        let path = format!("/v1/suggestions?q={}", urlencoding::encode(words));
        self.catalog.request::<Suggestions>(Call::get(path)).await.map(|answer| answer.products)
    }

    /// Products like the one with this slug, most alike first; none when the catalogue does not say, for a page can do
    /// without them.
    pub async fn related(&self, slug: &str) -> Vec<Product> {
        let path = format!("/v1/products/{}/related", urlencoding::encode(slug));
        match self.catalog.request::<Products>(Call::get(path)).await {
            Ok(answer) => answer.products,
            Err(cause) => {
                tracing::warn!(error = %cause, "related products are not available");
                Vec::new()
            }
        }
    }

    /// Everything that search engines may index.
    pub async fn sitemap(&self) -> Result<Sitemap, CallError> {
        self.catalog.request(Call::get("/v1/sitemap")).await
    }
}
