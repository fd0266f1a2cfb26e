//! Passwords that are guessed first are refused wherever one is chosen, and nowhere else.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use shop_contracts::events::IdentityEventKind;
use shop_contracts::identity::StaffSession;
use shop_identity::credentials::Password;
use shop_testkit::http::{Answer, call, post};

use crate::{Fixture, PASSWORD, fields, fixture, kim, path_of};

/// One of the shop's words, one of Kim's own, one of everybody's.
const GUESSED: [&str; 3] = ["quarterdeck-2026", "KimHarbour88", "iloveyou123"];

fn is_refused(answer: &Answer, field: &str, password: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (422, "password_guessable".to_owned()),
        "{password}: {}",
        answer.text()
    );
    assert_eq!(fields(answer), [field]);
    assert!(!answer.text().contains(password), "a password is never repeated: {}", answer.text());
}

#[tokio::test]
async fn registering_with_what_is_guessed_first_is_refused_and_costs_no_hash() {
    let f = fixture().await;
    let before = f.identity.passwords.worked_on();
    for password in GUESSED.iter().chain(&["kim@example.com"]) {
        let mut body = kim();
        body["password"] = json!(password);
        is_refused(&f.register("k", &body).await, "password", password);
    }
    assert_eq!(f.identity.passwords.worked_on(), before);
    assert_eq!(f.scalar("SELECT count(*) FROM pending_registrations").await, 0);
    assert_eq!(f.register("k", &kim()).await.status.as_u16(), 201, "the key is free still");
}

#[tokio::test]
async fn changing_to_what_is_guessed_first_is_refused_and_the_present_one_stays() {
    let f = fixture().await;
    let here = f.logged_in().await;
    let path = path_of(here.account.id, "/password");
    for password in GUESSED {
        is_refused(&f.put(&path, &json!({"current": PASSWORD, "new": password})).await, "new", password);
    }
    assert_eq!(f.log_in("kim@example.com", PASSWORD, None).await.status.as_u16(), 201);
}

#[tokio::test]
async fn a_link_for_a_new_password_survives_one_that_is_guessed_first() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    f.post("/v1/password-resets", &json!({"email": "kim@example.com"})).await;
    let token = f.mailed_token(IdentityEventKind::PasswordResetRequested).await;
    let set = async |password: &str| {
        f.post("/v1/password-resets/confirm", &json!({"token": token, "password": password})).await
    };
    for password in GUESSED {
        is_refused(&set(password).await, "password", password);
    }
    assert_eq!(set("another long one").await.status.as_u16(), 204);
}

async fn as_manager(f: &Fixture, method: Method, path: &str, body: Value) -> Answer {
    let body_of = json!({"email": "staff", "password": PASSWORD});
    let staff: StaffSession = post(&f.router, "/v1/staff/sessions", "k", &body_of).await.json();
    let headers =
        [("x-session-token", &*staff.token), ("content-type", "application/json"), ("idempotency-key", "a")];
    call(&f.router, method, path, &headers, Body::from(body.to_string())).await
}

#[tokio::test]
async fn members_of_the_staff_get_none_that_is_guessed_first_either() {
    let f = fixture().await;
    let first = |password: &str| Password::parse_new(password.to_owned()).unwrap();
    let refused = f.identity.seed_staff(&first("staff-password-1")).await.unwrap_err();
    assert_eq!(refused.code().as_str(), "password_guessable");
    f.identity.seed_staff(&first(PASSWORD)).await.unwrap();
    f.identity.seed_staff(&first("staff-password-1")).await.expect("there is a member: nothing is asked");
    let members = "/v1/staff/members";
    for password in ["quarterdeck-2026", "ada-lovelace-1", "password123"] {
        let body = json!({"username": "ada.lovelace", "role": "clerk", "password": password});
        is_refused(&as_manager(&f, Method::POST, members, body).await, "password", password);
    }
    let body = json!({"username": "ada.lovelace", "role": "clerk", "password": "the first long password"});
    assert_eq!(as_manager(&f, Method::POST, members, body).await.status.as_u16(), 201);
    let path = format!("{members}/ada.lovelace/password");
    let set = as_manager(&f, Method::PUT, &path, json!({"password": "AdaLovelace2026"})).await;
    is_refused(&set, "password", "AdaLovelace2026");
}

#[tokio::test]
async fn who_has_such_a_password_goes_on_logging_in_with_it() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    let old = Password::parse_new("quarterdeck-2026".to_owned()).unwrap();
    let hash = f.identity.passwords.hash(&old).await.unwrap();
    sqlx::query("UPDATE accounts SET password_hash = $1").bind(hash).execute(&f.db.pool).await.unwrap();
    assert_eq!(f.log_in("kim@example.com", "quarterdeck-2026", None).await.status.as_u16(), 201);
}
