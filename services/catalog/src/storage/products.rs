//! Categories and products by name and by id.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shop_contracts::catalog::{Attribute, Category, Product, ProductSummary};
use shop_contracts::tax::TaxClass;
use shop_contracts::{Currency, Money, ProductId};
use shop_instrumentation::db::observe;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::picture;

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

pub(super) const PRODUCT: &str = "SELECT p.id, p.slug, p.name, p.maker, p.category, c.name AS category_name, p.motif, \
     p.price_minor, p.currency, p.description, p.attributes, p.tax_class \
     FROM products p JOIN categories c ON c.slug = p.category";

impl PgCatalog {
    /// Reads through this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Whether the database answers.
    pub async fn is_reachable(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.pool).await.is_ok()
    }

    /// Every category with the number of its products.
    pub async fn list_categories(&self) -> Result<Vec<Category>, sqlx::Error> {
        let query = sqlx::query(
            "SELECT c.slug, c.name, c.blurb, count(p.id) AS product_count \
             FROM categories c LEFT JOIN products p ON p.category = c.slug \
             GROUP BY c.slug, c.name, c.blurb, c.position ORDER BY c.position",
        );
        let rows = observe("SELECT categories", query.fetch_all(&self.pool)).await?;
        rows.iter().map(category).collect()
    }

    /// The product that is named so, without its group.
    pub async fn find_product(&self, named: &ProductRef) -> Result<Option<Product>, sqlx::Error> {
        let mut query = QueryBuilder::<Postgres>::new(PRODUCT);
        match named {
            ProductRef::Id(id) => query.push(" WHERE p.id = ").push_bind(id.uuid()),
            ProductRef::Slug(slug) => query.push(" WHERE p.slug = ").push_bind(slug.clone()),
        };
        let row = observe("SELECT products", query.build().fetch_optional(&self.pool)).await?;
        row.as_ref().map(product).transpose()
    }

    /// The products with these ids, in this order; unknown ids are left out.
    pub async fn list_products_by_id(&self, ids: &[ProductId]) -> Result<Vec<Product>, sqlx::Error> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let mut query = QueryBuilder::<Postgres>::new(PRODUCT);
        query.push(" WHERE p.id = ANY(").push_bind(ids.clone()).push(") ORDER BY array_position(");
        query.push_bind(ids).push(", p.id)");
        let rows = observe("SELECT products", query.build().fetch_all(&self.pool)).await?;
        rows.iter().map(product).collect()
    }

    /// What the picture of the product with this slug is drawn from.
    pub async fn find_picture(&self, slug: &str) -> Result<Option<PictureFacts>, sqlx::Error> {
        let query = sqlx::query("SELECT motif, category FROM products WHERE slug = $1").bind(slug);
        let row = observe("SELECT products", query.fetch_optional(&self.pool)).await?;
        row.map(|row| Ok(PictureFacts { motif: row.try_get("motif")?, category: row.try_get("category")? }))
            .transpose()
    }
}

fn category(row: &PgRow) -> Result<Category, sqlx::Error> {
    Ok(Category {
        slug: row.try_get("slug")?,
        name: row.try_get("name")?,
        blurb: row.try_get("blurb")?,
        product_count: u32::try_from(row.try_get::<i64, _>("product_count")?).unwrap_or(u32::MAX),
    })
}

pub(super) fn price(row: &PgRow) -> Result<Money, sqlx::Error> {
    let currency: Currency =
        row.try_get::<&str, _>("currency")?.parse().map_err(|cause| sqlx::Error::Decode(Box::new(cause)))?;
    Ok(Money::new(row.try_get("price_minor")?, currency))
}

fn tax_class(row: &PgRow) -> Result<TaxClass, sqlx::Error> {
    let name: String = row.try_get("tax_class")?;
    TaxClass::parse(&name).ok_or_else(|| sqlx::Error::Decode(format!("tax_class: unknown {name:?}").into()))
}

pub(super) fn summary(row: &PgRow) -> Result<ProductSummary, sqlx::Error> {
    let (slug, category): (String, String) = (row.try_get("slug")?, row.try_get("category")?);
    Ok(ProductSummary {
        id: ProductId(row.try_get("id")?),
        name: row.try_get("name")?,
        maker: row.try_get("maker")?,
        picture_version: picture::version(&slug, row.try_get("motif")?, &category),
        slug,
        category,
        price: price(row)?,
        choices: None,
    })
}

pub(super) fn product(row: &PgRow) -> Result<Product, sqlx::Error> {
    let summary = summary(row)?;
    let attributes: Vec<Attribute> = serde_json::from_value(row.try_get::<Value, _>("attributes")?)
        .map_err(|cause| sqlx::Error::Decode(Box::new(cause)))?;
    Ok(Product {
        id: summary.id,
        slug: summary.slug,
        name: summary.name,
        maker: summary.maker,
        category: summary.category,
        category_name: row.try_get("category_name")?,
        description: row.try_get("description")?,
        attributes,
        price: summary.price,
        picture_version: summary.picture_version,
        tax_class: tax_class(row)?,
        variants: None,
    })
}
