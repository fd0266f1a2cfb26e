//! Products as entries of a list: a group of variants is one entry, shown as the product of it that matches best or, of
//! equal ones, the cheapest.
//!
//! A query is built in three parts: [`open`], conditions on `p`, [`close`]; then an order of `e`. What must always hold:
//! conditions stand before a group becomes one entry, so that it is found by any of its products, and prices and counts
//! are those of the products that match.

use shop_contracts::catalog::ProductSummary;
use shop_instrumentation::db::observe;
use sqlx::{PgPool, Postgres, QueryBuilder};

use super::rows::EntryRow;
use super::search::Match;

/// How much a match counts.
pub(super) enum Weight<'a> {
    /// All the same.
    Even,
    /// As found by a whole search.
    Search(&'a Match),
    /// As offered while somebody types.
    Suggestion(&'a Match),
}

/// What an entry is, of a product `p`.
pub(super) fn entry_of(ungrouped: bool) -> &'static str {
    if ungrouped { "p.id" } else { "coalesce(p.variant_group_id, p.id)" }
}

/// Up to the conditions.
pub(super) fn open(ungrouped: bool, weight: &Weight<'_>) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "WITH matches AS (SELECT p.id, p.slug, p.name, p.maker, p.category, p.motif, p.price_minor, p.currency, \
         p.position, p.variant_group_id, ",
    );
    query.push(entry_of(ungrouped)).push(" AS entry, ");
    match weight {
        Weight::Even => {
            query.push("false AS called, 0::real AS rank");
        }
        // What is called so comes before what mentions it, however often.
        Weight::Search(wanted) => {
            query.push("to_tsvector('english', p.name) @@ ");
            wanted.push_to(&mut query);
            query.push(" AS called, ts_rank_cd(p.search, ");
            wanted.push_to(&mut query);
            query.push(") AS rank");
        }
        Weight::Suggestion(wanted) => {
            query.push("to_tsvector('simple', p.name) @@ ");
            wanted.push_to(&mut query);
            query.push(" AS called, ts_rank(p.search, ");
            wanted.push_to(&mut query);
            query.push(") AS rank");
        }
    }
    query.push(" FROM products p WHERE true");
    query
}

/// From the conditions to the order.
pub(super) fn close(query: &mut QueryBuilder<Postgres>) {
    query.push(
        "), entries AS (SELECT DISTINCT ON (entry) m.*, count(*) OVER same AS matching, \
         min(price_minor) OVER same AS lowest, max(price_minor) OVER same AS highest \
         FROM matches m WINDOW same AS (PARTITION BY entry) \
         ORDER BY entry, called DESC, rank DESC, price_minor, position, id) \
         SELECT e.*, g.title AS group_title, g.options AS group_options, \
         (SELECT count(*) FROM products v WHERE v.variant_group_id = g.id) AS group_variants, \
         (SELECT array_agg(counted.n ORDER BY counted.at) FROM (SELECT at, count(DISTINCT v.variant_values[at]) AS n \
         FROM generate_subscripts(g.options, 1) AS at JOIN products v ON v.variant_group_id = g.id GROUP BY at) AS counted) \
         AS group_values \
         FROM entries e LEFT JOIN variant_groups g ON g.id = e.variant_group_id AND g.id = e.entry",
    );
}

/// The entries that a whole query finds.
pub(super) async fn fetch(
    query: &mut QueryBuilder<Postgres>,
    pool: &PgPool,
    label: &'static str,
) -> Result<Vec<ProductSummary>, sqlx::Error> {
    let rows: Vec<EntryRow> = observe(label, query.build_query_as().fetch_all(pool)).await?;
    rows.into_iter().map(ProductSummary::try_from).collect()
}
