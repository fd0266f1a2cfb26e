use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use shop_contracts::events::IdentityEventKind;
use shop_contracts::identity::Registered;
use shop_identity::throttle::Limits;
use shop_identity::wiring::REGISTER;
use shop_testkit::http::call;

use crate::{PASSWORD, fields, fixture, fixture_with, kim};

#[tokio::test]
async fn who_registers_gets_a_mail_and_no_account_before_it_is_confirmed() {
    let f = fixture().await;
    let answer = f.register("k", &kim()).await;
    assert_eq!(answer.status.as_u16(), 201, "{}", answer.text());
    assert_eq!(answer.json::<Registered>().email, "kim@example.com");
    let events = f.events().await;
    assert_eq!((events.len(), events[0].kind), (1, IdentityEventKind::RegistrationRequested));
    assert_eq!((events[0].email.as_str(), events[0].name.as_str()), ("kim@example.com", "Kim Harbour"));
    assert_eq!(f.scalar("SELECT count(*) FROM accounts").await, 0);
    assert_eq!(f.log_in("kim@example.com", PASSWORD, None).await.status.as_u16(), 401);
    assert!(f.metrics().await.contains("shop_registration_attempts_total{outcome=\"requested\"} 1"));
}

#[tokio::test]
async fn password_and_token_are_kept_as_hashes_and_nowhere_else() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    let token = f.mailed_token(IdentityEventKind::RegistrationRequested).await;
    for table in ["accounts", "pending_registrations"] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT {table}::text FROM {table}"));
        let row: String = sqlx::query_scalar(sql).fetch_one(&f.db.pool).await.unwrap();
        assert!(row.contains("$argon2id$") && !row.contains(PASSWORD) && !row.contains(&token), "{row}");
    }
}

#[tokio::test]
async fn the_same_request_many_times_at_once_is_one_mail() {
    let f = fixture().await;
    let body = kim();
    let answers = futures::future::join_all((0..12).map(|_| f.register("k", &body))).await;
    assert!(answers.iter().all(|answer| answer.status.as_u16() == 201));
    assert_eq!(f.kinds().await, ["identity.registration_requested"]);
}

#[tokio::test]
async fn neither_the_answer_nor_a_log_in_after_it_tells_who_has_an_account() {
    let f = fixture().await;
    f.confirmed("one", &kim()).await;
    let other =
        |email: &str| json!({"email": email, "display_name": "Mallory", "password": "another long one"});
    for _ in 0..2 {
        let (known, unknown) = (
            f.register("two", &other("KIM@EXAMPLE.COM")).await,
            f.register("three", &other("bo@example.com")).await,
        );
        assert_eq!((known.status, unknown.status), (StatusCode::CREATED, StatusCode::CREATED));
        assert_eq!(known.text().replace("kim@", "bo@"), unknown.text());
    }
    for email in ["kim@example.com", "bo@example.com"] {
        assert_eq!(f.log_in(email, "another long one", None).await.status.as_u16(), 401, "{email}");
    }
    let events = f.events().await.split_off(2);
    let told: Vec<_> = events.iter().map(|event| (event.kind, event.name.as_str())).collect();
    let expected = [
        (IdentityEventKind::AlreadyRegistered, "Kim Harbour"),
        (IdentityEventKind::RegistrationRequested, "Mallory"),
    ];
    assert_eq!(told, expected, "once each, an owner by the owner's own name");
    assert_eq!(f.log_in("kim@example.com", PASSWORD, None).await.status.as_u16(), 201);
}

#[tokio::test]
async fn whoever_registers_costs_one_hash_and_the_same_rows_whether_the_address_is_known_or_not() {
    let f = fixture().await;
    f.confirmed("kim", &kim()).await;
    let costs = async |key: &str, body: &Value| {
        let rows = "SELECT (SELECT count(*) FROM registrations) + (SELECT count(*) FROM pending_registrations) \
                    + (SELECT count(*) FROM outbox)";
        let before = (f.identity.passwords.worked_on(), f.scalar(rows).await);
        f.register(key, body).await;
        (f.identity.passwords.worked_on() - before.0, f.scalar(rows).await - before.1)
    };
    let mut stranger = kim();
    stranger["email"] = json!("bo@example.com");
    assert_eq!((costs("known", &kim()).await, costs("unknown", &stranger).await), ((1, 3), (1, 3)));
}

#[tokio::test]
async fn a_key_for_another_address_or_name_is_refused() {
    let f = fixture().await;
    f.register("k", &kim()).await;
    for (field, value) in [("email", "bo@example.com"), ("display_name", "Bo")] {
        let mut other = kim();
        other[field] = json!(value);
        let answer = f.register("k", &other).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "key_reused".to_owned()), "{field}");
    }
    assert_eq!(f.kinds().await, ["identity.registration_requested"]);
}

#[tokio::test]
async fn a_key_of_the_version_before_is_still_known() {
    let f = fixture().await;
    f.confirmed("new", &kim()).await;
    for sql in ["DELETE FROM registrations", "UPDATE accounts SET idempotency_key = 'k'"] {
        sqlx::query(sql).execute(&f.db.pool).await.unwrap();
    }
    assert_eq!(f.register("k", &kim()).await.status.as_u16(), 201);
    let mut other = kim();
    other["email"] = json!("bo@example.com");
    assert_eq!(f.register("k", &other).await.code(), "key_reused");
    assert_eq!(f.kinds().await.len(), 2, "nobody is written to again");
}

#[tokio::test]
async fn a_machine_that_registers_too_often_waits() {
    let limits = Limits { max_per_pair: Some(2), max_per_address: 3, ..REGISTER };
    let f = fixture_with(limits).await;
    let from = |email: &str, address: &str| json!({"email": email, "display_name": "Kim", "password": PASSWORD, "client_address": address});
    let statuses = async |tries: &[(&str, &str)]| {
        let mut statuses = Vec::new();
        for (i, (email, address)) in tries.iter().enumerate() {
            let key = format!("{email}{i}");
            statuses.push(f.register(&key, &from(email, address)).await.status.as_u16());
        }
        statuses
    };
    let one_address =
        [("a@example.com", "10.0.0.1"), ("a@example.com", "10.0.0.1"), ("a@example.com", "10.0.0.1")];
    assert_eq!(statuses(&one_address).await, [201, 201, 429]);
    let one_machine =
        [("b@example.com", "10.0.0.2"), ("c@example.com", "10.0.0.2"), ("d@example.com", "10.0.0.2")];
    assert_eq!(statuses(&one_machine).await, [201, 201, 201]);
    let one_machine = [("f@example.com", "10.0.0.1"), ("g@example.com", "10.0.0.1")];
    assert_eq!(statuses(&one_machine).await, [201, 429]);
    assert_eq!(statuses(&[("e@example.com", "10.0.0.9")]).await, [201], "others are not held up");
    assert!(f.metrics().await.contains("shop_registration_attempts_total{outcome=\"throttled\"} 2"));
    f.clock.advance_seconds(900);
    assert_eq!(statuses(&[("d@example.com", "10.0.0.1")]).await, [201]);
    let waiting = f.register("more", &from("d@example.com", "10.0.0.1")).await;
    assert_eq!(waiting.status.as_u16(), 201);
}

#[tokio::test]
async fn strangers_use_up_nobody_s_registration() {
    let f = fixture_with(REGISTER).await;
    let from = |address: &str| {
        let mut body = kim();
        body["client_address"] = json!(address);
        body
    };
    for n in 0..=20 {
        let address = format!("10.0.0.{}", n % 7);
        assert_eq!(f.register(&format!("stranger {n}"), &from(&address)).await.status.as_u16(), 201);
    }
    let own = f.register("kim", &from("10.0.1.1")).await;
    assert_eq!(own.status.as_u16(), 201, "{}", own.text());
    let token = f.mailed_token(IdentityEventKind::RegistrationRequested).await;
    assert_eq!(f.confirm(&token, PASSWORD).await.status.as_u16(), 201);
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

#[tokio::test]
async fn a_password_that_is_the_address_is_none_and_a_name_does_not_turn_its_line_around() {
    let f = fixture().await;
    for (field, value) in
        [("password", " Kim@Example.com"), ("display_name", "Kim \u{202e}"), ("display_name", "K\u{2028}m")]
    {
        let mut body = kim();
        body[field] = json!(value);
        let refused = f.register("k", &body).await;
        assert_eq!(refused.status.as_u16(), 422, "{field}: {}", refused.text());
        assert_eq!(fields(&refused), [field]);
    }
    assert_eq!(f.scalar("SELECT count(*) FROM accounts").await, 0);
}
