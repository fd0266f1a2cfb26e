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
    assert_eq!(get(&f.router, &path).await.json::<Addresses>().addresses, vec![]);
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

fn labelled(label: &str) -> Value {
    let mut address = home();
    address["label"] = json!(label);
    address
}

#[tokio::test]
async fn a_book_that_was_changed_meanwhile_is_a_conflict_with_what_it_is_now() {
    let f = fixture().await;
    let path = path_of(f.logged_in().await.account.id, "/addresses");
    let shown: Value = get(&f.router, &path).await.json();
    let first = f.put(&path, &json!({"addresses": [labelled("Boat")], "if_version": shown["version"]})).await;
    assert_eq!(first.status.as_u16(), 200, "{}", first.text());
    let second =
        f.put(&path, &json!({"addresses": [labelled("Work")], "if_version": shown["version"]})).await;
    assert_eq!((second.status.as_u16(), second.code()), (409, "conflict".to_owned()), "{}", second.text());
    let now: Value = get(&f.router, &path).await.json();
    assert_eq!(second.json::<Value>()["existing"], now);
    assert_eq!(now["addresses"][0]["label"], "Boat");
    assert_eq!(first.json::<Value>()["version"], now["version"], "an answer is as good as a look");
    let third = f.put(&path, &json!({"addresses": [labelled("Work")], "if_version": now["version"]})).await;
    assert_eq!(third.status.as_u16(), 200, "{}", third.text());
    let unguarded = f.put(&path, &json!({"addresses": []})).await;
    assert_eq!(unguarded.status.as_u16(), 200, "as storefronts from before there were versions ask");
}

#[tokio::test]
async fn of_many_changes_of_one_version_at_once_one_is_taken() {
    let f = fixture().await;
    let path = path_of(f.logged_in().await.account.id, "/addresses");
    for round in 0..2 {
        let shown: Value = get(&f.router, &path).await.json();
        // A book like the one that is there would be no change.
        let book =
            |n| json!({"addresses": [labelled(&format!("{round} {n}"))], "if_version": shown["version"]});
        let books: Vec<Value> = (0..8).map(book).collect();
        let answers = futures::future::join_all(books.iter().map(|book| f.put(&path, book))).await;
        let taken = answers.iter().filter(|answer| answer.status.as_u16() == 200).count();
        let refused = answers.iter().filter(|answer| answer.status.as_u16() == 409).count();
        assert_eq!((taken, refused), (1, 7));
    }
}

#[tokio::test]
async fn no_text_of_an_address_turns_its_line_around() {
    let f = fixture().await;
    let path = path_of(f.logged_in().await.account.id, "/addresses");
    let mut evil = home();
    evil["address"]["name"] = json!("Mia \u{202e}rebmeM");
    evil["label"] = json!("a\u{2066}b");
    let answer = f.put(&path, &json!({"addresses": [evil]})).await;
    assert_eq!(answer.status.as_u16(), 422, "{}", answer.text());
    assert_eq!(fields(&answer), ["addresses[0].label", "addresses[0].address.name"]);
}
