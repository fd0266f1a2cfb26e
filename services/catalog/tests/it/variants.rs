//! Variants as shoppers find them: a product with its group, and one entry a group everywhere else.

use std::collections::BTreeSet;

use shop_contracts::catalog::{Product, ProductPage, ProductSummary, Products, Suggestions};
use shop_contracts::{ProductId, seed};
use shop_testkit::http::get;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::{Catalog, serve};

const LINE: &str = "harbour-dock-line-12-mm-x-8-m";

async fn list(catalog: &Catalog, query: &str) -> ProductPage {
    get(&catalog.router, &format!("/v1/products?{query}")).await.json()
}

/// The one entry of the group with this title.
fn one<'a>(page: &'a ProductPage, title: &str) -> &'a ProductSummary {
    let is_of = |item: &&ProductSummary| item.choices.as_ref().is_some_and(|it| it.title == title);
    let mut found = page.items.iter().filter(is_of);
    let one = found.next().unwrap_or_else(|| panic!("{title} is not in {page:?}"));
    assert!(found.next().is_none(), "{title} is there twice");
    one
}

/// Products of the range that lists leave out for the group's sake.
fn siblings() -> usize {
    seed::variant_groups().iter().map(|group| group.members.len() - 1).sum()
}

#[tokio::test]
async fn a_variant_comes_with_its_group_in_order() {
    let catalog = Catalog::start().await;
    let line: Product = get(&catalog.router, &format!("/v1/products/{LINE}")).await.json();
    let group = line.variants.unwrap();
    assert_eq!(group.title, "Harbour Dock Line");
    let options: Vec<(&str, String)> =
        group.options.iter().map(|option| (option.name.as_str(), option.values.join(", "))).collect();
    let expected = [("Diameter", "12 mm, 16 mm, 20 mm".to_owned()), ("Length", "8 m, 12 m".to_owned())];
    assert_eq!(options, expected);
    assert_eq!(group.variants.len(), 5);
    assert_eq!((group.variants[0].id, &group.variants[0].price), (line.id, &line.price));
    assert!(group.variants.iter().all(|variant| !variant.picture_version.is_empty()));
    let alone: Product = get(&catalog.router, "/v1/products/manila-classic-14-mm").await.json();
    assert_eq!(alone.variants, None);
    let by_id = get(&catalog.router, &format!("/v1/products-by-id?ids={}", line.id)).await.text();
    assert!(!by_id.contains("variants"), "carts and orders are asked about products: {by_id}");
}

#[tokio::test]
async fn lists_show_a_group_once_with_what_there_is_to_choose() {
    let catalog = Catalog::start().await;
    let page = list(&catalog, "category=rope-and-fenders&per_page=100").await;
    let shown = one(&page, "Harbour Dock Line");
    let choices = shown.choices.as_ref().unwrap();
    assert_eq!(shown.slug, LINE, "the cheapest stands for all");
    let counts: Vec<(&str, u32)> = choices.options.iter().map(|it| (it.name.as_str(), it.values)).collect();
    assert_eq!(counts, [("Diameter", 3), ("Length", 2)]);
    assert_eq!((choices.variants, choices.matching), (5, 5));
    assert_eq!((choices.lowest.amount_minor, choices.highest.amount_minor), (3_490, 8_990));
    assert!(page.items.iter().any(|item| item.choices.is_none()), "a product of no group has none");
    let whole = list(&catalog, "per_page=100").await;
    assert_eq!(whole.total as usize, seed::products().len() - siblings());
    let each = list(&catalog, "ungrouped=true").await;
    assert_eq!(each.total as usize, seed::products().len());
    assert!(each.items.iter().all(|item| item.choices.is_none()));
}

#[tokio::test]
async fn pages_hold_every_entry_once_in_every_order_even_where_positions_are_equal() {
    let catalog = Catalog::start().await;
    // A range that was extended between two releases has such.
    catalog.db.pool.execute("UPDATE products SET position = position / 4").await.unwrap();
    for sort in ["relevance", "price_asc", "price_desc", "name"] {
        for words in ["", "&q=rope"] {
            let (mut seen, mut total) = (Vec::new(), 0);
            for number in 1..=40 {
                let page = list(&catalog, &format!("per_page=7&page={number}&sort={sort}{words}")).await;
                total = page.total;
                seen.extend(page.items);
            }
            let ids: BTreeSet<ProductId> = seen.iter().map(|item| item.id).collect();
            assert_eq!((seen.len() as u64, ids.len() as u64), (total, total), "{sort}{words}");
            let prices: Vec<i64> = seen.iter().map(|item| item.price.amount_minor).collect();
            match sort {
                "price_asc" => assert!(prices.is_sorted(), "{prices:?}"),
                "price_desc" => assert!(prices.iter().rev().is_sorted(), "{prices:?}"),
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn a_filter_that_leaves_out_the_cheapest_shows_another_that_fits() {
    let catalog = Catalog::start().await;
    let page = list(&catalog, "category=rope-and-fenders&min_price=6000&per_page=100").await;
    let shown = one(&page, "Harbour Dock Line");
    assert_eq!(shown.slug, "harbour-dock-line-16-mm-x-12-m");
    let choices = shown.choices.as_ref().unwrap();
    assert_eq!((choices.variants, choices.matching), (5, 2));
    assert_eq!((choices.lowest.amount_minor, choices.highest.amount_minor), (6_290, 8_990));
    let none = list(&catalog, "category=rope-and-fenders&min_price=9000&per_page=100").await;
    assert!(none.items.iter().all(|item| !item.name.contains("Dock Line")));
}

#[tokio::test]
async fn a_search_shows_the_variant_that_it_names() {
    let catalog = Catalog::start().await;
    for (words, slug, matching) in [
        ("oxblood%20lantern", "hurricane-lantern-oxblood", 1),
        ("hurricane%20lantern", "hurricane-lantern", 2),
        ("hurricne%20lantren", "hurricane-lantern", 2),
    ] {
        let page = list(&catalog, &format!("q={words}")).await;
        let shown = one(&page, "Hurricane Lantern");
        assert!(shown.slug.starts_with(slug), "{words}: {}", shown.slug);
        assert_eq!(shown.choices.as_ref().unwrap().matching, matching, "{words}");
    }
    let sorted = list(&catalog, "q=hurricane%20lantern&sort=price_desc").await;
    assert_eq!(one(&sorted, "Hurricane Lantern").slug, "hurricane-lantern-galvanised", "the cheapest");
}

#[tokio::test]
async fn suggestions_and_related_products_show_a_group_once_and_never_the_product_s_own() {
    let catalog = Catalog::start().await;
    let offered: Suggestions = get(&catalog.router, "/v1/suggestions?q=hurricane").await.json();
    let lanterns = offered.products.iter().filter(|item| item.name.contains("Hurricane")).count();
    assert_eq!(lanterns, 1, "{offered:?}");
    assert!(offered.products.iter().any(|item| item.choices.is_some()));
    for product in seed::products() {
        let path = format!("/v1/products/{}/related", product.slug);
        let related: Products = get(&catalog.router, &path).await.json();
        assert!(!related.products.is_empty(), "{path}");
        let slugs: Vec<&str> = related.products.iter().map(|it| it.slug.as_str()).collect();
        for group in seed::variant_groups() {
            let members: Vec<&str> = group.members.iter().map(|(slug, _)| *slug).collect();
            let shown = slugs.iter().filter(|slug| members.contains(slug)).count();
            let is_own = members.contains(&product.slug.as_str());
            assert!(shown <= usize::from(!is_own), "{path}: {slugs:?}");
        }
    }
}

#[tokio::test]
async fn the_database_itself_keeps_groups_whole() {
    let catalog = Catalog::start().await;
    let id = |slug: &str| ProductId::from_slug(slug);
    let (line, other, alone) = (id(LINE), id("harbour-dock-line-16-mm-x-8-m"), id("manila-classic-14-mm"));
    for (sql, constraint) in [
        (
            format!("UPDATE products SET variant_values = '{{12 MM,8 m}}' WHERE id = '{other}'"),
            "products_variant_combination_unique",
        ),
        (
            format!("UPDATE products SET variant_values = '{{12 mm}}' WHERE id = '{line}'"),
            "products_variant_group_fits",
        ),
        (format!("UPDATE products SET variant_values = NULL WHERE id = '{line}'"), "products_variant_whole"),
        (
            format!("UPDATE products SET variant_values = '{{a,b}}' WHERE id = '{alone}'"),
            "products_variant_whole",
        ),
        (
            format!("UPDATE products SET variant_values = '{{\"\",8 m}}' WHERE id = '{line}'"),
            "products_variant_values_fit",
        ),
        (
            format!("UPDATE products SET variant_values = ARRAY[repeat('x', 41), '8 m'] WHERE id = '{line}'"),
            "products_variant_values_fit",
        ),
        (
            format!("UPDATE products SET variant_values = ARRAY['a', NULL] WHERE id = '{line}'"),
            "products_variant_values_fit",
        ),
        ("UPDATE variant_groups SET title = ' '".to_owned(), "variant_groups_title_fits"),
        ("UPDATE variant_groups SET options = '{}'".to_owned(), "variant_groups_options_fit"),
        ("UPDATE variant_groups SET options = '{a,b,c}'".to_owned(), "products_variant_group_fits"),
        ("DELETE FROM variant_groups".to_owned(), "products_variant_group_fits"),
    ] {
        let refused = catalog.db.pool.execute(sqlx::raw_sql(AssertSqlSafe(sql.clone()))).await.unwrap_err();
        let by = refused.as_database_error().and_then(|cause| cause.constraint());
        assert_eq!(by, Some(constraint), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn a_database_seeded_before_gets_the_groups_once_and_keeps_what_staff_made_of_them() {
    let catalog = Catalog::start().await;
    let pool = &catalog.db.pool;
    // As the version before left it: fewer products, no group.
    let new = "'fishermans-rib-jumper-oxblood', 'lifejacket-150-n-automatic'";
    let before = format!(
        "UPDATE products SET variant_group_id = NULL, variant_values = NULL; DELETE FROM variant_groups; \
         DELETE FROM products WHERE slug IN ({new})"
    );
    pool.execute(sqlx::raw_sql(AssertSqlSafe(before))).await.unwrap();
    drop(serve(&catalog.db.url, &catalog.redis.url).await);
    let grouped = "SELECT count(*) FROM products WHERE variant_group_id IS NOT NULL";
    let count: i64 = sqlx::query_scalar(grouped).fetch_one(pool).await.unwrap();
    let members: usize = seed::variant_groups().iter().map(|group| group.members.len()).sum();
    assert_eq!(count as usize, members);
    let strays: i64 = sqlx::query_scalar("SELECT count(*) FROM products WHERE id <> ALL($1)")
        .bind(seed::products().iter().map(|product| product.id.uuid()).collect::<Vec<_>>())
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(strays, 0, "ids are those that carts and orders know");
    let change = "UPDATE products SET variant_group_id = NULL, variant_values = NULL WHERE slug LIKE 'sea-boots%'; \
                  UPDATE variant_groups SET title = 'Dock line' WHERE title = 'Harbour Dock Line'";
    pool.execute(change).await.unwrap();
    let again = serve(&catalog.db.url, &catalog.redis.url).await;
    let now: i64 = sqlx::query_scalar(grouped).fetch_one(pool).await.unwrap();
    assert_eq!(now, count - 2, "what was taken out stays out");
    let line: Product = get(&again, &format!("/v1/products/{LINE}")).await.json();
    assert_eq!(line.variants.unwrap().title, "Dock line");
}
