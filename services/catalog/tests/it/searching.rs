use shop_contracts::catalog::ProductPage;
use shop_testkit::http::get;

use crate::Catalog;

async fn search(catalog: &Catalog, words: &str) -> ProductPage {
    get(&catalog.router, &format!("/v1/products?q={words}")).await.json()
}

#[tokio::test]
async fn words_are_found_in_any_form_with_names_before_descriptions() {
    let catalog = Catalog::start().await;
    let found = search(&catalog, "anchors").await;
    assert!(found.total >= 5);
    assert!(found.items[0].name.to_lowercase().contains("anchor"), "{}", found.items[0].name);
}

#[tokio::test]
async fn beginnings_of_words_are_found_when_whole_words_are_not() {
    let catalog = Catalog::start().await;
    let found = search(&catalog, "bino").await;
    assert!(found.total >= 2);
    assert!(found.items.iter().all(|item| item.name.contains("Binoculars")));
}

#[tokio::test]
async fn phrases_and_exclusions_work() {
    let catalog = Catalog::start().await;
    let with = search(&catalog, "lantern").await;
    let without = search(&catalog, "lantern%20-oxblood").await;
    assert!(without.total < with.total && without.total > 0);
    assert!(search(&catalog, "%22dock%20line%22").await.total >= 2);
}

#[tokio::test]
async fn nonsense_and_operators_find_nothing_and_break_nothing() {
    let catalog = Catalog::start().await;
    for words in ["zzzyx", "%26%7C!()", "'%22%3B--", "%00", "%F0%9F%9A%A2"] {
        let answer = get(&catalog.router, &format!("/v1/products?q={words}&category=none")).await;
        assert_eq!(answer.json::<ProductPage>().total, 0, "{words}");
    }
    let long = "a".repeat(300);
    assert_eq!(get(&catalog.router, &format!("/v1/products?q={long}")).await.code(), "invalid");
}
