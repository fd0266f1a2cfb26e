use serde_json::{Value, json};
use shop_contracts::AccountId;
use shop_contracts::identity::KeptCart;
use shop_testkit::http::get;
use uuid::Uuid;

use crate::{fields, fixture, path_of};

fn cart(id: &str, version: u64, quantity: u32) -> Value {
    json!({"id": id, "version": version, "lines": [{"product_id": Uuid::from_u128(7), "quantity": quantity}]})
}

#[tokio::test]
async fn of_one_cart_the_newest_version_stays_and_another_cart_takes_its_place() {
    let f = fixture().await;
    let path = path_of(f.logged_in().await.account.id, "/cart");
    let kept = async || get(&f.router, &path).await.json::<KeptCart>();
    assert_eq!(kept().await, KeptCart::default(), "nothing was kept yet");
    for (sent, expected) in [
        (cart("a", 5, 1), ("a", 5, 1)),
        (cart("a", 4, 9), ("a", 5, 1)),
        (cart("a", 6, 2), ("a", 6, 2)),
        (cart("b", 1, 3), ("b", 1, 3)),
    ] {
        let answer = f.put(&path, &sent).await;
        assert_eq!(answer.status.as_u16(), 204, "{}", answer.text());
        let now = kept().await;
        assert_eq!((now.id.as_str(), now.version, now.lines[0].quantity), expected, "{sent}");
    }
    assert_eq!(f.put(&path, &json!({"id": "b", "version": 2, "lines": []})).await.status.as_u16(), 204);
    assert!(kept().await.lines.is_empty(), "what was bought is not kept");
}

#[tokio::test]
async fn what_is_being_ordered_and_what_became_part_of_a_cart_is_kept_with_it() {
    let f = fixture().await;
    let path = path_of(f.logged_in().await.account.id, "/cart");
    let mut sent = cart("a", 5, 1);
    sent["attempt"] = json!(2);
    sent["ordered_version"] = json!(3);
    sent["open"] = json!([{"cart": {"id": "b", "version": 4}, "order": Uuid::from_u128(9), "asked_at": 1_800_000_000,
        "lines": [{"product_id": Uuid::from_u128(8), "quantity": 2}]}, {"cart": {"id": "a", "version": 5}, "asked_at": 7}]);
    sent["merged"] = json!([{"id": "b", "version": 4}, {"id": "c", "version": 5, "ordered_version": 3}]);
    assert_eq!(f.put(&path, &sent).await.status.as_u16(), 204);
    let kept: Value = get(&f.router, &path).await.json();
    for field in ["id", "version", "lines", "attempt", "ordered_version", "open", "merged"] {
        assert_eq!(kept[field], sent[field], "{field}");
    }
    let reference = json!({"id": "", "version": u64::MAX});
    sent["merged"] = json!([reference]);
    sent["open"] = json!([{"cart": reference, "asked_at": 0, "lines": [{"product_id": Uuid::from_u128(8), "quantity": 0}]}]);
    let expected = [
        "open[0].cart.id",
        "open[0].cart.version",
        "open[0].lines[0].quantity",
        "merged[0].id",
        "merged[0].version",
    ];
    assert_eq!(fields(&f.put(&path, &sent).await), expected);
    sent["merged"] = json!(vec![json!({"id": "c", "version": 1}); 9]);
    sent["open"] = json!([]);
    assert_eq!(fields(&f.put(&path, &sent).await), ["merged"]);
}

#[tokio::test]
async fn a_device_that_worked_with_an_older_revision_is_told_and_overwrites_nothing() {
    let f = fixture().await;
    let path = path_of(f.logged_in().await.account.id, "/cart");
    let kept = async || get(&f.router, &path).await.json::<KeptCart>();
    let put = async |mut cart: Value, if_revision: u64| {
        cart["if_revision"] = json!(if_revision);
        f.put(&path, &cart).await
    };
    assert_eq!(put(cart("a", 5, 1), 1).await.status.as_u16(), 409, "there is none yet");
    assert_eq!(put(cart("a", 5, 1), 0).await.status.as_u16(), 204);
    assert_eq!(kept().await.revision, 1);
    let second = put(cart("b", 9, 3), 0).await;
    let existing: Value = second.json::<Value>()["existing"].clone();
    assert_eq!((second.status.as_u16(), existing["id"].as_str()), (409, Some("a")), "{existing}");
    assert_eq!((kept().await.id.as_str(), kept().await.revision), ("a", 1));
    // Of eight devices that knew the same revision one is first.
    let at_once = (0..8).map(|n| put(cart("b", 10 + n, 3), 1));
    let answers = futures::future::join_all(at_once).await;
    assert_eq!(answers.iter().filter(|answer| answer.status.as_u16() == 204).count(), 1);
    // A storefront from before there were revisions.
    assert_eq!(f.put(&path, &cart("c", 1, 1)).await.status.as_u16(), 204);
    assert_eq!((kept().await.id.as_str(), kept().await.revision), ("c", 3));
    assert_eq!(put(cart("b", 30, 1), 2).await.status.as_u16(), 409);
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let f = fixture().await;
    let path = path_of(f.logged_in().await.account.id, "/cart");
    let line = json!({"product_id": Uuid::from_u128(7), "quantity": 100});
    let wrong = json!({"id": "a b", "version": u64::MAX, "lines": [line, line]});
    let answer = f.put(&path, &wrong).await;
    assert_eq!(answer.status.as_u16(), 422);
    let expected = ["id", "version", "lines[0].quantity", "lines[1].quantity", "lines[1].product_id"];
    assert_eq!(fields(&answer), expected);
    let line = |n| json!({"product_id": Uuid::from_u128(n), "quantity": 1});
    let many: Vec<Value> = (0..51).map(line).collect();
    let answer = f.put(&path, &json!({"id": "a", "version": 1, "lines": many})).await;
    assert_eq!((answer.status.as_u16(), fields(&answer)), (422, vec!["lines".to_owned()]));
    assert_eq!(f.scalar("SELECT count(*) FROM account_carts").await, 0);
}

#[tokio::test]
async fn nobody_keeps_no_cart() {
    let f = fixture().await;
    let path = path_of(AccountId::new(Uuid::from_u128(1)), "/cart");
    assert_eq!(get(&f.router, &path).await.status.as_u16(), 404);
    assert_eq!(f.put(&path, &cart("a", 1, 1)).await.status.as_u16(), 404);
}
