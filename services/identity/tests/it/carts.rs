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
