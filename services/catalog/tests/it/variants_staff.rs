//! Staff groups products.

use axum::http::StatusCode;
use serde_json::{Value, json};
use shop_contracts::catalog::{Product, ProductHistory, ProductPage};
use shop_contracts::variants::{VariantGroup, VariantGroups};
use shop_contracts::{ProductId, VariantGroupId, seed};
use shop_testkit::http::{Answer, get, post};

use crate::{Catalog, serve};

const MANILA: &str = "manila-classic-14-mm";
const SHORT: &str = "harbour-dock-line-12-mm-x-8-m";

impl Catalog {
    async fn group(&self, slug: &str, what: &str, body: &Value) -> Answer {
        let id = ProductId::from_slug(slug);
        post(&self.router, &format!("/v1/staff/products/{id}/variant{what}"), "k", body).await
    }

    async fn told(&self, slug: &str) -> Vec<(String, String, String)> {
        let path = format!("/v1/staff/products/{}/history", ProductId::from_slug(slug));
        let history: ProductHistory = get(&self.router, &path).await.json();
        history.changes.into_iter().map(|it| (it.field, it.before, it.after)).collect()
    }

    async fn lines(&self) -> VariantGroupId {
        let groups: VariantGroups = get(&self.router, "/v1/staff/variant-groups").await.json();
        groups.groups.iter().find(|group| group.title == "Harbour Dock Line").unwrap().id
    }
}

#[tokio::test]
async fn a_product_joins_a_group_and_leaves_it_seen_at_once_by_all_and_told_in_its_history() {
    let catalog = Catalog::start().await;
    let other = serve(&catalog.db.url, &catalog.redis.url).await;
    let sibling = format!("/v1/products/{SHORT}");
    let list = "/v1/products?category=rope-and-fenders&per_page=100";
    get(&other, &sibling).await;
    let before: ProductPage = get(&other, list).await.json();

    let renamed = json!({"actor": "mara", "name": "Harbour Dock Line 14 mm × 8 m, Manila"});
    let path = format!("/v1/staff/products/{}", ProductId::from_slug(MANILA));
    assert_eq!(post(&catalog.router, &path, "k", &renamed).await.status, StatusCode::OK);
    let body =
        json!({"actor": "mara", "group": catalog.lines().await, "values": [" 14 mm ", "8 M"], "note": "new"});
    let joined = catalog.group(MANILA, "", &body).await;
    assert_eq!(joined.status, StatusCode::OK, "{}", joined.text());
    let group = joined.json::<Product>().variants.unwrap();
    let own = group.variants.iter().find(|it| it.slug == MANILA).unwrap();
    assert_eq!(own.values, ["14 mm", "8 m"], "spelled as the group spells it");
    assert_eq!(get(&other, &sibling).await.json::<Product>().variants.unwrap().variants.len(), 6);
    let page: ProductPage = get(&other, list).await.json();
    assert_eq!(page.total, before.total - 1);

    catalog.group(MANILA, "", &body).await;
    let leave = json!({"actor": "robin"});
    let left = catalog.group(MANILA, "/leave", &leave).await;
    assert_eq!(left.json::<Product>().variants, None);
    catalog.group(MANILA, "/leave", &leave).await;
    assert_eq!(get(&other, &sibling).await.json::<Product>().variants.unwrap().variants.len(), 5);
    let place = "Harbour Dock Line (Diameter: 14 mm, Length: 8 m)".to_owned();
    let told = catalog.told(MANILA).await;
    let changes = |before: &str, after: &str| ("variant".to_owned(), before.to_owned(), after.to_owned());
    assert_eq!(told[..2], [changes(&place, "in no group"), changes("in no group", &place)]);
    assert_eq!(told.len(), 3, "the same again changes nothing: {told:?}");
}

#[tokio::test]
async fn a_new_group_is_made_once_and_its_options_are_renamed_for_all_of_it() {
    let catalog = Catalog::start().await;
    let body = json!({"actor": "m", "title": "Manila Classic", "options": ["Size"], "values": ["14 mm"]});
    let first: Product = catalog.group(MANILA, "", &body).await.json();
    let again: Product = catalog.group(MANILA, "", &body).await.json();
    let id = first.variants.as_ref().unwrap().group_id;
    assert_eq!(again.variants, first.variants, "a request that comes twice makes one group");
    let groups: VariantGroups = get(&catalog.router, "/v1/staff/variant-groups").await.json();
    assert_eq!(groups.groups.iter().filter(|group| group.title == "Manila Classic").count(), 1);

    let path = format!("/v1/staff/variant-groups/{id}");
    let rename = json!({"actor": "m", "title": "Manila rope", "options": ["Diameter"], "note": "clearer"});
    let renamed = post(&catalog.router, &path, "k", &rename).await;
    let group: VariantGroup = renamed.json();
    assert_eq!(
        (group.title.as_str(), group.options, group.variants),
        ("Manila rope", vec!["Diameter".to_owned()], 1)
    );
    let product: Product = get(&catalog.router, &format!("/v1/products/{MANILA}")).await.json();
    assert_eq!(product.variants.unwrap().options[0].name, "Diameter");
    let told = catalog.told(MANILA).await;
    let expected = ("Manila Classic (Size: 14 mm)".to_owned(), "Manila rope (Diameter: 14 mm)".to_owned());
    assert_eq!((told[0].1.clone(), told[0].2.clone()), expected);
    let other_count = json!({"actor": "m", "title": "Manila rope", "options": ["Diameter", "Length"]});
    let refused = post(&catalog.router, &path, "k", &other_count).await;
    assert!(refused.code() == "invalid" && refused.text().contains("options"), "{}", refused.text());
    let unknown = format!("/v1/staff/variant-groups/{}", VariantGroupId::from_title("none"));
    assert_eq!(post(&catalog.router, &unknown, "k", &rename).await.code(), "not_found");
}

/// A page that was opened before somebody else changed the group does not set back what it never showed.
#[tokio::test]
async fn a_group_that_somebody_else_changed_meanwhile_stays_as_it_is() {
    let catalog = Catalog::start().await;
    let body = json!({"actor": "m", "title": "Manila", "options": ["Size"], "values": ["14 mm"]});
    let first: Product = catalog.group(MANILA, "", &body).await.json();
    let group = first.variants.unwrap();
    let path = format!("/v1/staff/variant-groups/{}", group.group_id);
    let rename = |title: &str, option: &str, expected: Value| json!({"actor": "m", "title": title, "options": [option], "expected": expected});
    let shown = json!({"title": "Manila", "options": ["Size"]});
    let done = post(&catalog.router, &path, "k", &rename("Manila rope", "Size", shown.clone())).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    let late = post(&catalog.router, &path, "k", &rename("Manila", "Thickness", shown.clone())).await;
    assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "conflict".to_owned()), "{}", late.text());
    let problem: Value = late.json();
    assert_eq!(problem["errors"][0]["field"], "title");
    assert_eq!(problem["existing"]["title"], "Manila rope");
    let same = post(&catalog.router, &path, "k", &rename("Manila rope", "Size", shown)).await;
    assert_eq!(same.status, StatusCode::OK, "what is as asked already is no conflict");
    let unasked = post(&catalog.router, &path, "k", &rename("Manila", "Size", Value::Null)).await;
    assert_eq!(unasked.status, StatusCode::OK, "who expects nothing replaces what there is");

    let join = |values: &[&str], expected: Value| json!({"actor": "m", "group": group.group_id, "values": values, "expected": expected});
    let stood = json!({"group": group.group_id, "values": ["14 mm"]});
    let moved = catalog.group(MANILA, "", &join(&["14"], stood.clone())).await;
    assert_eq!(moved.status, StatusCode::OK, "{}", moved.text());
    let late = catalog.group(MANILA, "", &join(&["mm"], stood.clone())).await;
    assert_eq!(late.code(), "conflict", "{}", late.text());
    assert_eq!(late.json::<Value>()["errors"][0]["field"], "values");
    let again = catalog.group(MANILA, "", &join(&["14"], stood.clone())).await;
    assert_eq!(again.status, StatusCode::OK, "the same again changes nothing");
    let late = catalog.group(MANILA, "/leave", &json!({"actor": "m", "expected": stood})).await;
    assert_eq!(late.code(), "conflict", "{}", late.text());
    let left = json!({"actor": "m", "expected": {"group": group.group_id, "values": ["14"]}});
    assert_eq!(catalog.group(MANILA, "/leave", &left).await.status, StatusCode::OK);
    let late =
        catalog.group(MANILA, "", &join(&["mm"], json!({"group": group.group_id, "values": ["14"]}))).await;
    assert_eq!(late.code(), "conflict", "it was taken out meanwhile: {}", late.text());
    let ungrouped = json!({"group": null, "values": []});
    let joined = catalog.group(MANILA, "", &join(&["14"], ungrouped.clone())).await;
    assert_eq!(joined.status, StatusCode::OK, "{}", joined.text());
    let late = catalog.group(MANILA, "", &join(&["mm"], ungrouped)).await;
    assert_eq!(late.code(), "conflict", "somebody else put it into a group meanwhile: {}", late.text());
}

#[tokio::test]
async fn wrong_groupings_are_refused_by_field_and_change_nothing() {
    let catalog = Catalog::start().await;
    let lines = catalog.lines().await;
    let long = "x".repeat(41);
    for (body, code, word) in [
        (json!({"actor": "", "group": lines, "values": ["12 mm", "8 m"]}), "invalid", "actor"),
        (json!({"actor": "m", "values": ["14 mm"]}), "invalid", "group"),
        (json!({"actor": "m", "group": lines, "title": "x", "values": ["14 mm"]}), "invalid", "group"),
        (
            json!({"actor": "m", "group": VariantGroupId::from_title("none"), "values": ["14 mm"]}),
            "invalid",
            "group",
        ),
        (json!({"actor": "m", "title": " ", "options": ["a"], "values": ["14 mm"]}), "invalid", "title"),
        (json!({"actor": "m", "title": "x", "values": ["14 mm"]}), "invalid", "options"),
        (
            json!({"actor": "m", "title": "x", "options": ["a", "A"], "values": ["14 mm"]}),
            "invalid",
            "options",
        ),
        (
            json!({"actor": "m", "title": "x", "options": ["a", "b", "c", "d"], "values": ["14 mm"]}),
            "invalid",
            "options",
        ),
        (json!({"actor": "m", "title": "x", "options": [long], "values": ["14 mm"]}), "invalid", "options"),
        (json!({"actor": "m", "title": "x", "options": ["a"], "values": []}), "invalid", "values"),
        (json!({"actor": "m", "title": "x", "options": ["a"], "values": ["a\u{1}"]}), "invalid", "values"),
        (
            json!({"actor": "m", "title": "x", "options": ["a"], "values": ["14 mm", "b"]}),
            "invalid",
            "values",
        ),
        (json!({"actor": "m", "group": lines, "values": ["14 mm", "99 m"]}), "invalid", "99 m"),
        (
            json!({"actor": "m", "title": "x", "options": ["a"], "values": ["14 mm"], "note": "x".repeat(501)}),
            "invalid",
            "note",
        ),
    ] {
        let refused = catalog.group(MANILA, "", &body).await;
        assert_eq!(refused.code(), code, "{body}");
        assert!(refused.text().contains(word), "{body}: {}", refused.text());
    }
    assert!(catalog.told(MANILA).await.is_empty());
    let taken = json!({"actor": "m", "group": lines, "values": ["12 MM", "8 m"]});
    let line = "harbour-dock-line-12-mm-x-12-m";
    // Its name says 12 mm and, in 12 m, no 8 m.
    assert_eq!(catalog.group(line, "", &taken).await.code(), "invalid");
    assert_eq!(catalog.group("hovercraft", "", &taken).await.code(), "not_found");
    let rename = json!({"actor": "m", "name": "Dock line, short"});
    let path = format!("/v1/staff/products/{}", ProductId::from_slug(SHORT));
    let refused = post(&catalog.router, &path, "k", &rename).await;
    assert!(refused.code() == "invalid" && refused.text().contains("12 mm"), "{}", refused.text());
}

#[tokio::test]
async fn of_two_products_that_want_the_same_values_at_once_one_gets_them() {
    let catalog = Catalog::start().await;
    let mut slugs =
        seed::products().iter().map(|product| product.slug.as_str()).filter(|slug| *slug != SHORT);
    let (one, two) = (slugs.next_back().unwrap(), slugs.next_back().unwrap());
    let name = json!({"actor": "m", "name": "Harbour Dock Line 30 mm × 8 m"});
    for slug in [one, two] {
        let path = format!("/v1/staff/products/{}", ProductId::from_slug(slug));
        assert_eq!(post(&catalog.router, &path, "k", &name).await.status, StatusCode::OK);
    }
    let body = json!({"actor": "m", "group": catalog.lines().await, "values": ["30 mm", "8 m"]});
    let (first, second) = tokio::join!(catalog.group(one, "", &body), catalog.group(two, "", &body));
    let (won, lost) = if first.status == StatusCode::OK { (first, second) } else { (second, first) };
    assert_eq!((won.status, lost.status), (StatusCode::OK, StatusCode::CONFLICT));
    assert!(
        lost.text().contains("values") && lost.text().contains("Harbour Dock Line 30 mm"),
        "{}",
        lost.text()
    );
}
