use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use shop_contracts::identity::Account;
use shop_testkit::http::call;

use crate::{PASSWORD, fields, fixture, kim};

#[tokio::test]
async fn new_shopper_gets_an_account_with_the_address_in_lower_case() {
    let f = fixture().await;
    let answer = f.register("k", &kim()).await;
    assert_eq!(answer.status.as_u16(), 201, "{}", answer.text());
    let account: Account = answer.json();
    assert_eq!((account.email.as_str(), account.display_name.as_str()), ("kim@example.com", "Kim Harbour"));
    assert!(f.metrics().await.contains("shop_registrations_total 1"));
}

#[tokio::test]
async fn password_is_kept_as_argon2id_and_nowhere_else() {
    let f = fixture().await;
    f.register("k", &kim()).await;
    let row: String =
        sqlx::query_scalar("SELECT accounts::text FROM accounts").fetch_one(&f.db.pool).await.unwrap();
    assert!(row.contains("$argon2id$") && !row.contains(PASSWORD), "{row}");
}

#[tokio::test]
async fn the_same_request_many_times_at_once_makes_one_account() {
    let f = fixture().await;
    let body = kim();
    let answers = futures::future::join_all((0..12).map(|_| f.register("k", &body))).await;
    let ids: BTreeSet<String> = answers.iter().map(|a| a.json::<Value>()["id"].to_string()).collect();
    assert!(answers.iter().all(|a| a.status.as_u16() == 201));
    assert_eq!((ids.len(), f.scalar("SELECT count(*) FROM accounts").await), (1, 1));
}

#[tokio::test]
async fn an_address_is_taken_whatever_its_case() {
    let f = fixture().await;
    f.register("one", &kim()).await;
    let mut other = kim();
    other["email"] = json!("KIM@EXAMPLE.COM");
    other["password"] = json!("another long one");
    let answer = f.register("two", &other).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "conflict".to_owned()));
    assert_eq!(fields(&answer), ["email"]);
}

#[tokio::test]
async fn two_who_want_one_address_at_once_are_told_apart_by_the_database() {
    let f = fixture().await;
    let body = kim();
    let answers = futures::future::join_all(["a", "b", "c"].map(|key| f.register(key, &body))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|a| a.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
}

#[tokio::test]
async fn a_key_for_another_account_or_password_is_a_conflict() {
    let f = fixture().await;
    f.register("k", &kim()).await;
    for (field, value) in
        [("email", "bo@example.com"), ("display_name", "Bo"), ("password", "some other password")]
    {
        let mut other = kim();
        other[field] = json!(value);
        assert_eq!(f.register("k", &other).await.status.as_u16(), 409, "{field}");
    }
    assert_eq!(f.scalar("SELECT count(*) FROM accounts").await, 1);
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let f = fixture().await;
    let body = json!({"email": "kim", "display_name": " ", "password": "short"});
    let answer = f.register("k", &body).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (422, "invalid".to_owned()));
    assert_eq!(fields(&answer), ["email", "display_name", "password"]);
    assert!(!answer.text().contains("short"), "a password is never repeated");
}

#[tokio::test]
async fn missing_fields_garbage_and_a_missing_key_are_problems() {
    let f = fixture().await;
    let missing = f.register("k", &json!({"email": "kim@example.com"})).await;
    assert_eq!(missing.code(), "invalid");
    assert!(missing.text().contains("display_name"), "{}", missing.text());
    let json = [("content-type", "application/json"), ("idempotency-key", "k")];
    let garbage = call(&f.router, Method::POST, "/v1/accounts", &json, Body::from("{not json")).await;
    assert_eq!((garbage.status.as_u16(), garbage.code()), (400, "invalid".to_owned()));
    let body = || Body::from(kim().to_string());
    let keyless = call(&f.router, Method::POST, "/v1/accounts", &json[..1], body()).await;
    assert!(keyless.status.as_u16() == 422 && keyless.text().contains("Idempotency-Key"));
    let mut huge = kim();
    huge["display_name"] = json!("x".repeat(20_000));
    assert_eq!(f.register("k", &huge).await.status.as_u16(), 413);
}
