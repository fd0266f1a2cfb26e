//! Categories and products by name, by id and by the page.

use serde_json::Value;
use shop_contracts::catalog::{Attribute, Category, Product, ProductPage, ProductSummary, Sort};
use shop_contracts::{Currency, Money, ProductId};
use shop_instrumentation::db::observe;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::search::{self, Match};
use crate::picture;

/// The catalogue's tables.
#[derive(Clone)]
pub struct PgCatalog {
    pub(super) pool: PgPool,
}

/// Which products to list. Page numbers start at 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only this category.
    pub category: Option<String>,
    /// Only what matches these words.
    pub words: Option<String>,
    /// In this order.
    pub sort: Sort,
    /// Page number, from 1.
    pub page: u32,
    /// Products on a page.
    pub per_page: u32,
}

/// What a product's picture is drawn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFacts {
    /// What it shows.
    pub motif: String,
    /// Whose colours it has.
    pub category: String,
}

const PRODUCT: &str = "SELECT p.id, p.slug, p.name, p.maker, p.category, c.name AS category_name, p.motif, \
     p.price_minor, p.currency, p.description, p.attributes \
     FROM products p JOIN categories c ON c.slug = p.category";

impl PgCatalog {
    /// Reads through this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
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

    /// The product with this slug or id.
    pub async fn find_product(&self, slug_or_id: &str) -> Result<Option<Product>, sqlx::Error> {
        let mut query = QueryBuilder::<Postgres>::new(PRODUCT);
        match slug_or_id.parse::<Uuid>() {
            Ok(id) => query.push(" WHERE p.id = ").push_bind(id),
            Err(_) => query.push(" WHERE p.slug = ").push_bind(slug_or_id),
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

    /// One page of products. Words are tried as a web search first, then as beginnings of words.
    pub async fn list_products(&self, list: &ListQuery) -> Result<ProductPage, sqlx::Error> {
        let Some(words) = list.words.as_deref() else {
            return self.page_of(list, None).await;
        };
        let page = self.page_of(list, Some(&Match::Web(words.to_owned()))).await?;
        match search::prefix_query(words) {
            Some(prefix) if page.total == 0 => self.page_of(list, Some(&Match::Prefix(prefix))).await,
            _ => Ok(page),
        }
    }

    async fn page_of(&self, list: &ListQuery, wanted: Option<&Match>) -> Result<ProductPage, sqlx::Error> {
        let mut count = QueryBuilder::<Postgres>::new("SELECT count(*) FROM products p WHERE true");
        push_filter(&mut count, list, wanted);
        let total: i64 =
            observe("SELECT products count", count.build_query_scalar().fetch_one(&self.pool)).await?;

        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT p.id, p.slug, p.name, p.maker, p.category, p.motif, p.price_minor, p.currency \
             FROM products p WHERE true",
        );
        push_filter(&mut query, list, wanted);
        push_order(&mut query, list.sort, wanted);
        let offset = i64::from(list.page.saturating_sub(1)) * i64::from(list.per_page);
        query.push(" LIMIT ").push_bind(i64::from(list.per_page)).push(" OFFSET ").push_bind(offset);
        let rows = observe("SELECT products page", query.build().fetch_all(&self.pool)).await?;
        let items = rows.iter().map(summary).collect::<Result<_, _>>()?;
        Ok(ProductPage {
            items,
            page: list.page,
            per_page: list.per_page,
            total: total.unsigned_abs(),
            corrected: None,
            makers: Vec::new(),
        })
    }
}

fn push_filter(query: &mut QueryBuilder<Postgres>, list: &ListQuery, wanted: Option<&Match>) {
    if let Some(category) = &list.category {
        query.push(" AND p.category = ").push_bind(category.clone());
    }
    if let Some(wanted) = wanted {
        query.push(" AND p.search @@ ");
        wanted.push_to(query);
    }
}

fn push_order(query: &mut QueryBuilder<Postgres>, sort: Sort, wanted: Option<&Match>) {
    match (sort, wanted) {
        (Sort::Relevance, Some(wanted)) => {
            query.push(" ORDER BY ts_rank_cd(p.search, ");
            wanted.push_to(query);
            query.push(") DESC, p.position");
        }
        (Sort::Relevance, None) => {
            query.push(" ORDER BY p.position");
        }
        (Sort::PriceAsc, _) => {
            query.push(" ORDER BY p.price_minor, p.position");
        }
        (Sort::PriceDesc, _) => {
            query.push(" ORDER BY p.price_minor DESC, p.position");
        }
        (Sort::Name, _) => {
            query.push(" ORDER BY lower(p.name), p.position");
        }
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

fn price(row: &PgRow) -> Result<Money, sqlx::Error> {
    let currency: Currency =
        row.try_get::<&str, _>("currency")?.parse().map_err(|cause| sqlx::Error::Decode(Box::new(cause)))?;
    Ok(Money::new(row.try_get("price_minor")?, currency))
}

fn summary(row: &PgRow) -> Result<ProductSummary, sqlx::Error> {
    let category: String = row.try_get("category")?;
    Ok(ProductSummary {
        id: ProductId(row.try_get("id")?),
        slug: row.try_get("slug")?,
        name: row.try_get("name")?,
        maker: row.try_get("maker")?,
        picture_version: picture::version(row.try_get("motif")?, &category),
        category,
        price: price(row)?,
    })
}

fn product(row: &PgRow) -> Result<Product, sqlx::Error> {
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
    })
}
