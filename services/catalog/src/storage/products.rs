//! Categories and products by name and by id.

use serde::{Deserialize, Serialize};
use shop_contracts::ProductId;
use shop_contracts::catalog::{Category, Product};
use shop_instrumentation::db::observe;
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

use super::rows::{ProductRow, count};

/// The catalogue's tables.
#[derive(Clone)]
pub struct PgCatalog {
    pub(super) pool: PgPool,
}

/// What names a product, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductRef {
    /// Its id.
    Id(ProductId),
    /// Its name in URLs: lower-case letters, digits and dashes.
    Slug(String),
}

/// What a product's picture is drawn from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureFacts {
    /// What it shows.
    pub motif: String,
    /// Whose colours it has.
    pub category: String,
}

impl PgCatalog {
    /// Reads through this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Whether the database answers.
    pub async fn is_reachable(&self) -> bool {
        sqlx::query_scalar!("SELECT 1 AS \"one!\"").fetch_one(&self.pool).await.is_ok()
    }

    /// Every category with the number of its products.
    pub async fn list_categories(&self) -> Result<Vec<Category>, sqlx::Error> {
        let query = sqlx::query!(
            "SELECT c.slug, c.name, c.blurb, count(p.id) AS \"product_count!\" \
             FROM categories c LEFT JOIN products p ON p.category = c.slug \
             GROUP BY c.slug, c.name, c.blurb, c.position ORDER BY c.position"
        );
        let rows = observe("SELECT categories", query.fetch_all(&self.pool)).await?;
        let category =
            |slug, name, blurb, products| Category { slug, name, blurb, product_count: count(products) };
        Ok(rows.into_iter().map(|it| category(it.slug, it.name, it.blurb, it.product_count)).collect())
    }

    /// The product that is named so, without its group.
    pub async fn find_product(&self, named: &ProductRef) -> Result<Option<Product>, sqlx::Error> {
        let row = match named {
            ProductRef::Id(id) => observe("SELECT products", product_by_id(&self.pool, id.uuid())).await?,
            ProductRef::Slug(slug) => observe("SELECT products", product_by_slug(&self.pool, slug)).await?,
        };
        row.map(Product::try_from).transpose()
    }

    /// The products with these ids, in this order; unknown ids are left out.
    pub async fn list_products_by_id(&self, ids: &[ProductId]) -> Result<Vec<Product>, sqlx::Error> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let query = sqlx::query_as!(
            ProductRow,
            "SELECT p.id, p.slug, p.name, p.maker, p.category, c.name AS category_name, p.motif, \
             p.price_minor, p.currency, p.description, p.attributes, p.tax_class \
             FROM products p JOIN categories c ON c.slug = p.category \
             WHERE p.id = ANY ($1::uuid[]) ORDER BY array_position($1::uuid[], p.id)",
            &ids[..]
        );
        let rows = observe("SELECT products", query.fetch_all(&self.pool)).await?;
        rows.into_iter().map(Product::try_from).collect()
    }

    /// What the picture of the product with this slug is drawn from.
    pub async fn find_picture(&self, slug: &str) -> Result<Option<PictureFacts>, sqlx::Error> {
        let query =
            sqlx::query_as!(PictureFacts, "SELECT motif, category FROM products WHERE slug = $1", slug);
        observe("SELECT products", query.fetch_optional(&self.pool)).await
    }
}

/// A product's row, read through a pool or in a transaction.
pub(super) async fn product_by_id(
    through: impl PgExecutor<'_>,
    id: Uuid,
) -> Result<Option<ProductRow>, sqlx::Error> {
    let query = sqlx::query_as!(
        ProductRow,
        "SELECT p.id, p.slug, p.name, p.maker, p.category, c.name AS category_name, p.motif, \
             p.price_minor, p.currency, p.description, p.attributes, p.tax_class \
             FROM products p JOIN categories c ON c.slug = p.category WHERE p.id = $1",
        id
    );
    query.fetch_optional(through).await
}

async fn product_by_slug(pool: &PgPool, slug: &str) -> Result<Option<ProductRow>, sqlx::Error> {
    let query = sqlx::query_as!(
        ProductRow,
        "SELECT p.id, p.slug, p.name, p.maker, p.category, c.name AS category_name, p.motif, \
             p.price_minor, p.currency, p.description, p.attributes, p.tax_class \
             FROM products p JOIN categories c ON c.slug = p.category WHERE p.slug = $1",
        slug
    );
    query.fetch_optional(pool).await
}
