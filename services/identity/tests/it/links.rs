//! Opening a mail's link says whether it still works.

use serde_json::json;
use shop_contracts::events::IdentityEventKind;
use shop_contracts::identity::LinkState;
use shop_identity::wiring::LINKS;
use shop_testkit::http::{Answer, post};

use crate::{Fixture, PASSWORD, fixture, kim};

const REGISTRATION: &str = "/v1/accounts/confirm/check";
const RESET: &str = "/v1/password-resets/check";
const HOUR_SECONDS: i64 = 3_600;

async fn look(f: &Fixture, path: &str, token: &str) -> Answer {
    f.post(path, &json!({"token": token, "client_address": "10.0.0.1"})).await
}

async fn works(f: &Fixture, path: &str, token: &str) -> bool {
    let answer = look(f, path, token).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
    answer.json::<LinkState>().works
}

#[tokio::test]
async fn the_link_of_a_registration_works_until_it_is_used_or_its_day_is_over() {
    let f = fixture().await;
    f.register("first", &kim()).await;
    let first = f.mailed_token(IdentityEventKind::RegistrationRequested).await;
    f.register("second", &kim()).await;
    let second = f.mailed_token(IdentityEventKind::RegistrationRequested).await;
    for token in [&first, &second, &first] {
        assert!(works(&f, REGISTRATION, token).await, "looking does not use it up");
    }
    f.confirm(&first, PASSWORD).await;
    for token in [&first, &second] {
        assert!(!works(&f, REGISTRATION, token).await, "the account is there");
    }
    let mut bo = kim();
    bo["email"] = json!("bo@example.com");
    f.register("bo", &bo).await;
    let late = f.mailed_token(IdentityEventKind::RegistrationRequested).await;
    f.clock.advance_seconds(24 * HOUR_SECONDS);
    assert!(!works(&f, REGISTRATION, &late).await);
}

#[tokio::test]
async fn the_link_for_a_new_password_works_until_it_is_used_or_its_hour_is_over() {
    let f = fixture().await;
    f.confirmed("kim", &kim()).await;
    let asked = async |key: &str| {
        post(&f.router, "/v1/password-resets", key, &json!({"email": "kim@example.com"})).await;
        f.mailed_token(IdentityEventKind::PasswordResetRequested).await
    };
    let used = asked("first").await;
    assert!(works(&f, RESET, &used).await && works(&f, RESET, &used).await, "looking does not use it up");
    f.post("/v1/password-resets/confirm", &json!({"token": used, "password": "another long one"})).await;
    assert!(!works(&f, RESET, &used).await);
    let late = asked("second").await;
    assert!(works(&f, RESET, &late).await);
    f.clock.advance_seconds(HOUR_SECONDS);
    assert!(!works(&f, RESET, &late).await);
}

#[tokio::test]
async fn what_was_used_is_over_or_never_was_is_one_answer_that_names_nobody() {
    let f = fixture().await;
    f.confirmed("kim", &kim()).await;
    let used = f.mailed_token(IdentityEventKind::RegistrationRequested).await;
    let never = "c".repeat(43);
    let mut answers = Vec::new();
    for path in [REGISTRATION, RESET] {
        for token in [used.as_str(), never.as_str(), "nonsense", ""] {
            answers.push(look(&f, path, token).await.text());
        }
    }
    assert!(answers.iter().all(|answer| answer == r#"{"works":false}"#), "{answers:?}");
}

#[tokio::test]
async fn who_opens_too_many_links_waits_and_nobody_else() {
    let f = fixture().await;
    for n in 0..LINKS.max_per_address {
        look(&f, if n % 2 == 0 { RESET } else { REGISTRATION }, "nonsense").await;
    }
    let held = look(&f, RESET, "nonsense").await;
    assert_eq!((held.status.as_u16(), held.code()), (429, "rate_limited".to_owned()));
    assert!(held.headers.contains_key("retry-after"));
    let other = f.post(RESET, &json!({"token": "nonsense", "client_address": "10.0.0.2"})).await;
    assert_eq!(other.status.as_u16(), 200);
}
