use axum::http::Method;
use serde_json::json;
use shop_contracts::identity::{StaffMember, StaffRole, StaffSession};
use shop_identity::credentials::Password;
use shop_identity::{wiring, workers};
use shop_instrumentation::Boot;
use shop_instrumentation::config::Env;
use shop_testkit::TestDb;
use shop_testkit::http::{Answer, post};

use crate::{Fixture, PASSWORD, fixture, kim};

const CURRENT: &str = "/v1/staff/sessions/current";

async fn log_in(f: &Fixture, name: &str, password: &str) -> Answer {
    post(&f.router, "/v1/staff/sessions", "k", &json!({"email": name, "password": password})).await
}

async fn seeded() -> Fixture {
    let f = fixture().await;
    f.identity.seed_staff(&Password::parse_new(PASSWORD.to_owned()).unwrap()).await.unwrap();
    f
}

#[tokio::test]
async fn the_first_member_is_a_manager_and_logs_in_for_eight_hours() {
    let f = seeded().await;
    let opened = log_in(&f, " Staff ", PASSWORD).await;
    assert_eq!(opened.status.as_u16(), 201, "{}", opened.text());
    let session: StaffSession = opened.json();
    let member = StaffMember { username: "staff".to_owned(), role: StaffRole::Manager };
    assert_eq!(session.staff, member);
    f.clock.advance_seconds(8 * 3600 - 1);
    let info: StaffMember = f.with_token(Method::GET, CURRENT, &session.token).await.json();
    assert_eq!(info, member);
    f.clock.advance_seconds(1);
    assert_eq!(f.with_token(Method::GET, CURRENT, &session.token).await.status.as_u16(), 404);
    assert_eq!(workers::once(&f.identity).await.unwrap(), 1);
    let row: String =
        sqlx::query_scalar("SELECT staff::text FROM staff").fetch_one(&f.db.pool).await.unwrap();
    assert!(row.contains("$argon2id$") && !row.contains(PASSWORD), "{row}");
}

#[tokio::test]
async fn a_second_seed_changes_nothing() {
    let f = seeded().await;
    f.identity.seed_staff(&Password::parse_new("another long one".to_owned()).unwrap()).await.unwrap();
    assert_eq!(log_in(&f, "staff", "another long one").await.status.as_u16(), 401);
    assert_eq!(log_in(&f, "staff", PASSWORD).await.status.as_u16(), 201);
}

#[tokio::test]
async fn logging_out_ends_the_session_and_repeats_harmlessly() {
    let f = seeded().await;
    let (one, two): (StaffSession, StaffSession) =
        (log_in(&f, "staff", PASSWORD).await.json(), log_in(&f, "staff", PASSWORD).await.json());
    for _ in 0..2 {
        assert_eq!(f.with_token(Method::DELETE, CURRENT, &one.token).await.status.as_u16(), 204);
    }
    assert_eq!(
        f.with_token(Method::GET, CURRENT, &two.token).await.status.as_u16(),
        404,
        "a repeated log-in"
    );
    assert_eq!(f.with_token(Method::GET, CURRENT, "nonsense").await.status.as_u16(), 404);
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_one_answer_and_guessing_is_slow() {
    let f = seeded().await;
    for name in ["staff", "nobody"] {
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(log_in(&f, name, "a wrong password").await.status.as_u16());
        }
        assert_eq!(statuses, [401, 401, 401, 429], "{name}");
    }
    assert_eq!(log_in(&f, "staff", PASSWORD).await.status.as_u16(), 429);
    assert!(f.metrics().await.contains("shop_staff_login_attempts_total{outcome=\"throttled\"} 3"));
    f.clock.advance_seconds(300);
    assert_eq!(log_in(&f, "staff", PASSWORD).await.status.as_u16(), 201);
}

#[tokio::test]
async fn shoppers_are_no_staff_and_staff_no_shoppers() {
    let f = seeded().await;
    let shopper = f.logged_in().await;
    assert_eq!(log_in(&f, "kim@example.com", PASSWORD).await.status.as_u16(), 422);
    assert_eq!(f.with_token(Method::GET, CURRENT, &shopper.token).await.status.as_u16(), 404);
    let staff: StaffSession = log_in(&f, "staff", PASSWORD).await.json();
    assert!(!f.is_open(&staff.token).await);
    assert_eq!(f.log_in("staff", PASSWORD, None).await.status.as_u16(), 422);
    assert_eq!(kim()["password"], PASSWORD, "the same password for both");
}

#[tokio::test]
async fn the_service_seeds_the_first_member_from_a_file() {
    let (db, f) = tokio::join!(TestDb::empty(), fixture());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("staff-password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let env = Env::from_pairs([
        ("DATABASE_URL", db.url.clone()),
        ("REDIS_URL", f.redis.url.clone()),
        ("ORDERS_URLS", "http://127.0.0.1:1".to_owned()),
        ("STAFF_PASSWORD_FILE", file.display().to_string()),
    ]);
    let boot = Boot::for_tests("identity", env).unwrap();
    let stop = boot.shutdown.clone();
    let _app = wiring::start(boot).await.unwrap();
    let names: Vec<String> =
        sqlx::query_scalar("SELECT username || ' ' || role FROM staff").fetch_all(&db.pool).await.unwrap();
    assert_eq!(names, ["staff manager"]);
    stop.cancel();
}

#[tokio::test]
async fn strangers_keep_no_member_out() {
    let f = seeded().await;
    let from = async |address: &str, password: &str| {
        let body = json!({"email": "staff", "password": password, "client_address": address});
        post(&f.router, "/v1/staff/sessions", "k", &body).await.status.as_u16()
    };
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(from("10.0.0.1", "a wrong password").await);
    }
    assert_eq!(statuses, [401, 401, 401, 429]);
    assert_eq!(from("10.0.0.9", PASSWORD).await, 201);
}
