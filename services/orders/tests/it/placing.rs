//! Placing orders.

use serde_json::{Value, json};

use crate::fixture::{body, fixture};

#[tokio::test]
async fn a_sale_reserves_authorises_confirms_and_captures_once() {
    let f = fixture().await;
    let order: Value = f.place("k", &body()).await.json();
    assert_eq!(order["status"], "confirmed");
    let world = f.peers.0.lock().unwrap();
    assert_eq!((world.held.len(), world.sold.len(), world.captured.len()), (1, 1, 1));
    assert!(world.released.is_empty() && world.voided.is_empty());
    for call in ["reserve", "authorise", "confirm", "capture"] {
        assert_eq!(world.calls[call], 1, "{call}");
    }
}

#[tokio::test]
async fn a_declined_card_gives_the_stock_back() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().declines = true;
    let order: Value = f.place("k", &body()).await.json();
    assert_eq!(order["status"], "declined");
    let world = f.peers.0.lock().unwrap();
    assert_eq!((world.released.len(), world.captured.len()), (1, 0));
}

#[tokio::test]
async fn out_of_stock_charges_nothing() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().out_of_stock = true;
    let order: Value = f.place("k", &body()).await.json();
    assert_eq!(order["status"], "rejected");
    assert!(f.peers.0.lock().unwrap().authorised.is_empty());
}

#[tokio::test]
async fn pressing_twice_places_one_order() {
    let f = fixture().await;
    let order = body();
    let presses = (0..8).map(|_| f.place("the form's key", &order));
    let answers = futures::future::join_all(presses).await;
    let ids: std::collections::BTreeSet<String> =
        answers.iter().map(|a| a.json::<Value>()["id"].to_string()).collect();
    assert_eq!((ids.len(), f.scalar("SELECT count(*) FROM orders").await), (1, 1));
    assert!(
        answers.iter().all(|a| a.json::<Value>()["status"] == "confirmed"),
        "all of them wait for the end"
    );
    for call in ["reserve", "authorise", "confirm", "capture"] {
        assert_eq!(f.calls(call), 1, "{call}");
    }
}

#[tokio::test]
async fn a_key_for_another_order_says_so_and_shows_the_order_that_has_it() {
    let f = fixture().await;
    let first: Value = f.place("k", &body()).await.json();
    let mut other = body();
    other["payment_token"] = json!("tok_slow");
    let answer = f.place("k", &other).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (409, "key_reused"));
    assert_eq!(answer.json::<Value>()["existing"]["id"], first["id"]);
    assert_eq!(answer.json::<Value>()["existing"]["status"], "confirmed");
    assert_eq!(f.scalar("SELECT count(*) FROM orders").await, 1);
}

#[tokio::test]
async fn the_same_order_in_other_words_is_a_repeat() {
    let f = fixture().await;
    let first: Value = f.place("k", &body()).await.json();
    let mut same = body();
    same["email"] = json!("Kim@Example.com");
    same["cart"] = json!({"id": "c", "version": 2});
    let again = f.place("k", &same).await;
    assert_eq!((again.status.as_u16(), &again.json::<Value>()["id"]), (201, &first["id"]));
}

#[tokio::test]
async fn two_lines_of_one_product_are_one_line() {
    let f = fixture().await;
    let mut twice = body();
    let line = twice["lines"][0].clone();
    twice["lines"].as_array_mut().unwrap().push(line);
    let order: Value = f.place("k", &twice).await.json();
    assert_eq!((order["lines"].as_array().unwrap().len(), &order["lines"][0]["quantity"]), (1, &json!(2)));
}

#[tokio::test]
async fn a_changed_price_is_said_and_nothing_is_sold() {
    let f = fixture().await;
    let mut stale = body();
    stale["lines"][0]["unit_price"]["amount_minor"] = json!(1);
    let answer = f.place("k", &stale).await;
    assert_eq!((answer.code().as_str(), f.scalar("SELECT count(*) FROM orders").await), ("conflict", 0));
    assert!(answer.text().contains("lines[0]"), "{}", answer.text());
}

#[tokio::test]
async fn wrong_input_names_the_field() {
    let f = fixture().await;
    for (pointer, value, named) in [
        ("/email", json!("nobody"), "email"),
        ("/lines/0/quantity", json!(0), "lines[0].quantity"),
        ("/ship_to/country", json!("Germany"), "ship_to.country"),
        ("/ship_to/city", json!(" "), "ship_to.city"),
        ("/cart", json!({"id": "two words", "version": 1}), "cart.id"),
        ("/cart", json!({"id": "c", "version": u64::MAX}), "cart.version"),
    ] {
        let mut wrong = body();
        wrong["cart"] = Value::Null;
        *wrong.pointer_mut(pointer).unwrap() = value;
        let answer = f.place(&format!("key of {named}"), &wrong).await;
        let problem: Value = answer.json();
        assert_eq!(
            (answer.status.as_u16(), &problem["errors"][0]["field"]),
            (422, &json!(named)),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn history_shows_an_account_s_own_orders_page_by_page() {
    let f = fixture().await;
    let account = shop_instrumentation::ids::new_id();
    for i in 0..3 {
        let mut mine = body();
        mine["account_id"] = json!(account);
        f.place(&format!("k{i}"), &mine).await;
        f.clock.advance_seconds(1);
    }
    f.place("guest", &body()).await;
    let path = format!("/v1/orders?account_id={account}&per_page=2");
    let first: Value = shop_testkit::http::get(&f.router, &path).await.json();
    let second: Value = shop_testkit::http::get(&f.router, &format!("{path}&page=2")).await.json();
    assert_eq!((first["orders"].as_array().unwrap().len(), &first["has_more"]), (2, &json!(true)));
    assert_eq!((second["orders"].as_array().unwrap().len(), &second["has_more"]), (1, &json!(false)));
}

#[tokio::test]
async fn a_payment_token_is_forgotten_once_it_was_used() {
    let f = fixture().await;
    f.place("k", &body()).await;
    assert_eq!(f.scalar("SELECT count(*) FROM orders WHERE payment_token <> ''").await, 0);
}

#[tokio::test]
async fn a_silent_peer_is_not_waited_for_longer_than_a_shopper_waits() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().silent = true;
    let started = std::time::Instant::now();
    let order: Value = f.place("k", &body()).await.json();
    assert_eq!(order["status"], "pending");
    assert!(started.elapsed() < std::time::Duration::from_secs(3), "callers wait longer than that");
}
