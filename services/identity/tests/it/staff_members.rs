//! The staff as managers look after it.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use shop_contracts::identity::{StaffChanges, StaffMembers, StaffRole, StaffSession};
use shop_identity::credentials::Password;
use shop_testkit::http::{Answer, call, post};

use crate::{Fixture, PASSWORD, fields, fixture};

const MEMBERS: &str = "/v1/staff/members";
const ADA: &str = "/v1/staff/members/ada";

/// A shop with its first manager, whose token this is.
async fn managed() -> (Fixture, String) {
    let f = fixture().await;
    f.identity.seed_staff(&Password::parse_new(PASSWORD.to_owned()).unwrap()).await.unwrap();
    let token = opened(&f, "staff", PASSWORD).await;
    (f, token)
}

async fn log_in(f: &Fixture, name: &str, password: &str) -> Answer {
    post(&f.router, "/v1/staff/sessions", "k", &json!({"email": name, "password": password})).await
}

async fn opened(f: &Fixture, name: &str, password: &str) -> String {
    log_in(f, name, password).await.json::<StaffSession>().token
}

async fn ask(f: &Fixture, method: Method, path: &str, token: &str, body: Value) -> Answer {
    let headers =
        [("x-session-token", token), ("content-type", "application/json"), ("idempotency-key", "add")];
    call(&f.router, method, path, &headers, Body::from(body.to_string())).await
}

async fn add(f: &Fixture, token: &str, name: &str, role: &str) -> Answer {
    let body = json!({"username": name, "role": role, "password": "the first long password"});
    ask(f, Method::POST, MEMBERS, token, body).await
}

async fn is_open(f: &Fixture, token: &str) -> bool {
    f.with_token(Method::GET, "/v1/staff/sessions/current", token).await.status.as_u16() == 200
}

#[tokio::test]
async fn a_manager_adds_a_member_once_who_logs_in_and_every_change_is_written_with_its_name() {
    let (f, staff) = managed().await;
    for _ in 0..2 {
        let added = add(&f, &staff, " Ada ", "clerk").await;
        assert_eq!(added.status.as_u16(), 201, "{}", added.text());
    }
    assert_eq!(log_in(&f, "ada", "the first long password").await.status.as_u16(), 201);
    f.clock.advance_seconds(10);
    ask(&f, Method::PUT, &format!("{ADA}/role"), &staff, json!({"role": "manager"})).await;
    let ada = opened(&f, "ada", "the first long password").await;
    ask(&f, Method::DELETE, "/v1/staff/members/staff", &ada, json!(null)).await;
    let changes: StaffChanges = f.with_token(Method::GET, "/v1/staff/changes", &ada).await.json();
    let told: Vec<_> = changes
        .changes
        .iter()
        .map(|it| {
            (it.actor.as_str(), it.what.as_str(), it.username.as_str(), it.before.as_str(), it.after.as_str())
        })
        .collect();
    let expected = [
        ("ada", "ended", "staff", "manager", ""),
        ("staff", "role", "ada", "clerk", "manager"),
        ("staff", "added", "ada", "", "clerk"),
    ];
    assert_eq!(told, expected);
    let members: StaffMembers = f.with_token(Method::GET, MEMBERS, &ada).await.json();
    let known: Vec<_> =
        members.members.iter().map(|it| (it.username.as_str(), it.role, it.ended_at.is_some())).collect();
    assert_eq!(known, [("ada", StaffRole::Manager, false), ("staff", StaffRole::Manager, true)]);
    let row: String = sqlx::query_scalar("SELECT string_agg(s::text, ' ') FROM staff s")
        .fetch_one(&f.db.pool)
        .await
        .unwrap();
    assert!(!row.contains("the first long password"), "{row}");
}

#[tokio::test]
async fn who_is_ended_is_logged_out_at_once_and_for_good_and_the_name_is_not_given_again() {
    let (f, staff) = managed().await;
    add(&f, &staff, "ada", "clerk").await;
    let ada = opened(&f, "ada", "the first long password").await;
    for _ in 0..2 {
        assert_eq!(ask(&f, Method::DELETE, ADA, &staff, json!(null)).await.status.as_u16(), 200);
        assert!(!is_open(&f, &ada).await);
    }
    assert_eq!(log_in(&f, "ada", "the first long password").await.status.as_u16(), 401);
    let headers =
        [("x-session-token", staff.as_str()), ("content-type", "application/json"), ("idempotency-key", "2")];
    let body = json!({"username": "ada", "role": "viewer", "password": "another long one"});
    let again = call(&f.router, Method::POST, MEMBERS, &headers, Body::from(body.to_string())).await;
    assert_eq!((again.status.as_u16(), fields(&again)), (409, vec!["username".to_owned()]));
    for (path, body) in
        [("role", json!({"role": "viewer"})), ("password", json!({"password": "another long one"}))]
    {
        let answer = ask(&f, Method::PUT, &format!("{ADA}/{path}"), &staff, body).await;
        assert_eq!(answer.status.as_u16(), 409, "{path}");
    }
    assert_eq!(f.scalar("SELECT count(*) FROM staff_changes").await, 2, "added and ended, once");
}

#[tokio::test]
async fn a_log_in_that_races_an_end_leaves_no_session_behind() {
    let (f, staff) = managed().await;
    for round in 0..8 {
        let name = format!("ada{round}");
        let headers = [
            ("x-session-token", staff.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", &name),
        ];
        let body = json!({"username": name, "role": "clerk", "password": "the first long password"});
        call(&f.router, Method::POST, MEMBERS, &headers, Body::from(body.to_string())).await;
        let path = format!("{MEMBERS}/{name}");
        tokio::join!(
            log_in(&f, &name, "the first long password"),
            ask(&f, Method::DELETE, &path, &staff, json!(null))
        );
    }
    assert_eq!(f.scalar("SELECT count(*) FROM staff_sessions WHERE username <> 'staff'").await, 0);
}

#[tokio::test]
async fn a_new_password_ends_every_session_and_the_old_one_is_worth_nothing() {
    let (f, staff) = managed().await;
    add(&f, &staff, "ada", "clerk").await;
    let ada = opened(&f, "ada", "the first long password").await;
    let short = ask(&f, Method::PUT, &format!("{ADA}/password"), &staff, json!({"password": "short"})).await;
    assert_eq!(fields(&short), ["password"]);
    let body = json!({"password": "the second long password"});
    assert_eq!(ask(&f, Method::PUT, &format!("{ADA}/password"), &staff, body).await.status.as_u16(), 200);
    assert!(!is_open(&f, &ada).await);
    assert_eq!(log_in(&f, "ada", "the first long password").await.status.as_u16(), 401);
    assert_eq!(log_in(&f, "ada", "the second long password").await.status.as_u16(), 201);
}

#[tokio::test]
async fn the_last_manager_stays_also_when_two_end_each_other_at_once() {
    let (f, staff) = managed().await;
    let own = "/v1/staff/members/staff";
    assert_eq!(ask(&f, Method::DELETE, own, &staff, json!(null)).await.code(), "conflict");
    let down = ask(&f, Method::PUT, &format!("{own}/role"), &staff, json!({"role": "clerk"})).await;
    assert_eq!(down.code(), "conflict");
    add(&f, &staff, "ada", "manager").await;
    let ada = opened(&f, "ada", "the first long password").await;
    let (one, two) = tokio::join!(
        ask(&f, Method::DELETE, ADA, &staff, json!(null)),
        ask(&f, Method::DELETE, own, &ada, json!(null))
    );
    assert_eq!([one, two].iter().filter(|answer| answer.status.is_success()).count(), 1);
    assert_eq!(f.scalar("SELECT count(*) FROM staff WHERE role = 'manager' AND ended_at IS NULL").await, 1);
}

#[tokio::test]
async fn only_managers_look_after_the_staff() {
    let (f, staff) = managed().await;
    add(&f, &staff, "ada", "clerk").await;
    let ada = opened(&f, "ada", "the first long password").await;
    let shopper = f.logged_in().await.token;
    for (token, status) in [(ada.as_str(), 403), (shopper.as_str(), 404), ("", 404), ("nonsense", 404)] {
        for (method, path, body) in [
            (Method::GET, MEMBERS, json!(null)),
            (Method::GET, "/v1/staff/changes", json!(null)),
            (
                Method::POST,
                MEMBERS,
                json!({"username": "bo", "role": "manager", "password": "a long enough one"}),
            ),
            (Method::PUT, "/v1/staff/members/ada/role", json!({"role": "manager"})),
            (Method::PUT, "/v1/staff/members/staff/password", json!({"password": "a long enough one"})),
            (Method::DELETE, "/v1/staff/members/staff", json!(null)),
        ] {
            let answer = ask(&f, method.clone(), path, token, body).await;
            assert_eq!(answer.status.as_u16(), status, "{method} {path} by {token}");
        }
    }
    assert_eq!(f.scalar("SELECT count(*) FROM staff").await, 2);
    let nobody = ask(&f, Method::PUT, "/v1/staff/members/bo/role", &staff, json!({"role": "viewer"})).await;
    assert_eq!(nobody.status.as_u16(), 404);
    let wrong = ask(&f, Method::DELETE, "/v1/staff/members/b%20o", &staff, json!(null)).await;
    assert_eq!(fields(&wrong), ["username"]);
}
