use axum::http::StatusCode;
use serde_json::{Value, json};
use shop_contracts::ProductId;
use shop_contracts::catalog::{Product, ProductHistory, ProductPage};
use shop_contracts::seed;
use shop_testkit::http::{Answer, get, post};

use crate::{Catalog, serve};

/// A product that is in no group of variants: its name may be any.
fn alone() -> &'static seed::SeedProduct {
    seed::find("manila-classic-14-mm").unwrap()
}

async fn edit(catalog: &Catalog, id: ProductId, body: &Value) -> Answer {
    post(&catalog.router, &format!("/v1/staff/products/{id}"), "k", body).await
}

#[tokio::test]
async fn a_change_is_seen_at_once_everywhere_and_stands_in_the_history() {
    let catalog = Catalog::start().await;
    let other = serve(&catalog.db.url, &catalog.redis.url).await;
    let seeded = alone();
    let path = format!("/v1/products/{}", seeded.slug);
    let before: Product = get(&other, &path).await.json();
    let list = format!("/v1/products?category={}&per_page=100", seeded.category);
    get(&other, &list).await;

    let price = json!({"amount_minor": seeded.price.amount_minor + 100, "currency": "EUR"});
    let body = json!({"actor": "mara", "name": "Renamed", "price": price, "note": "new supplier"});
    let answer = edit(&catalog, seeded.id, &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let after: Product = get(&other, &path).await.json();
    assert_eq!(after, answer.json());
    assert_eq!((after.name.as_str(), &after.description), ("Renamed", &before.description));
    assert_eq!(after.picture_version, before.picture_version, "the picture shows neither name nor price");
    let page: ProductPage = get(&other, &list).await.json();
    assert!(page.items.iter().any(|item| item.name == "Renamed"));

    edit(&catalog, seeded.id, &body).await;
    let history: ProductHistory =
        get(&catalog.router, &format!("/v1/staff/products/{}/history", seeded.id)).await.json();
    let changes: Vec<_> = history
        .changes
        .iter()
        .map(|change| (change.field.as_str(), change.before.clone(), change.after.clone()))
        .collect();
    let expected = [
        ("price", before.price.to_string(), after.price.to_string()),
        ("name", before.name.clone(), "Renamed".to_owned()),
    ];
    assert_eq!(changes, expected, "the same again changes nothing");
    assert!(history.changes.iter().all(|change| change.actor == "mara" && change.note == "new supplier"));
}

#[tokio::test]
async fn a_renamed_product_is_found_by_its_new_name_and_misspelt_too() {
    let catalog = Catalog::start().await;
    edit(&catalog, alone().id, &json!({"actor": "mara", "name": "Zephyrine whistle"})).await;
    for words in ["zephyrine", "zephyrnie"] {
        let found: ProductPage = get(&catalog.router, &format!("/v1/products?q={words}")).await.json();
        assert_eq!(found.items.first().map(|item| item.id), Some(alone().id), "{words}");
    }
}

#[tokio::test]
async fn wrong_changes_are_refused_by_field_and_change_nothing() {
    let catalog = Catalog::start().await;
    let seeded = alone();
    let euros = |amount: i64| json!({"amount_minor": amount, "currency": "EUR"});
    for (body, word) in [
        (json!({"actor": "m"}), "at least one"),
        (json!({"actor": "", "name": "x"}), "actor"),
        (json!({"actor": "m", "name": " "}), "name"),
        (json!({"actor": "m", "name": "a\u{1}b"}), "name"),
        (json!({"actor": "m", "name": "x".repeat(121)}), "name"),
        (json!({"actor": "m", "description": "x".repeat(2001)}), "description"),
        (json!({"actor": "m", "price": euros(0)}), "price"),
        (json!({"actor": "m", "price": euros(i64::MAX)}), "price"),
        (json!({"actor": "m", "price": {"amount_minor": 5, "currency": "USD"}}), "EUR"),
        (json!({"actor": "m", "name": "x", "note": "x".repeat(501)}), "note"),
    ] {
        let refused = edit(&catalog, seeded.id, &body).await;
        assert_eq!(refused.code(), "invalid", "{body}");
        assert!(refused.text().contains(word), "{body}: {}", refused.text());
    }
    let path = format!("/v1/staff/products/{}/history", seeded.id);
    assert!(get(&catalog.router, &path).await.json::<ProductHistory>().changes.is_empty());
    let unknown = ProductId::from_slug("hovercraft");
    assert_eq!(edit(&catalog, unknown, &json!({"actor": "m", "name": "x"})).await.code(), "not_found");
    assert_eq!(
        get(&catalog.router, &format!("/v1/staff/products/{unknown}/history")).await.code(),
        "not_found"
    );
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_a_conflict_that_names_the_field() {
    let catalog = Catalog::start().await;
    let seeded = alone();
    let euros = |amount: i64| json!({"amount_minor": amount, "currency": "EUR"});
    let shown = json!({"name": seeded.name, "description": seeded.description, "price": euros(seeded.price.amount_minor)});
    let dearer = json!({"actor": "bo", "price": euros(99_900), "expected": shown});
    assert_eq!(edit(&catalog, seeded.id, &dearer).await.status, StatusCode::OK);
    let again = edit(&catalog, seeded.id, &dearer).await;
    assert_eq!(again.status, StatusCode::OK, "the same edit may come twice: {}", again.text());
    let cheaper = json!({"actor": "al", "name": "Other", "price": euros(100), "expected": shown});
    let refused = edit(&catalog, seeded.id, &cheaper).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "conflict".to_owned()));
    let said: Value = refused.json();
    assert_eq!(said["errors"].as_array().map(Vec::len), Some(1), "{said}");
    assert_eq!((&said["errors"][0]["field"], &said["existing"]["price"]), (&json!("price"), &euros(99_900)));
    let now: Product = get(&catalog.router, &format!("/v1/products/{}", seeded.slug)).await.json();
    assert_eq!((now.name.as_str(), now.price.amount_minor), (seeded.name, 99_900), "nothing of it was done");
    let word =
        json!({"actor": "al", "description": "Other.", "expected": {"description": seeded.description}});
    assert_eq!(edit(&catalog, seeded.id, &word).await.status, StatusCode::OK, "another field is no conflict");
}

#[tokio::test]
async fn of_many_edits_of_one_value_at_once_one_is_taken() {
    let catalog = Catalog::start().await;
    let seeded = &seed::products()[1];
    let euros = |amount: i64| json!({"amount_minor": amount, "currency": "EUR"});
    let before = euros(seeded.price.amount_minor);
    let edits: Vec<Value> = (0..8)
        .map(|n| json!({"actor": "m", "price": euros(90_000 + n), "expected": {"price": before}}))
        .collect();
    let answers = futures::future::join_all(edits.iter().map(|body| edit(&catalog, seeded.id, body))).await;
    let taken = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!(taken, 1);
}
