//! Ways to products other than lists: suggestions, related products, the sitemap.

use shop_contracts::catalog::{Product, ProductSummary, Sitemap};
use shop_instrumentation::db::observe;

use super::entries::{self, Weight};
use super::products::{PgCatalog, ProductRef};
use super::rows::ProductRow;
use super::search::{self, Match};
use super::spelling;

const SUGGESTIONS: i64 = 8;
const RELATED: i64 = 6;
/// What a sitemap may hold (sitemaps.org).
const SITEMAP_ENTRIES: i64 = 50_000;

impl PgCatalog {
    /// Products whose words begin like these, or are spelled alike; best first.
    pub async fn suggest(&self, words: &str) -> Result<Vec<ProductSummary>, sqlx::Error> {
        let Some(prefix) = search::prefix_query(words) else {
            return Ok(Vec::new());
        };
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
        let mut query = entries::open(false, &Weight::Suggestion(wanted));
        query.push(" AND p.search @@ ");
        wanted.push_to(&mut query);
        entries::close(&mut query);
        query.push(" ORDER BY e.called DESC, e.rank DESC, e.position, e.id LIMIT ").push_bind(SUGGESTIONS);
        entries::fetch(&mut query, &self.pool, "SELECT products suggestions").await
    }

    /// Products of the same category, most alike first, one of a group and none of the product's own; nothing when there
    /// is no such product.
    pub async fn list_related(&self, to: &ProductRef) -> Result<Option<Vec<Product>>, sqlx::Error> {
        let Some(of) = self.find_product(to).await? else {
            return Ok(None);
        };
        let query = sqlx::query_as!(
            ProductRow,
            "WITH alike AS (SELECT DISTINCT ON (coalesce(p.variant_group_id, p.id)) p.id, p.slug, p.name, p.maker, \
             p.category, c.name AS category_name, p.motif, p.price_minor, p.currency, p.description, p.attributes, \
             p.tax_class, p.position, p.motif = o.motif AS same_motif, p.maker = o.maker AS same_maker, \
             abs(p.price_minor - o.price_minor) AS apart \
             FROM products o JOIN products p ON p.category = o.category AND p.id <> o.id \
             AND (p.variant_group_id IS NULL OR p.variant_group_id IS DISTINCT FROM o.variant_group_id) \
             JOIN categories c ON c.slug = p.category WHERE o.id = $1 \
             ORDER BY coalesce(p.variant_group_id, p.id), same_motif DESC, same_maker DESC, apart, p.position, p.id) \
             SELECT id, slug, name, maker, category, category_name, motif, price_minor, currency, description, \
             attributes, tax_class FROM alike \
             ORDER BY same_motif DESC, same_maker DESC, apart, position, id LIMIT $2",
            of.id.uuid(),
            RELATED
        );
        let rows = observe("SELECT products related", query.fetch_all(&self.pool)).await?;
        rows.into_iter().map(Product::try_from).collect::<Result<_, _>>().map(Some)
    }

    /// Slugs of everything there is.
    pub async fn sitemap(&self) -> Result<Sitemap, sqlx::Error> {
        let products =
            sqlx::query_scalar!("SELECT slug FROM products ORDER BY position, id LIMIT $1", SITEMAP_ENTRIES);
        let products = observe("SELECT products slugs", products.fetch_all(&self.pool)).await?;
        let categories = sqlx::query_scalar!("SELECT slug FROM categories ORDER BY position");
        let categories = observe("SELECT categories", categories.fetch_all(&self.pool)).await?;
        Ok(Sitemap { products, categories })
    }
}
