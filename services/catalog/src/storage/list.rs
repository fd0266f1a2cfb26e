//! Pages of products: filters, search, order, makers.

use shop_contracts::catalog::{MakerCount, ProductPage, Sort};
use shop_instrumentation::db::observe;
use sqlx::{Postgres, QueryBuilder};

use super::entries::{self, Weight, entry_of};
use super::products::PgCatalog;
use super::search::{self, Match};
use super::spelling;

/// Makers that a page names at most.
const MAX_MAKERS: i64 = 50;

/// Which products to list. Page numbers start at 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only this category.
    pub category: Option<String>,
    /// Only what matches these words.
    pub words: Option<String>,
    /// The words as they are spelled, and nothing that is spelled alike.
    pub exact: bool,
    /// Only this maker's.
    pub maker: Option<String>,
    /// Only what costs this or more, minor units.
    pub min_price: Option<i64>,
    /// Only what costs this or less, minor units.
    pub max_price: Option<i64>,
    /// Each product of a group, not one for all.
    pub ungrouped: bool,
    /// In this order.
    pub sort: Sort,
    /// Page number, from 1.
    pub page: u32,
    /// Products on a page.
    pub per_page: u32,
}

impl PgCatalog {
    /// One page of products. Words are tried as a web search first, then as beginnings of words, then as what is
    /// spelled alike.
    pub async fn list_products(&self, list: &ListQuery) -> Result<ProductPage, sqlx::Error> {
        let Some(words) = list.words.as_deref() else {
            return self.page_of(list, None).await;
        };
        let page = self.page_of(list, Some(&Match::Web(words.to_owned()))).await?;
        if page.total > 0 {
            return Ok(page);
        }
        if let Some(prefix) = search::prefix_query(words) {
            let begun = self.page_of(list, Some(&Match::Prefix(prefix))).await?;
            if begun.total > 0 {
                return Ok(begun);
            }
        }
        if list.exact {
            return Ok(page);
        }
        if let Some(corrected) = spelling::correct(&self.pool, words).await? {
            let alike = self.page_of(list, Some(&Match::Web(corrected.clone()))).await?;
            if alike.total > 0 {
                return Ok(ProductPage { corrected: Some(corrected), ..alike });
            }
        }
        Ok(page)
    }

    async fn page_of(&self, list: &ListQuery, wanted: Option<&Match>) -> Result<ProductPage, sqlx::Error> {
        let makers = self.count_makers(list, wanted).await?;
        let mut count = QueryBuilder::<Postgres>::new("SELECT count(DISTINCT ");
        count.push(entry_of(list.ungrouped)).push(") FROM products p WHERE true");
        push_filter(&mut count, list, wanted);
        push_maker(&mut count, list);
        let total: i64 =
            observe("SELECT products count", count.build_query_scalar().fetch_one(&self.pool)).await?;

        let weight = match (list.sort, wanted) {
            (Sort::Relevance, Some(wanted)) => Weight::Search(wanted),
            _ => Weight::Even,
        };
        let mut query = entries::open(list.ungrouped, &weight);
        push_filter(&mut query, list, wanted);
        push_maker(&mut query, list);
        entries::close(&mut query);
        query.push(order(list.sort));
        let offset = i64::from(list.page.saturating_sub(1)) * i64::from(list.per_page);
        query.push(" LIMIT ").push_bind(i64::from(list.per_page)).push(" OFFSET ").push_bind(offset);
        let items = entries::fetch(&mut query, &self.pool, "SELECT products page").await?;
        let (page, per_page) = (list.page, list.per_page);
        Ok(ProductPage { items, page, per_page, total: total.unsigned_abs(), corrected: None, makers })
    }

    /// Makers among the matches, whichever of them is chosen: so that another can be chosen instead.
    async fn count_makers(
        &self,
        list: &ListQuery,
        wanted: Option<&Match>,
    ) -> Result<Vec<MakerCount>, sqlx::Error> {
        let mut query = QueryBuilder::<Postgres>::new("SELECT p.maker, count(DISTINCT ");
        query.push(entry_of(list.ungrouped)).push(") AS count FROM products p WHERE true");
        push_filter(&mut query, list, wanted);
        query.push(" GROUP BY p.maker ORDER BY count DESC, p.maker LIMIT ").push_bind(MAX_MAKERS);
        let rows: Vec<(String, i64)> =
            observe("SELECT products makers", query.build_query_as().fetch_all(&self.pool)).await?;
        let count = |(maker, count): (String, i64)| MakerCount { maker, count: count.unsigned_abs() };
        Ok(rows.into_iter().map(count).collect())
    }
}

fn push_filter(query: &mut QueryBuilder<Postgres>, list: &ListQuery, wanted: Option<&Match>) {
    if let Some(category) = &list.category {
        query.push(" AND p.category = ").push_bind(category.clone());
    }
    if let Some(price) = list.min_price {
        query.push(" AND p.price_minor >= ").push_bind(price);
    }
    if let Some(price) = list.max_price {
        query.push(" AND p.price_minor <= ").push_bind(price);
    }
    if let Some(wanted) = wanted {
        query.push(" AND p.search @@ ");
        wanted.push_to(query);
    }
}

fn push_maker(query: &mut QueryBuilder<Postgres>, list: &ListQuery) {
    if let Some(maker) = &list.maker {
        query.push(" AND p.maker = ").push_bind(maker.clone());
    }
}

/// The order of entries; the last two make it the same on every page.
fn order(sort: Sort) -> &'static str {
    match sort {
        Sort::Relevance => " ORDER BY e.called DESC, e.rank DESC, e.position, e.id",
        Sort::PriceAsc => " ORDER BY e.price_minor, e.position, e.id",
        Sort::PriceDesc => " ORDER BY e.price_minor DESC, e.position, e.id",
        Sort::Name => " ORDER BY lower(e.name), e.position, e.id",
    }
}
