use shop_contracts::catalog::{Products, Sitemap, Suggestions};
use shop_contracts::seed;
use shop_testkit::http::get;

use crate::Catalog;

async fn suggest(catalog: &Catalog, q: &str) -> Vec<String> {
    let answer: Suggestions = get(&catalog.router, &format!("/v1/suggestions?q={q}")).await.json();
    answer.products.into_iter().map(|product| product.name).collect()
}

#[tokio::test]
async fn suggestions_begin_like_what_is_typed_even_misspelt() {
    let catalog = Catalog::start().await;
    let typed = suggest(&catalog, "lan").await;
    assert!((1..=8).contains(&typed.len()), "{typed:?}");
    assert!(typed[0].to_lowercase().split_whitespace().any(|word| word.starts_with("lan")), "{typed:?}");
    let misspelt = suggest(&catalog, "lantren").await;
    assert!(misspelt.iter().any(|name| name.to_lowercase().contains("lantern")), "{misspelt:?}");
    assert!(suggest(&catalog, "").await.is_empty());
    assert!(suggest(&catalog, "zzzyx").await.is_empty());
    assert_eq!(get(&catalog.router, "/v1/suggestions?q=%00").await.code(), "invalid");
}

#[tokio::test]
async fn suggestions_stay_while_a_word_is_typed_to_its_end() {
    let catalog = Catalog::start().await;
    for word in ["hurricane", "galvanised", "binoculars", "lantern"] {
        for letters in 3..=word.len() {
            let typed = &word[..letters];
            assert!(!suggest(&catalog, typed).await.is_empty(), "{typed}");
        }
        let found = suggest(&catalog, word).await;
        assert!(found[0].to_lowercase().contains(word), "{word}: {found:?}");
    }
    let two = suggest(&catalog, "hurricane%20lan").await;
    assert!(two.iter().all(|name| name.contains("Hurricane Lantern")) && !two.is_empty(), "{two:?}");
}

#[tokio::test]
async fn related_products_are_of_the_same_category_and_never_the_product_itself() {
    let catalog = Catalog::start().await;
    let of = &seed::products()[40];
    let related: Products = get(&catalog.router, &format!("/v1/products/{}/related", of.slug)).await.json();
    assert!((1..=6).contains(&related.products.len()));
    assert!(related.products.iter().all(|product| product.category == of.category && product.id != of.id));
    assert_eq!(get(&catalog.router, "/v1/products/hovercraft/related").await.code(), "not_found");
}

#[tokio::test]
async fn sitemap_holds_every_product_and_category_once() {
    let catalog = Catalog::start().await;
    let mut sitemap: Sitemap = get(&catalog.router, "/v1/sitemap").await.json();
    let mut expected: Vec<String> = seed::products().iter().map(|product| product.slug.clone()).collect();
    sitemap.products.sort();
    expected.sort();
    assert_eq!(sitemap.products, expected);
    assert_eq!(sitemap.categories, seed::categories().map(|category| category.slug).collect::<Vec<_>>());
}
