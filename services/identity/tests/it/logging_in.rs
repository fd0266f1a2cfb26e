use serde_json::Value;
use shop_contracts::identity::{Session, SessionInfo};
use shop_identity::workers;
use shop_testkit::http::{delete, get};

use crate::{DAYS, PASSWORD, fields, fixture, kim, log_in};

#[tokio::test]
async fn the_right_password_opens_a_session_that_can_be_looked_up() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    let answer = f.log_in(" KIM@example.com", PASSWORD, None).await;
    assert_eq!(answer.status.as_u16(), 201, "{}", answer.text());
    let session: Session = answer.json();
    assert_eq!(session.token.len(), 43);
    let info: SessionInfo = get(&f.router, &format!("/v1/sessions/{}", session.token)).await.json();
    assert_eq!((info.account, info.expires_at), (session.account, session.expires_at));
    assert!(f.metrics().await.contains("shop_login_attempts_total{outcome=\"success\"} 1"));
}

#[tokio::test]
async fn a_token_is_kept_as_its_hash_only() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    let session: Session = f.log_in("kim@example.com", PASSWORD, None).await.json();
    let row: String =
        sqlx::query_scalar("SELECT sessions::text FROM sessions").fetch_one(&f.db.pool).await.unwrap();
    assert!(!row.contains(&session.token), "{row}");
}

#[tokio::test]
async fn wrong_password_and_unknown_address_are_one_answer() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    let wrong = f.log_in("kim@example.com", "a wrong password", None).await;
    let unknown = f.log_in("nobody@example.com", "a wrong password", None).await;
    assert_eq!((wrong.status.as_u16(), wrong.code()), (401, "unauthenticated".to_owned()));
    let without_trace = |answer: &Value| {
        let mut answer = answer.clone();
        answer.as_object_mut().unwrap().remove("trace_id");
        answer
    };
    assert_eq!(without_trace(&wrong.json()), without_trace(&unknown.json()));
    assert!(f.metrics().await.contains("shop_login_attempts_total{outcome=\"invalid\"} 2"));
}

#[tokio::test]
async fn a_session_ends_at_its_time_and_leaves_the_table() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    let session: Session = f.log_in("kim@example.com", PASSWORD, None).await.json();
    let path = format!("/v1/sessions/{}", session.token);
    f.clock.advance_seconds(DAYS as i64 * 86_400 - 1);
    assert_eq!(get(&f.router, &path).await.status.as_u16(), 200);
    workers::once(&f.identity).await.unwrap();
    assert_eq!(f.scalar("SELECT count(*) FROM sessions").await, 1);
    f.clock.advance_seconds(1);
    let over = get(&f.router, &path).await;
    assert_eq!((over.status.as_u16(), over.code()), (404, "not_found".to_owned()));
    assert_eq!(workers::once(&f.identity).await.unwrap(), 1);
    assert_eq!(f.scalar("SELECT count(*) FROM sessions").await, 0);
}

#[tokio::test]
async fn logging_out_ends_this_session_alone_and_repeats_harmlessly() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    let here: Session = log_in(&f.router, "here", "kim@example.com", PASSWORD, None).await.json();
    let there: Session = log_in(&f.router, "there", "kim@example.com", PASSWORD, None).await.json();
    let path = |session: &Session| format!("/v1/sessions/{}", session.token);
    for _ in 0..2 {
        assert_eq!(delete(&f.router, &path(&here)).await.status.as_u16(), 204);
    }
    assert_eq!(get(&f.router, &path(&here)).await.status.as_u16(), 404);
    assert_eq!(get(&f.router, &path(&there)).await.status.as_u16(), 200);
    assert_eq!(get(&f.router, "/v1/sessions/nonsense").await.status.as_u16(), 404);
    assert_eq!(delete(&f.router, "/v1/sessions/nonsense").await.status.as_u16(), 204);
}

#[tokio::test]
async fn a_repeated_log_in_leaves_nothing_open_after_the_log_out() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    let first: Session = log_in(&f.router, "same", "kim@example.com", PASSWORD, None).await.json();
    let again: Session = log_in(&f.router, "same", "kim@example.com", PASSWORD, None).await.json();
    assert_eq!(delete(&f.router, &format!("/v1/sessions/{}", again.token)).await.status.as_u16(), 204);
    assert_eq!(get(&f.router, &format!("/v1/sessions/{}", first.token)).await.status.as_u16(), 404);
}

#[tokio::test]
async fn sessions_of_an_account_are_bounded_and_the_oldest_goes_first() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    let first: Session = log_in(&f.router, "first", "kim@example.com", PASSWORD, None).await.json();
    sqlx::query(
        "INSERT INTO sessions (token_digest, account_id, idempotency_key, created_at, expires_at) \
         SELECT sha256(i::text::bytea), account_id, i::text, created_at + interval '1 second', expires_at \
         FROM sessions, generate_series(1, 49) AS i",
    )
    .execute(&f.db.pool)
    .await
    .unwrap();
    f.clock.advance_seconds(5);
    log_in(&f.router, "last", "kim@example.com", PASSWORD, None).await;
    assert_eq!(f.scalar("SELECT count(*) FROM sessions").await, 50);
    assert_eq!(get(&f.router, &format!("/v1/sessions/{}", first.token)).await.status.as_u16(), 404);
}

#[tokio::test]
async fn what_is_no_log_in_names_the_field() {
    let f = fixture().await;
    let answer = f.log_in("kim", "", None).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (422, "invalid".to_owned()));
    assert_eq!(fields(&answer), ["email", "password"]);
    assert_eq!(fields(&f.log_in("kim@example.com", &"x".repeat(300), None).await), ["password"]);
}
