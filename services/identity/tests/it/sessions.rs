use axum::http::Method;
use serde_json::json;
use shop_contracts::identity::{Session, SessionInfo, Sessions};
use shop_testkit::http::{delete, get, post};
use uuid::Uuid;

use crate::{Fixture, PASSWORD, fixture, kim, path_of};

async fn list(f: &Fixture, session: &Session) -> Sessions {
    let path = path_of(session.account.id, "/sessions");
    f.with_token(Method::GET, &path, &session.token).await.json()
}

#[tokio::test]
async fn a_session_is_looked_up_and_ended_by_a_header_and_still_by_the_old_path() {
    let f = fixture().await;
    let session = f.logged_in().await;
    let by_header: SessionInfo =
        f.with_token(Method::GET, "/v1/sessions/current", &session.token).await.json();
    let by_path: SessionInfo = get(&f.router, &format!("/v1/sessions/{}", session.token)).await.json();
    assert_eq!((by_header.account.id, &by_header), (session.account.id, &by_path));
    for _ in 0..2 {
        let ended = f.with_token(Method::DELETE, "/v1/sessions/current", &session.token).await;
        assert_eq!(ended.status.as_u16(), 204);
    }
    assert!(!f.is_open(&session.token).await);
    for nobody in ["", "nonsense", "current"] {
        let answer = f.with_token(Method::GET, "/v1/sessions/current", nobody).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "not_found".to_owned()), "{nobody}");
    }
    assert_eq!(get(&f.router, "/v1/sessions/current").await.status.as_u16(), 404);
}

#[tokio::test]
async fn sessions_are_listed_newest_first_each_once_and_without_their_tokens() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    let agent = "Firefox\u{7} 140";
    let body = json!({"email": "kim@example.com", "password": PASSWORD, "user_agent": agent});
    let first: Session = post(&f.router, "/v1/sessions", "first", &body).await.json();
    f.clock.advance_seconds(10);
    // Repeated: two tokens, one session.
    f.open("second").await;
    let second = f.open("second").await;
    let sessions = list(&f, &second).await.sessions;
    let seen: Vec<_> = sessions.iter().map(|s| (s.user_agent.as_str(), s.current)).collect();
    assert_eq!(seen, [("", true), ("Firefox 140", false)]);
    assert!(sessions[0].created_at > sessions[1].created_at);
    let text = serde_json::to_string(&sessions).unwrap();
    assert!(!text.contains(&first.token) && !text.contains(&second.token), "{text}");
    let nobodys: Sessions = get(&f.router, &path_of(second.account.id, "/sessions")).await.json();
    assert!(nobodys.sessions.iter().all(|session| !session.current));
}

#[tokio::test]
async fn a_long_user_agent_is_shortened() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    let body = json!({"email": "kim@example.com", "password": PASSWORD, "user_agent": "🦀".repeat(3000)});
    let session: Session = post(&f.router, "/v1/sessions", "k", &body).await.json();
    assert_eq!(list(&f, &session).await.sessions[0].user_agent, "🦀".repeat(100));
}

#[tokio::test]
async fn one_session_is_revoked_by_its_public_id_under_all_its_tokens() {
    let f = fixture().await;
    let here = f.logged_in().await;
    let there = f.open("there").await;
    let there_again = f.open("there").await;
    let sessions = list(&f, &here).await.sessions;
    let other = sessions.iter().find(|session| !session.current).unwrap().id;
    let path = |account, id: Uuid| path_of(account, &format!("/sessions/{id}"));
    let stranger = shop_contracts::AccountId::new(Uuid::from_u128(1));
    assert_eq!(delete(&f.router, &path(stranger, other)).await.status.as_u16(), 204);
    assert!(f.is_open(&there.token).await, "nobody ends a stranger's session");
    for _ in 0..2 {
        assert_eq!(delete(&f.router, &path(here.account.id, other)).await.status.as_u16(), 204);
    }
    assert!(f.is_open(&here.token).await);
    assert!(!f.is_open(&there.token).await && !f.is_open(&there_again.token).await);
}

#[tokio::test]
async fn when_a_session_was_seen_is_written_at_most_once_a_minute() {
    let f = fixture().await;
    for sql in [
        "CREATE TABLE session_writes (at timestamptz DEFAULT clock_timestamp())",
        "CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO session_writes DEFAULT VALUES; RETURN NULL; END $$",
        "CREATE TRIGGER note_writes AFTER UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION note_write()",
    ] {
        sqlx::query(sql).execute(&f.db.pool).await.unwrap();
    }
    let session = f.logged_in().await;
    let seen = async || list(&f, &session).await.sessions[0].last_seen_at;
    let opened = seen().await;
    f.clock.advance_seconds(59);
    f.is_open(&session.token).await;
    assert_eq!(seen().await, opened);
    f.clock.advance_seconds(1);
    let before = updates(&f).await;
    futures::future::join_all((0..8).map(|_| f.is_open(&session.token))).await;
    assert_eq!((seen().await - opened).num_seconds(), 60);
    assert_eq!(updates(&f).await - before, 1, "of eight who see it at once one writes");
    f.clock.advance_seconds(30);
    futures::future::join_all((0..8).map(|_| f.is_open(&session.token))).await;
    assert_eq!(updates(&f).await - before, 1, "no write within the minute");
}

/// Writes to sessions, as a trigger counts them.
async fn updates(f: &Fixture) -> i64 {
    f.scalar("SELECT count(*) FROM session_writes").await
}
