use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use shop_contracts::events::IdentityEventKind;
use shop_identity::throttle::Limits;
use shop_identity::wiring::RESET;
use shop_identity::workers;

use shop_instrumentation::ids;
use shop_testkit::http::{call, post};

use crate::{Fixture, PASSWORD, fields, fixture, fixture_with, kim};

const NEW: &str = "another long enough one";

async fn ask_from(f: &Fixture, email: &str, address: &str) -> u16 {
    let body = json!({"email": email, "client_address": address});
    post(&f.router, "/v1/password-resets", &ids::new_id().to_string(), &body).await.status.as_u16()
}

async fn ask(f: &Fixture, email: &str) -> u16 {
    // As storefronts of the version before ask: without a key.
    let headers = [("content-type", "application/json")];
    let body = Body::from(json!({"email": email}).to_string());
    call(&f.router, Method::POST, "/v1/password-resets", &headers, body).await.status.as_u16()
}

async fn mailed_token(f: &Fixture) -> String {
    f.mailed_token(IdentityEventKind::PasswordResetRequested).await
}

fn confirm(token: &str) -> Value {
    json!({"token": token, "password": NEW})
}

#[tokio::test]
async fn a_mailed_token_sets_a_new_password_once_and_ends_every_session() {
    let f = fixture().await;
    let here = f.logged_in().await;
    assert_eq!(ask(&f, " KIM@example.com").await, 204);
    let token = mailed_token(&f).await;
    let answer = f.post("/v1/password-resets/confirm", &confirm(&token)).await;
    assert_eq!(answer.status.as_u16(), 204, "{}", answer.text());
    assert!(!f.is_open(&here.token).await);
    assert_eq!(f.log_in("kim@example.com", PASSWORD, None).await.status.as_u16(), 401);
    assert_eq!(f.log_in("kim@example.com", NEW, None).await.status.as_u16(), 201);
    assert_eq!(f.events().await.last().unwrap().kind, IdentityEventKind::PasswordChanged);
    let other = json!({"token": token, "password": "yet another long one"});
    let again = f.post("/v1/password-resets/confirm", &other).await;
    assert_eq!((again.status.as_u16(), fields(&again)), (422, vec!["token".to_owned()]));
}

/// A form that is sent twice, by a second press or because the first answer was lost.
#[tokio::test]
async fn the_same_new_password_again_is_answered_alike_and_changes_nothing() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    ask(&f, "kim@example.com").await;
    let token = mailed_token(&f).await;
    f.post("/v1/password-resets/confirm", &confirm(&token)).await;
    let session: Value = f.log_in("kim@example.com", NEW, None).await.json();
    let events = f.events().await.len();
    let again = f.post("/v1/password-resets/confirm", &confirm(&token)).await;
    assert_eq!(again.status.as_u16(), 204, "{}", again.text());
    assert!(f.is_open(session["token"].as_str().unwrap()).await, "who logged in with it meanwhile stays so");
    assert_eq!(f.events().await.len(), events, "one mail says that the password was changed");
    f.clock.advance_seconds(3600);
    workers::once(&f.identity).await.unwrap();
    let late = f.post("/v1/password-resets/confirm", &confirm(&token)).await;
    assert_eq!(late.status.as_u16(), 422, "the link is over");
}

#[tokio::test]
async fn many_presses_at_once_set_one_password_and_are_answered_alike() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    ask(&f, "kim@example.com").await;
    let body = confirm(&mailed_token(&f).await);
    let answers =
        futures::future::join_all((0..6).map(|_| f.post("/v1/password-resets/confirm", &body))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204; 6]);
    let changed = f.events().await;
    let changed = changed.iter().filter(|event| event.kind == IdentityEventKind::PasswordChanged).count();
    assert_eq!(changed, 1);
}

#[tokio::test]
async fn of_many_who_use_a_token_at_once_for_different_passwords_one_does() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    ask(&f, "kim@example.com").await;
    let token = mailed_token(&f).await;
    let bodies: Vec<Value> =
        (0..6).map(|n| json!({"token": token, "password": format!("a long enough one {n}")})).collect();
    let answers =
        futures::future::join_all(bodies.iter().map(|body| f.post("/v1/password-resets/confirm", body)))
            .await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 422, 422, 422, 422, 422]);
}

#[tokio::test]
async fn asking_answers_and_writes_alike_whether_there_is_an_account_or_not() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    assert_eq!([ask(&f, "kim@example.com").await, ask(&f, "nobody@example.com").await], [204, 204]);
    assert_eq!(f.scalar("SELECT count(*) FROM password_resets").await, 2);
    let events = f.events().await.split_off(2);
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["identity.password_reset_requested", "identity.password_reset_for_nobody"]);
    let nobody = serde_json::to_string(&events[1]).unwrap();
    assert!(!nobody.contains("nobody@example.com") && events[1].token.is_none(), "{nobody}");
}

#[tokio::test]
async fn two_presses_of_one_button_are_one_mail() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    for (key, email) in [("one", "kim@example.com"), ("one", "kim@example.com"), ("two", "kim@example.com")] {
        let answer = post(&f.router, "/v1/password-resets", key, &json!({"email": email})).await;
        assert_eq!(answer.status.as_u16(), 204);
    }
    let kinds = f.kinds().await;
    assert_eq!(kinds.iter().filter(|kind| **kind == "identity.password_reset_requested").count(), 2);
    for _ in 0..2 {
        post(&f.router, "/v1/password-resets", "three", &json!({"email": "nobody@example.com"})).await;
    }
    assert_eq!(f.scalar("SELECT count(*) FROM password_resets").await, 3, "of nobody's alike");
}

#[tokio::test]
async fn a_token_is_kept_as_its_hash_and_works_for_an_hour() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    ask(&f, "kim@example.com").await;
    let token = mailed_token(&f).await;
    let row: String = sqlx::query_scalar("SELECT password_resets::text FROM password_resets")
        .fetch_one(&f.db.pool)
        .await
        .unwrap();
    assert!(!row.contains(&token), "{row}");
    f.clock.advance_seconds(3600);
    let late = f.post("/v1/password-resets/confirm", &confirm(&token)).await;
    assert_eq!((late.status.as_u16(), late.code()), (422, "invalid".to_owned()));
    assert_eq!(workers::once(&f.identity).await.unwrap(), 1);
    assert_eq!(f.scalar("SELECT count(*) FROM password_resets").await, 0);
}

#[tokio::test]
async fn nonsense_and_short_passwords_are_named_and_cost_no_hash() {
    let f = fixture().await;
    let before = f.identity.passwords.worked_on();
    let never = "A".repeat(43);
    for token in ["", "nonsense", &never] {
        let answer = f.post("/v1/password-resets/confirm", &confirm(token)).await;
        assert_eq!((answer.status.as_u16(), fields(&answer)), (422, vec!["token".to_owned()]));
    }
    assert_eq!(f.identity.passwords.worked_on(), before);
    let short = f.post("/v1/password-resets/confirm", &json!({"token": never, "password": "short"})).await;
    assert_eq!(fields(&short), ["password"]);
    assert_eq!(fields(&f.post("/v1/password-resets", &json!({"email": "kim"})).await), ["email"]);
}

/// As the service is configured when nobody says otherwise.
#[tokio::test]
async fn strangers_who_ask_again_and_again_keep_no_owner_from_a_new_password() {
    let f = fixture_with(RESET).await;
    f.confirmed("k", &kim()).await;
    for email in ["kim@example.com", "nobody@example.com"] {
        for n in 0..40 {
            assert_eq!(ask_from(&f, email, &format!("10.0.{n}.1")).await, 204, "{email}, stranger {n}");
        }
        for _ in 0..3 {
            assert_eq!(ask_from(&f, email, "10.1.0.1").await, 204, "{email}, its owner");
        }
    }
    let asked = async |email: &str| {
        let mut answers = Vec::new();
        for _ in 0..=RESET.max_per_address {
            answers.push(ask_from(&f, email, "10.2.0.1").await);
        }
        answers.iter().filter(|answer| **answer == 429).count()
    };
    assert_eq!(asked("kim@example.com").await, 1, "who asks from one address is held up there");
}

#[tokio::test]
async fn mails_asked_for_too_often_from_one_address_are_refused_alike_for_any_account() {
    let f = fixture_with(Limits { max_per_address: 2, ..RESET }).await;
    f.confirmed("k", &kim()).await;
    for (email, from) in [("kim@example.com", "10.0.0.1"), ("nobody@example.com", "10.0.0.2")] {
        let answers = [
            ask_from(&f, email, from).await,
            ask_from(&f, email, from).await,
            ask_from(&f, email, from).await,
        ];
        assert_eq!(answers, [204, 204, 429]);
    }
    assert!(f.metrics().await.contains("shop_password_resets_total{outcome=\"throttled\"} 2"));
}

#[tokio::test]
async fn who_guessed_at_the_old_password_does_not_keep_the_owner_out() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    for _ in 0..3 {
        f.log_in("kim@example.com", "a wrong password", None).await;
    }
    assert_eq!(f.log_in("kim@example.com", PASSWORD, None).await.status.as_u16(), 429);
    ask(&f, "kim@example.com").await;
    f.post("/v1/password-resets/confirm", &confirm(&mailed_token(&f).await)).await;
    assert_eq!(f.log_in("kim@example.com", NEW, None).await.status.as_u16(), 201);
}
