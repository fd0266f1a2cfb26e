use axum::body::Body;
use axum::http::{Method, StatusCode};
use shop_contracts::ProductId;
use shop_contracts::catalog::{Categories, Product, ProductPage, Products};
use shop_contracts::seed;
use shop_testkit::http::{call, get};

use crate::{Catalog, serve};

#[tokio::test]
async fn second_instance_finds_the_range_in_place_and_keeps_changed_prices() {
    let catalog = Catalog::start().await;
    let slug = &seed::products()[0].slug;
    sqlx::query("UPDATE products SET price_minor = 1 WHERE slug = $1")
        .bind(slug)
        .execute(&catalog.db.pool)
        .await
        .unwrap();
    let (one, two) =
        tokio::join!(serve(&catalog.db.url, &catalog.redis.url), serve(&catalog.db.url, &catalog.redis.url));
    drop(one);
    let product: Product = get(&two, &format!("/v1/products/{slug}")).await.json();
    assert_eq!(product.price.amount_minor, 1);
    let total: i64 =
        sqlx::query_scalar("SELECT count(*) FROM products").fetch_one(&catalog.db.pool).await.unwrap();
    assert_eq!(total as usize, seed::products().len());
}

#[tokio::test]
async fn categories_come_in_order_with_their_counts() {
    let catalog = Catalog::start().await;
    let answer: Categories = get(&catalog.router, "/v1/categories").await.json();
    let slugs: Vec<_> = answer.categories.iter().map(|category| category.slug.as_str()).collect();
    assert_eq!(slugs, seed::categories().map(|category| category.slug).collect::<Vec<_>>());
    let total: u32 = answer.categories.iter().map(|category| category.product_count).sum();
    assert_eq!(total as usize, seed::products().len());
}

#[tokio::test]
async fn product_is_found_by_slug_and_by_id_and_an_unknown_one_is_a_problem() {
    let catalog = Catalog::start().await;
    let seeded = &seed::products()[40];
    let by_slug: Product = get(&catalog.router, &format!("/v1/products/{}", seeded.slug)).await.json();
    let by_id: Product = get(&catalog.router, &format!("/v1/products/{}", seeded.id)).await.json();
    assert_eq!(by_slug, by_id);
    assert_eq!((by_slug.id, by_slug.price), (seeded.id, seeded.price));
    assert_eq!(by_slug.attributes.len(), seeded.attributes.len());
    let missing = get(&catalog.router, "/v1/products/hovercraft").await;
    assert_eq!((missing.status, missing.code().as_str()), (StatusCode::NOT_FOUND, "not_found"));
}

#[tokio::test]
async fn pages_cut_the_list_without_gap_or_overlap() {
    let catalog = Catalog::start().await;
    let mut seen = Vec::new();
    for page in 1..=2 {
        let path = format!("/v1/products?category=navigation&per_page=20&page={page}&sort=price_asc");
        let answer: ProductPage = get(&catalog.router, &path).await.json();
        assert_eq!(
            (answer.total, answer.pages()),
            (29, 2),
            "31 products, of which two and two are one entry"
        );
        seen.extend(answer.items);
    }
    assert_eq!(seen.len(), 29);
    assert!(seen.windows(2).all(|pair| pair[0].price.amount_minor <= pair[1].price.amount_minor));
    let past: ProductPage = get(&catalog.router, "/v1/products?category=navigation&page=9").await.json();
    assert_eq!((past.items.len(), past.total), (0, 29));
}

#[tokio::test]
async fn wrong_parameters_are_refused_by_name() {
    let catalog = Catalog::start().await;
    for (query, word) in [
        ("sort=cheap", "sort"),
        ("page=0", "page"),
        ("per_page=1000", "per_page"),
        ("page=x", "page"),
        ("category=%01", "category"),
        ("category=A", "category"),
        ("q=a%00b", "q"),
        ("q=a%1bb", "q"),
        ("maker=%07", "maker"),
        ("min_price=-1", "min_price"),
        ("max_price=99999999999", "max_price"),
    ] {
        let answer = get(&catalog.router, &format!("/v1/products?{query}")).await;
        assert!(answer.status.is_client_error(), "{query}");
        assert!(answer.text().contains(word), "{query}: {}", answer.text());
    }
    assert_eq!(get(&catalog.router, "/v1/products-by-id?ids=nonsense").await.code(), "invalid");
}

#[tokio::test]
async fn products_by_id_keep_the_order_asked_for_and_leave_out_unknown_ones() {
    let catalog = Catalog::start().await;
    let (first, second) = (seed::products()[200].id, seed::products()[3].id);
    let path = format!("/v1/products-by-id?ids={first},{},{second}", ProductId::from_slug("hovercraft"));
    let answer: Products = get(&catalog.router, &path).await.json();
    assert_eq!(answer.products.iter().map(|product| product.id).collect::<Vec<_>>(), [first, second]);
}

#[tokio::test]
async fn picture_may_be_kept_for_ever_under_its_version_only() {
    let catalog = Catalog::start().await;
    let slug = &seed::products()[7].slug;
    let product: Product = get(&catalog.router, &format!("/v1/products/{slug}")).await.json();
    let path = format!("/v1/products/{slug}/picture.svg?v={}", product.picture_version);
    let picture = get(&catalog.router, &path).await;
    assert_eq!(picture.headers["content-type"], "image/svg+xml");
    assert!(picture.headers["cache-control"].to_str().unwrap().contains("immutable"));
    assert!(picture.text().starts_with("<svg"));
    let tag = picture.headers["etag"].to_str().unwrap();
    let again = call(&catalog.router, Method::GET, &path, &[("if-none-match", tag)], Body::empty()).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);

    let other = get(&catalog.router, &format!("/v1/products/{slug}/picture.svg?v=0123456789abcdef")).await;
    assert_eq!(other.code(), "not_found", "an old instance must not pin its picture under a new version");
    let without = get(&catalog.router, &format!("/v1/products/{slug}/picture.svg")).await;
    assert_eq!(without.headers["cache-control"], "public, no-cache");
    assert_eq!(get(&catalog.router, "/v1/products/hovercraft/picture.svg").await.code(), "not_found");
}

#[tokio::test]
async fn what_can_name_no_product_is_refused_without_asking_the_database() {
    let catalog = Catalog::start().await;
    sqlx::query("ALTER TABLE products RENAME TO gone").execute(&catalog.db.pool).await.unwrap();
    let long = "a".repeat(121);
    for name in ["%00", "a%00b"] {
        for route in ["", "/picture.svg", "/related"] {
            let answer = get(&catalog.router, &format!("/v1/products/{name}{route}")).await;
            assert_eq!(answer.code(), "invalid", "{name}{route}");
        }
    }
    for name in ["%01", "a%1fb", "%0d%0a", "Lantern", "a'b", "%e2%9a%93", long.as_str()] {
        for route in ["", "/picture.svg", "/related"] {
            let answer = get(&catalog.router, &format!("/v1/products/{name}{route}")).await;
            assert_eq!(answer.code(), "not_found", "{name}{route}");
        }
    }
}
