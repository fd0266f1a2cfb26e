//! The staff as managers look after it.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use shop_contracts::identity::StaffRole;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, ResponseTemplate};

use crate::stage::Stage;

impl Stage {
    /// Identity knows the manager and a clerk, and answers every change with the clerk.
    async fn has_people(&self) {
        let at = "2026-01-01T00:00:00Z";
        let bo = json!({"username": "bo", "role": "clerk", "created_at": at});
        let gone = json!({"username": "cy", "role": "viewer", "created_at": at, "ended_at": at});
        let ada = json!({"username": "ada", "role": "manager", "created_at": at});
        let change = json!({"at": at, "actor": "ada", "username": "bo", "what": "role", "before": "viewer", "after": "clerk"});
        for (verb, to, status, body) in [
            ("GET", "/v1/staff/members", 200, json!({"members": [ada, bo, gone]})),
            ("GET", "/v1/staff/changes", 200, json!({"changes": [change]})),
            ("POST", "/v1/staff/members", 201, bo.clone()),
            ("PUT", "/v1/staff/members/bo/role", 200, bo.clone()),
            ("PUT", "/v1/staff/members/bo/password", 200, bo.clone()),
            ("PUT", "/v1/staff/members/ada/password", 200, ada.clone()),
            ("DELETE", "/v1/staff/members/bo", 200, bo.clone()),
        ] {
            let answer = ResponseTemplate::new(status).set_body_json(body);
            Mock::given(method(verb)).and(path(to)).respond_with(answer).mount(&self.identity).await;
        }
    }

    /// What identity was asked to change: method, path, body, key; each by the manager's session.
    async fn people_changed(&self) -> Vec<(String, String, Value, Option<String>)> {
        let asked = self.identity.received_requests().await.unwrap();
        let changes = asked
            .iter()
            .filter(|one| one.url.path().starts_with("/v1/staff/members") && one.method.as_str() != "GET");
        changes
            .map(|one| {
                assert_eq!(one.headers["x-session-token"], "s3cret-token", "identity decides by the session");
                let key = one.headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned());
                let body = serde_json::from_slice(&one.body).unwrap_or(Value::Null);
                (one.method.to_string(), one.url.path().to_owned(), body, key)
            })
            .collect()
    }
}

#[tokio::test]
async fn a_manager_adds_a_member_once_however_often_the_button_is_pressed() {
    let stage = Stage::set().await;
    let manager = stage.staff(StaffRole::Manager).await;
    stage.has_people().await;
    let shown = manager.open("/staff/people").await.text();
    assert!(shown.contains("href=\"/staff/people/bo\"") && shown.contains("from viewer to clerk"), "{shown}");
    let short = [("username", "dee"), ("role", "clerk"), ("password", "short")];
    let refused = manager.submit("/staff/people", "/staff/people", &short).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("value=\"dee\"") && !refused.text().contains("short\""));
    let fine = [("username", "dee"), ("role", "clerk"), ("password", "a long enough one")];
    let added = manager.submit("/staff/people", "/staff/people", &fine).await;
    assert_eq!(added.headers["location"], "/staff/people?done=new", "{}", added.text());
    let sent = stage.people_changed().await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].2, json!({"username": "dee", "role": "clerk", "password": "a long enough one"}));
    assert_eq!(sent[0].3.as_deref().map(str::len), Some(32), "the key was minted with the page");
}

#[tokio::test]
async fn a_manager_changes_role_and_password_and_ends_a_member() {
    let stage = Stage::set().await;
    let manager = stage.staff(StaffRole::Manager).await;
    stage.has_people().await;
    let page = "/staff/people/bo";
    for (action, fields, done) in [
        ("role", vec![("role", "viewer")], "role"),
        ("password", vec![("password", "a long enough one")], "password"),
        ("end", vec![], "end"),
    ] {
        let answer = manager.submit(page, &format!("{page}/{action}"), &fields).await;
        assert_eq!(answer.headers["location"].to_str().unwrap(), format!("{page}?done={done}"), "{action}");
    }
    let sent: Vec<_> =
        stage.people_changed().await.into_iter().map(|(verb, to, body, _)| (verb, to, body)).collect();
    let of = |verb: &str, rest: &str, body| (verb.to_owned(), format!("/v1/staff/members/bo{rest}"), body);
    assert_eq!(
        sent,
        [
            of("PUT", "/role", json!({"role": "viewer"})),
            of("PUT", "/password", json!({"password": "a long enough one"})),
            of("DELETE", "", Value::Null),
        ]
    );
    let own = manager
        .submit("/staff/people/ada", "/staff/people/ada/password", &[("password", "a long enough one")])
        .await;
    assert_eq!(own.headers["location"], "/staff/login", "the own session ended too");
    let ended = manager.open("/staff/people/cy").await.text();
    assert!(ended.contains("Ended") && !ended.contains("end-form"));
    for nobody in ["/staff/people/nobody", "/staff/people/%00", "/staff/people/A"] {
        assert_eq!(manager.open(nobody).await.status, StatusCode::NOT_FOUND, "{nobody}");
    }
}

#[tokio::test]
async fn a_refusal_about_the_last_manager_is_said_on_the_page() {
    let stage = Stage::set().await;
    let manager = stage.staff(StaffRole::Manager).await;
    stage.has_people().await;
    let last = json!({"status": 409, "code": "conflict", "detail": "this is the last manager"});
    let last = ResponseTemplate::new(409).set_body_json(last);
    Mock::given(method("DELETE")).respond_with(last).with_priority(1).mount(&stage.identity).await;
    let answer = manager.submit("/staff/people/ada", "/staff/people/ada/end", &[]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.text().contains("this is the last manager"));
}

#[tokio::test]
async fn others_neither_see_people_nor_change_them() {
    for role in [StaffRole::Viewer, StaffRole::Clerk] {
        let stage = Stage::set().await;
        let clerk = stage.staff(role).await;
        stage.has_people().await;
        stage.stock_is_known().await;
        let stock = clerk.open("/staff/stock").await.text();
        assert!(!stock.contains("/staff/people"), "no way to what is not allowed");
        let csrf = crate::stage::hidden_fields(&stock, "/staff/logout").remove(0).1;
        for page in ["/staff/people", "/staff/people/bo"] {
            assert_eq!(clerk.open(page).await.status, StatusCode::FORBIDDEN, "{page}");
        }
        for to in
            ["/staff/people", "/staff/people/bo/role", "/staff/people/bo/password", "/staff/people/bo/end"]
        {
            let form = format!("csrf={csrf}&username=x&role=manager&password=a+long+enough+one");
            let forced = clerk.send(Method::POST, to, form, "same-origin").await;
            assert_eq!(forced.status, StatusCode::FORBIDDEN, "{to}");
        }
        assert!(stage.people_changed().await.is_empty());
    }
}

#[tokio::test]
async fn a_role_that_was_taken_away_a_moment_ago_is_not_allowed_and_no_fault_of_ours() {
    let forbidden = || ResponseTemplate::new(403).set_body_json(json!({"status": 403, "code": "forbidden"}));
    let (bo, long) = ("/staff/people/bo", ("password", "a long enough one"));
    for (page, to, fields) in [
        ("/staff/people", "/staff/people", vec![("username", "dee"), ("role", "clerk"), long]),
        (bo, "/staff/people/bo/role", vec![("role", "viewer")]),
        (bo, "/staff/people/bo/password", vec![long]),
        (bo, "/staff/people/bo/end", vec![]),
    ] {
        let stage = Stage::set().await;
        let manager = stage.staff(StaffRole::Manager).await;
        stage.has_people().await;
        for verb in ["POST", "PUT", "DELETE"] {
            let changes = Mock::given(method(verb)).and(path_regex("^/v1/staff/members"));
            changes.respond_with(forbidden()).with_priority(1).mount(&stage.identity).await;
        }
        let answer = manager.submit(page, to, &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{to}");
        assert!(answer.text().contains("Not with your role"), "{to}");
    }
    let stage = Stage::set().await;
    let manager = stage.staff(StaffRole::Manager).await;
    let looks = Mock::given(method("GET")).and(path_regex("^/v1/staff/(members|changes)$"));
    looks.respond_with(forbidden()).with_priority(1).mount(&stage.identity).await;
    for page in ["/staff/people", bo] {
        assert_eq!(manager.open(page).await.status, StatusCode::FORBIDDEN, "{page}");
    }
}
