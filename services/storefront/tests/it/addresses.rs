//! The address book under two tabs, and what may stand in an address.

use axum::http::StatusCode;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, Request, ResponseTemplate};

use crate::people::{kim, log_in};
use crate::stage::{Shopper, Stage};

fn book_path() -> String {
    format!("/v1/accounts/{}/addresses", kim().id)
}

fn entry(label: &str) -> Value {
    json!({"label": label, "address": {"name": "Kim", "address1": "1 Quay", "city": "Kiel", "postcode": "24103", "country": "DE"}})
}

fn boat() -> Vec<(&'static str, &'static str)> {
    vec![
        ("label", "Boat"),
        ("name", "Kim"),
        ("address1", "Pier 4"),
        ("city", "Bergen"),
        ("postcode", "5003"),
        ("country", "NO"),
    ]
}

async fn logged_in(stage: &Stage) -> Shopper<'_> {
    stage.identity_knows_kim().await;
    let mut shopper = stage.shopper();
    log_in(&mut shopper, "/login").await;
    shopper
}

async fn puts(stage: &Stage) -> Vec<Value> {
    let received = stage.identity.received_requests().await.unwrap();
    let puts = received.iter().filter(|r| r.method.as_str() == "PUT" && r.url.path() == book_path());
    puts.map(|r| serde_json::from_slice(&r.body).unwrap()).collect()
}

/// A book that somebody else adds to between the first look and the first save.
async fn changes_meanwhile(stage: &Stage) {
    let before = json!({"addresses": [entry("Home")], "version": "v1"});
    let after = json!({"addresses": [entry("Home"), entry("Work")], "version": "v2"});
    let answer = |status: u16, body: Value| ResponseTemplate::new(status).set_body_json(body);
    let first = Mock::given(method("GET")).and(path(book_path())).respond_with(answer(200, before));
    first.up_to_n_times(1).with_priority(1).mount(&stage.identity).await;
    let then = Mock::given(method("GET")).and(path(book_path())).respond_with(answer(200, after.clone()));
    then.with_priority(2).mount(&stage.identity).await;
    let put = move |request: &Request| {
        let sent: Value = serde_json::from_slice(&request.body).unwrap();
        match sent["if_version"].as_str() {
            Some("v2") => answer(200, sent),
            _ => answer(409, json!({"status": 409, "code": "conflict", "existing": after})),
        }
    };
    Mock::given(method("PUT")).and(path(book_path())).respond_with(put).mount(&stage.identity).await;
}

fn labels(sent: &Value) -> Vec<&str> {
    sent["addresses"].as_array().unwrap().iter().map(|one| one["label"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_address_that_another_tab_saved_meanwhile_stays() {
    let stage = Stage::set().await;
    let mut shopper = logged_in(&stage).await;
    let empty = ResponseTemplate::new(200).set_body_json(json!({"addresses": []}));
    let shown = Mock::given(method("GET")).and(path(book_path())).respond_with(empty);
    shown.up_to_n_times(1).with_priority(1).mount(&stage.identity).await;
    shopper.open("/account/addresses").await;
    changes_meanwhile(&stage).await;
    let saved = shopper.submit("/account/addresses", &boat()).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text());
    let sent = puts(&stage).await;
    assert_eq!(labels(sent.last().unwrap()), ["Home", "Work", "Boat"], "{sent:?}");
}

#[tokio::test]
async fn removing_one_address_does_not_remove_what_was_saved_meanwhile() {
    let stage = Stage::set().await;
    let mut shopper = logged_in(&stage).await;
    let home =
        ResponseTemplate::new(200).set_body_json(json!({"addresses": [entry("Home")], "version": "v1"}));
    let shown = Mock::given(method("GET")).and(path(book_path())).respond_with(home);
    shown.up_to_n_times(1).with_priority(1).mount(&stage.identity).await;
    shopper.open("/account/addresses").await;
    changes_meanwhile(&stage).await;
    let removed = shopper.submit("/account/addresses/remove", &[]).await;
    assert_eq!(removed.status, StatusCode::SEE_OTHER, "{}", removed.text());
    assert_eq!(labels(puts(&stage).await.last().unwrap()), ["Work"]);
}

#[tokio::test]
async fn characters_that_turn_a_line_around_or_are_not_seen_are_refused_at_their_field() {
    let stage = Stage::set().await;
    let mut shopper = logged_in(&stage).await;
    let book = ResponseTemplate::new(200).set_body_json(json!({"addresses": []}));
    Mock::given(method("GET")).and(path(book_path())).respond_with(book).mount(&stage.identity).await;
    for (field, evil) in [
        ("name", "Mia \u{202e}Harbour"),
        ("address1", "Pier\u{2066}4"),
        ("city", "Ber\u{200b}gen"),
        ("label", "Bo\u{200f}at"),
    ] {
        shopper.open("/account/addresses").await;
        let mut fields = boat();
        fields.iter_mut().find(|(name, _)| *name == field).unwrap().1 = evil;
        let refused = shopper.submit("/account/addresses", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(refused.text().contains(&format!("id=\"{field}-error\"")), "{field}: {}", refused.text());
    }
    assert!(puts(&stage).await.is_empty());
}

#[tokio::test]
async fn a_password_that_is_the_address_is_refused_at_its_field() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.open("/register").await;
    let fields =
        [("email", "mia.harbour@example.com"), ("name", "Mia"), ("password", "Mia.Harbour@example.com")];
    let refused = shopper.submit("/register", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("id=\"password-error\""), "{}", refused.text());
    assert!(stage.identity.received_requests().await.unwrap().iter().all(|r| r.url.path() != "/v1/accounts"));
}
