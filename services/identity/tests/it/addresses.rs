use serde_json::{Value, json};
use shop_contracts::AccountId;
use shop_contracts::identity::Addresses;
use shop_testkit::http::get;
use uuid::Uuid;

use crate::{fields, fixture, path_of};

fn home() -> Value {
    json!({"label": " Home ", "address": {"name": "Kim Harbour", "address1": "1 Quay", "city": "Port",
        "postcode": "12345", "country": "DE"}})
}

#[tokio::test]
async fn the_book_is_empty_at_first_and_then_what_was_saved_in_its_order() {
    let f = fixture().await;
    let path = path_of(f.logged_in().await.account.id, "/addresses");
    assert_eq!(get(&f.router, &path).await.json::<Addresses>(), Addresses::default());
    let mut work = home();
    work["label"] = json!("Work");
    for book in [json!({"addresses": [home(), work]}), json!({"addresses": [work]})] {
        let saved = f.put(&path, &book).await;
        assert_eq!(saved.status.as_u16(), 200, "{}", saved.text());
        assert_eq!(get(&f.router, &path).await.json::<Addresses>(), saved.json::<Addresses>());
    }
    let labels: Vec<_> = get(&f.router, &path).await.json::<Addresses>().addresses;
    assert_eq!(labels.iter().map(|a| a.label.as_str()).collect::<Vec<_>>(), ["Work"]);
}

#[tokio::test]
async fn every_wrong_field_of_every_address_is_named_with_its_place() {
    let f = fixture().await;
    let path = path_of(f.logged_in().await.account.id, "/addresses");
    let mut wrong = home();
    wrong["label"] = json!("x".repeat(41));
    wrong["address"]["city"] = json!("a\nb");
    wrong["address"]["name"] = json!(" ");
    wrong["address"]["country"] = json!("Germany");
    let answer = f.put(&path, &json!({"addresses": [home(), wrong]})).await;
    assert_eq!(answer.status.as_u16(), 422);
    let expected = ["label", "address.name", "address.city", "address.country"];
    assert_eq!(fields(&answer), expected.map(|field| format!("addresses[1].{field}")));
    let many = f.put(&path, &json!({"addresses": vec![home(); 11]})).await;
    assert_eq!((many.status.as_u16(), fields(&many)), (422, vec!["addresses".to_owned()]));
    assert_eq!(f.scalar("SELECT count(*) FROM address_books").await, 0);
}

#[tokio::test]
async fn nobody_has_no_book() {
    let f = fixture().await;
    let path = path_of(AccountId::new(Uuid::from_u128(1)), "/addresses");
    assert_eq!(get(&f.router, &path).await.status.as_u16(), 404);
    assert_eq!(f.put(&path, &json!({"addresses": [home()]})).await.status.as_u16(), 404);
}
