use serde_json::json;
use shop_contracts::AccountId;
use shop_contracts::events::IdentityEventKind;
use uuid::Uuid;

use crate::{PASSWORD, fields, fixture, path_of};

const NEW: &str = "another long enough one";

#[tokio::test]
async fn a_changed_password_ends_every_session_but_the_one_that_changed_it() {
    let f = fixture().await;
    let here = f.logged_in().await;
    let (here_again, there) = (f.open("kim").await, f.open("there").await);
    f.post("/v1/password-resets", &json!({"email": "kim@example.com"})).await;
    let path = path_of(here.account.id, "/password");
    let body = json!({"current": PASSWORD, "new": NEW, "keep_session_token": here.token});
    let answer = f.put(&path, &body).await;
    assert_eq!(answer.status.as_u16(), 204, "{}", answer.text());
    assert!(f.is_open(&here.token).await && f.is_open(&here_again.token).await);
    assert!(!f.is_open(&there.token).await);
    assert_eq!(f.log_in("kim@example.com", PASSWORD, None).await.status.as_u16(), 401);
    assert_eq!(f.log_in("kim@example.com", NEW, None).await.status.as_u16(), 201);
    assert_eq!(f.events().await.last().unwrap().kind, IdentityEventKind::PasswordChanged);
    assert_eq!(f.scalar("SELECT count(*) FROM password_resets").await, 0, "a mail under way is worthless");
}

#[tokio::test]
async fn without_a_session_to_keep_all_end() {
    let f = fixture().await;
    let here = f.logged_in().await;
    let body = json!({"current": PASSWORD, "new": NEW, "keep_session_token": "nonsense"});
    assert_eq!(f.put(&path_of(here.account.id, "/password"), &body).await.status.as_u16(), 204);
    assert!(!f.is_open(&here.token).await);
}

#[tokio::test]
async fn a_wrong_present_password_changes_nothing_and_guessing_is_slow() {
    let f = fixture().await;
    let here = f.logged_in().await;
    let path = path_of(here.account.id, "/password");
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(f.put(&path, &json!({"current": "a wrong one", "new": NEW})).await.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 429]);
    assert!(f.is_open(&here.token).await);
    f.clock.advance_seconds(300);
    assert_eq!(f.log_in("kim@example.com", PASSWORD, None).await.status.as_u16(), 201);
    assert_eq!(f.kinds().await, ["identity.registration_requested", "identity.registered"]);
}

#[tokio::test]
async fn a_new_password_must_be_long_enough_and_the_account_must_be_there() {
    let f = fixture().await;
    let here = f.logged_in().await;
    let path = path_of(here.account.id, "/password");
    assert_eq!(fields(&f.put(&path, &json!({"current": PASSWORD, "new": "short"})).await), ["new"]);
    assert_eq!(fields(&f.put(&path, &json!({"current": "", "new": NEW})).await), ["current"]);
    let nobody = path_of(AccountId::new(Uuid::from_u128(1)), "/password");
    assert_eq!(f.put(&nobody, &json!({"current": PASSWORD, "new": NEW})).await.status.as_u16(), 404);
}

#[tokio::test]
async fn of_two_changes_at_once_one_wins_and_no_session_of_the_old_password_is_left() {
    let f = fixture().await;
    let here = f.logged_in().await;
    let path = path_of(here.account.id, "/password");
    let bodies =
        ["first long enough", "second long enough"].map(|new| json!({"current": PASSWORD, "new": new}));
    let (one, two, racing) = tokio::join!(
        f.put(&path, &bodies[0]),
        f.put(&path, &bodies[1]),
        f.log_in("kim@example.com", PASSWORD, None)
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 401]);
    assert!(matches!(racing.status.as_u16(), 201 | 401));
    assert_eq!(f.scalar("SELECT count(*) FROM sessions").await, 0);
}
