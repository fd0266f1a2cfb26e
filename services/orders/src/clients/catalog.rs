//! `catalog`: prices.

use async_trait::async_trait;
use shop_contracts::ProductId;
use shop_contracts::catalog::{Product, Products};
use shop_instrumentation::client::{Call, ServiceClient};

use super::not_now;
use crate::ports::{NotNow, PriceList};

/// `catalog` over HTTP.
#[derive(Clone)]
pub struct HttpPriceList(pub ServiceClient);

#[async_trait]
impl PriceList for HttpPriceList {
    async fn products(&self, ids: &[ProductId]) -> Result<Vec<Product>, NotNow> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let call = Call::get(format!("/v1/products-by-id?ids={}", ids.join(",")));
        Ok(self.0.request::<Products>(call).await.map_err(|e| not_now(&e))?.products)
    }
}
