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
    let found = search(&catalog, "bino&ungrouped=true").await;
    assert!(found.total >= 2);
    assert!(found.items.iter().all(|item| item.name.contains("Binoculars")));
}

#[tokio::test]
async fn phrases_and_exclusions_work() {
    let catalog = Catalog::start().await;
    let with = search(&catalog, "lantern").await;
    let without = search(&catalog, "lantern%20-led").await;
    assert!(without.total < with.total && without.total > 0);
    assert!(search(&catalog, "%22dock%20line%22&ungrouped=true").await.total >= 2);
}

#[tokio::test]
async fn nonsense_and_operators_find_nothing_and_break_nothing() {
    let catalog = Catalog::start().await;
    for words in ["zzzyx", "%26%7C!()", "'%22%3B--", "%F0%9F%9A%A2"] {
        let answer = get(&catalog.router, &format!("/v1/products?q={words}&category=none")).await;
        assert_eq!(answer.json::<ProductPage>().total, 0, "{words}");
    }
    let long = "a".repeat(300);
    assert_eq!(get(&catalog.router, &format!("/v1/products?q={long}")).await.code(), "invalid");
}

#[tokio::test]
async fn a_misspelt_word_finds_what_was_meant_and_says_so() {
    let catalog = Catalog::start().await;
    let meant = search(&catalog, "lantern").await;
    let found = search(&catalog, "lantren").await;
    assert_eq!(found.corrected.as_deref(), Some("lantern"));
    assert_eq!((found.total, found.items), (meant.total, meant.items));
    assert_eq!(meant.corrected, None, "what was found as it was spelled is not corrected");
    assert_eq!(search(&catalog, "hurricane%20lantren").await.corrected.as_deref(), Some("hurricane lantern"));
    assert_eq!(
        search(&catalog, "lantren&category=none").await.corrected,
        None,
        "a correction must find something"
    );
    let insisted = search(&catalog, "lantren&exact=true").await;
    assert_eq!((insisted.total, insisted.corrected), (0, None));
    assert_eq!(search(&catalog, "lantern&exact=true").await.total, meant.total);
}

#[tokio::test]
async fn products_called_so_come_before_products_that_mention_it() {
    let catalog = Catalog::start().await;
    for word in ["lantern", "anchor", "rope", "compass"] {
        let found = search(&catalog, &format!("{word}&per_page=100")).await;
        let called: Vec<bool> =
            found.items.iter().map(|item| item.name.to_lowercase().contains(word)).collect();
        let first_other = called.iter().position(|called| !called).unwrap_or(called.len());
        assert!(first_other > 0, "{word}");
        assert!(!called[first_other..].contains(&true), "{word}: {called:?}");
    }
}

#[tokio::test]
async fn filters_narrow_and_makers_are_counted_whichever_is_chosen() {
    let catalog = Catalog::start().await;
    let all: ProductPage = get(&catalog.router, "/v1/products?category=navigation&per_page=100").await.json();
    assert_eq!(all.makers.iter().map(|maker| maker.count).sum::<u64>(), all.total);
    assert!(all.makers.windows(2).all(|pair| pair[0].count >= pair[1].count));
    let chosen = &all.makers[0];
    let maker = chosen.maker.replace(' ', "%20").replace('&', "%26").replace('\'', "%27");
    let path =
        format!("/v1/products?category=navigation&maker={maker}&min_price=2000&max_price=20000&per_page=100");
    let narrowed: ProductPage = get(&catalog.router, &path).await.json();
    let expected = all
        .items
        .iter()
        .filter(|item| item.maker == chosen.maker && (2000..=20000).contains(&item.price.amount_minor));
    assert_eq!(narrowed.total as usize, expected.count());
    assert!(narrowed.items.iter().all(|item| item.maker == chosen.maker));
    assert!(narrowed.makers.len() > 1, "another maker can be chosen instead");
    let unfiltered = search(&catalog, "rope&maker=Nobody").await;
    assert_eq!(unfiltered.total, 0);
}
