//! Arbitrary bytes at every route: whatever comes, no answer is the service's own failure.

use serde_json::{Value, json};
use shop_contracts::events::IdentityEventKind;
use shop_contracts::identity::{Sessions, StaffSession};
use shop_identity::credentials::Password;
use shop_testkit::fuzz::{Good, Plan, each_operation_succeeds, no_route_fails};

use crate::{PASSWORD, fixture, path_of};

#[tokio::test]
async fn no_route_fails_on_arbitrary_bytes() {
    let f = fixture().await;
    let session = f.logged_in().await;
    let known = [session.account.id.to_string(), session.token.clone(), "current".to_owned()];
    let bodies = [
        json!({"email": "kim@example.com", "password": "wrong", "user_agent": "\u{202e}"}),
        json!({"email": "ann@example.com", "display_name": "Ann", "password": PASSWORD}),
        json!({"current": "wrong", "new": PASSWORD, "keep_session_token": "\u{1f6a2}"}),
        json!({"token": session.token, "password": PASSWORD}),
        json!({"addresses": []}),
        json!({"username": "ada", "role": "clerk", "password": PASSWORD}),
    ];
    let document = shop_identity::http::document();
    let plan = Plan { document: &document, rounds: 60, seed: 0x01de_5eed, known: &known, bodies: &bodies };
    assert!(no_route_fails(&f.router, &plan).await > 50);
}

/// What the arbitrary requests are a damage of: every operation has one that succeeds.
#[tokio::test]
async fn every_operation_has_a_request_that_succeeds() {
    let f = fixture().await;
    let kim = f.logged_in().await;
    let (second, third) = (f.open("second").await, f.open("third").await);
    let sessions: Sessions = f
        .with_token(axum::http::Method::GET, &path_of(kim.account.id, "/sessions"), &second.token)
        .await
        .json();
    let other = sessions.sessions.iter().find(|session| session.current).unwrap().id;
    let bo = json!({"email": "bo@example.com", "display_name": "Bo", "password": PASSWORD});
    f.register("bo", &bo).await;
    let confirmation = f.mailed_token(IdentityEventKind::RegistrationRequested).await;
    f.post("/v1/password-resets", &json!({"email": "kim@example.com"})).await;
    let reset = f.mailed_token(IdentityEventKind::PasswordResetRequested).await;
    f.identity.seed_staff(&Password::parse_new(PASSWORD.to_owned()).unwrap()).await.unwrap();
    let staff = json!({"email": "staff", "password": PASSWORD});
    let staff: StaffSession = f.post("/v1/staff/sessions", &staff).await.json();
    let of_kim = |rest: &str| path_of(kim.account.id, rest);
    let key = || vec![("idempotency-key", "another".to_owned())];
    let session = |token: &str| vec![("x-session-token", token.to_owned())];
    let manager = || [session(&staff.token), key()].concat();
    let ada = |rest: &str| format!("/v1/staff/members/ada{rest}");
    let good = |operation, path: String, headers, body| Good { operation, path, headers, body };
    let plain = |operation: &'static str, body: Value| {
        good(operation, operation.split(' ').nth(1).unwrap().to_owned(), key(), body)
    };
    let log_in = json!({"email": "kim@example.com", "password": PASSWORD});
    let by_path = format!("/v1/sessions/{}", third.token);
    let requests = [
        plain(
            "POST /v1/accounts",
            json!({"email": "cy@example.com", "display_name": "Cy", "password": PASSWORD}),
        ),
        plain("POST /v1/accounts/confirm/check", json!({"token": confirmation})),
        plain("POST /v1/password-resets/check", json!({"token": reset})),
        plain("POST /v1/accounts/confirm", json!({"token": confirmation, "password": PASSWORD})),
        good("GET /v1/accounts/{id}", of_kim(""), vec![], Value::Null),
        good("GET /v1/accounts/{id}/addresses", of_kim("/addresses"), vec![], Value::Null),
        good("PUT /v1/accounts/{id}/addresses", of_kim("/addresses"), vec![], json!({"addresses": []})),
        good("GET /v1/accounts/{id}/cart", of_kim("/cart"), vec![], Value::Null),
        good(
            "PUT /v1/accounts/{id}/cart",
            of_kim("/cart"),
            vec![],
            json!({"id": "a", "version": 1, "lines": []}),
        ),
        good("GET /v1/accounts/{id}/sessions", of_kim("/sessions"), session(&kim.token), Value::Null),
        good(
            "DELETE /v1/accounts/{id}/sessions/{session_id}",
            of_kim(&format!("/sessions/{other}")),
            vec![],
            Value::Null,
        ),
        plain("POST /v1/sessions", log_in),
        good("GET /v1/sessions/current", "/v1/sessions/current".to_owned(), session(&kim.token), Value::Null),
        good("GET /v1/sessions/{token}", by_path.clone(), vec![], Value::Null),
        good("DELETE /v1/sessions/{token}", by_path, vec![], Value::Null),
        good(
            "DELETE /v1/sessions/current",
            "/v1/sessions/current".to_owned(),
            session(&kim.token),
            Value::Null,
        ),
        plain("POST /v1/password-resets", json!({"email": "bo@example.com"})),
        plain("POST /v1/password-resets/confirm", json!({"token": reset, "password": "another long one"})),
        good(
            "PUT /v1/accounts/{id}/password",
            of_kim("/password"),
            vec![],
            json!({"current": "another long one", "new": PASSWORD}),
        ),
        good("POST /v1/accounts/{id}/delete", of_kim("/delete"), vec![], json!({"password": PASSWORD})),
        good(
            "POST /v1/staff/sessions",
            "/v1/staff/sessions".to_owned(),
            key(),
            json!({"email": "staff", "password": PASSWORD}),
        ),
        good(
            "POST /v1/staff/members",
            "/v1/staff/members".to_owned(),
            manager(),
            json!({"username": "ada", "role": "viewer", "password": PASSWORD}),
        ),
        good("PUT /v1/staff/members/{username}/role", ada("/role"), manager(), json!({"role": "clerk"})),
        good(
            "PUT /v1/staff/members/{username}/password",
            ada("/password"),
            manager(),
            json!({"password": PASSWORD}),
        ),
        good("DELETE /v1/staff/members/{username}", ada(""), manager(), Value::Null),
        good("GET /v1/staff/members", "/v1/staff/members".to_owned(), manager(), Value::Null),
        good("GET /v1/staff/changes", "/v1/staff/changes".to_owned(), manager(), Value::Null),
        good(
            "GET /v1/staff/sessions/current",
            "/v1/staff/sessions/current".to_owned(),
            manager(),
            Value::Null,
        ),
        good(
            "DELETE /v1/staff/sessions/current",
            "/v1/staff/sessions/current".to_owned(),
            manager(),
            Value::Null,
        ),
    ];
    each_operation_succeeds(&f.router, &shop_identity::http::document(), &requests).await;
}
