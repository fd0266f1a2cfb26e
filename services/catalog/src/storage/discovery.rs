//! Ways to products other than lists: suggestions, related products, the sitemap.

use shop_contracts::catalog::{Product, ProductSummary, Sitemap};
use shop_instrumentation::db::observe;
use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder, Row};

use super::products::{PRODUCT, PgCatalog, ProductRef, SUMMARY, product, summary};
use super::search::{self, Match};
use super::spelling;

const SUGGESTIONS: i64 = 8;
const RELATED: i64 = 6;
/// What a sitemap may hold (sitemaps.org).
const SITEMAP_ENTRIES: i64 = 50_000;

impl PgCatalog {
    /// Products whose words begin like these, or are spelled alike; best first.
    pub async fn suggest(&self, words: &str) -> Result<Vec<ProductSummary>, sqlx::Error> {
        let Some(prefix) = search::prefix_query(words) else { return Ok(Vec::new()) };
        let begun = self.suggest_by(&Match::Prefix(prefix)).await?;
        if !begun.is_empty() {
            return Ok(begun);
        }
        match spelling::correct(&self.pool, words).await? {
            Some(corrected) => self.suggest_by(&Match::Web(corrected)).await,
            None => Ok(begun),
        }
    }

    async fn suggest_by(&self, wanted: &Match) -> Result<Vec<ProductSummary>, sqlx::Error> {
        let mut query = QueryBuilder::<Postgres>::new(SUMMARY);
        query.push(" WHERE p.search @@ ");
        wanted.push_to(&mut query);
        query.push(" ORDER BY (to_tsvector('simple', p.name) @@ ");
        wanted.push_to(&mut query);
        query.push(") DESC, ts_rank(p.search, ");
        wanted.push_to(&mut query);
        query.push(") DESC, p.position LIMIT ").push_bind(SUGGESTIONS);
        let rows = observe("SELECT products suggestions", query.build().fetch_all(&self.pool)).await?;
        rows.iter().map(summary).collect()
    }

    /// Products of the same category, most alike first; nothing when there is no such product.
    pub async fn list_related(&self, to: &ProductRef) -> Result<Option<Vec<Product>>, sqlx::Error> {
        let Some(of) = self.find_product(to).await? else { return Ok(None) };
        let mut query = QueryBuilder::<Postgres>::new(PRODUCT);
        query.push(" JOIN products o ON o.category = p.category AND o.id <> p.id WHERE o.id = ");
        query.push_bind(of.id.uuid());
        query.push(
            " ORDER BY (p.motif = o.motif) DESC, (p.maker = o.maker) DESC, \
             abs(p.price_minor - o.price_minor), p.position LIMIT ",
        );
        query.push_bind(RELATED);
        let rows = observe("SELECT products related", query.build().fetch_all(&self.pool)).await?;
        rows.iter().map(product).collect::<Result<_, _>>().map(Some)
    }

    /// Slugs of everything there is.
    pub async fn sitemap(&self) -> Result<Sitemap, sqlx::Error> {
        let products = sqlx::query("SELECT slug FROM products ORDER BY position LIMIT $1");
        let products = products.bind(SITEMAP_ENTRIES).fetch_all(&self.pool);
        let products = observe("SELECT products slugs", products).await?;
        let categories = sqlx::query("SELECT slug FROM categories ORDER BY position");
        let categories = observe("SELECT categories", categories.fetch_all(&self.pool)).await?;
        Ok(Sitemap { products: slugs(&products)?, categories: slugs(&categories)? })
    }
}

fn slugs(rows: &[PgRow]) -> Result<Vec<String>, sqlx::Error> {
    rows.iter().map(|row| row.try_get("slug")).collect()
}
