use axum::body::Body;
use axum::http::Method;
use shop_contracts::identity::Session;
use shop_instrumentation::registry;
use shop_testkit::http::{call, get};

use crate::{PASSWORD, fixture, kim};

#[tokio::test]
async fn without_redis_people_register_log_in_and_guessing_is_still_slow() {
    let mut f = fixture().await;
    f.redis.stop().await;
    f.confirmed("k", &kim()).await;
    let opened = f.log_in("kim@example.com", PASSWORD, Some("10.0.0.1")).await;
    assert_eq!(opened.status.as_u16(), 201, "{}", opened.text());
    let session: Session = opened.json();
    assert_eq!(get(&f.router, &format!("/v1/sessions/{}", session.token)).await.status.as_u16(), 200);
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(f.log_in("kim@example.com", "a wrong password", None).await.status.as_u16());
    }
    assert_eq!(answers, [401, 401, 401, 429]);
}

#[tokio::test]
async fn a_try_that_nobody_could_judge_does_not_count() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    sqlx::query("ALTER TABLE accounts RENAME TO gone").execute(&f.db.pool).await.unwrap();
    for _ in 0..5 {
        let answer = f.log_in("kim@example.com", PASSWORD, Some("10.0.0.1")).await;
        assert_eq!(answer.status.as_u16(), 500);
        assert!(!answer.text().contains("relation"), "no SQL leaves the process: {}", answer.text());
    }
    sqlx::query("ALTER TABLE gone RENAME TO accounts").execute(&f.db.pool).await.unwrap();
    assert_eq!(f.log_in("kim@example.com", PASSWORD, Some("10.0.0.1")).await.status.as_u16(), 201);
}

#[tokio::test]
async fn errors_fault_fails_log_ins_until_it_is_switched_off() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    let auth = [("authorization", "Bearer test"), ("content-type", "application/json")];
    let body = Body::from(r#"{"ttl_seconds":60,"ratio":1.0}"#);
    let on = call(&f.router, Method::PUT, "/faults/identity.errors", &auth, body).await;
    assert!(on.status.is_success(), "{}", on.text());
    assert_eq!(f.log_in("kim@example.com", PASSWORD, None).await.status.as_u16(), 500);
    call(&f.router, Method::DELETE, "/faults/identity.errors", &auth, Body::empty()).await;
    assert_eq!(f.log_in("kim@example.com", PASSWORD, None).await.status.as_u16(), 201);
}

#[tokio::test]
async fn every_metric_is_declared_and_every_declared_one_is_there() {
    let f = fixture().await;
    f.log_in("kim@example.com", PASSWORD, None).await;
    let text = f.metrics().await;
    assert_eq!(registry::undeclared("identity", &text), Vec::<String>::new());
    assert_eq!(registry::missing("identity", &text), Vec::<String>::new());
}
