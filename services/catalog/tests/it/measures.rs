//! Sizes are found as people type them, and a word is not corrected into another one.

use shop_contracts::catalog::{ProductPage, Suggestions};
use shop_testkit::http::get;

use crate::Catalog;

async fn search(catalog: &Catalog, words: &str) -> ProductPage {
    let words = words.replace(' ', "%20").replace('×', "%C3%97").replace('"', "%22");
    get(&catalog.router, &format!("/v1/products?per_page=100&ungrouped=true&q={words}")).await.json()
}

fn ids(page: &ProductPage) -> Vec<shop_contracts::ProductId> {
    page.items.iter().map(|item| item.id).collect()
}

#[tokio::test]
async fn a_size_is_found_with_any_sign_between_its_numbers_and_units_close_to_them() {
    let catalog = Catalog::start().await;
    let as_printed = search(&catalog, "7 × 50").await;
    assert!(as_printed.items.iter().any(|item| item.name.contains("7 × 50")), "{:?}", as_printed.items);
    for typed in ["7x50", "7 x 50", "7X50", "7×50", "binoculars 7x50"] {
        let found = search(&catalog, typed).await;
        assert!(found.items.iter().any(|item| item.name.contains("7 × 50")), "{typed}: {:?}", found.items);
        assert_eq!(found.corrected, None, "{typed}");
    }
    let apart = search(&catalog, "14 mm").await;
    assert!(apart.total > 0);
    assert_eq!(ids(&search(&catalog, "14mm").await), ids(&apart));
    assert_eq!(ids(&search(&catalog, "14MM").await), ids(&apart));
    let suggested: Suggestions = get(&catalog.router, "/v1/suggestions?q=7x50").await.json();
    assert!(suggested.products.iter().any(|item| item.name.contains("7 × 50")), "{suggested:?}");
}

#[tokio::test]
async fn a_word_that_is_no_misspelling_is_not_corrected_into_another_one() {
    let catalog = Catalog::start().await;
    for word in ["saucepan", "anker"] {
        let found = search(&catalog, word).await;
        assert_eq!((found.total, found.corrected), (0, None), "{word}");
    }
    // Of two words only the one that finds nothing is replaced.
    let found = search(&catalog, "anchoring lantren").await;
    let corrected = found.corrected.unwrap_or_default();
    assert!(corrected.is_empty() || corrected.starts_with("anchoring "), "{corrected}");
}
