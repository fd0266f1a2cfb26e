//! Several consoles on one database.

use console_state::{AdminChange, LoginError, Place, PostgresConfig, State};
use futures::future::join_all;
use shop_testkit::TestDb;

use crate::harness::{Bench, HOME, NOW, PASSWORD, config};

async fn another(b: &Bench) -> State {
    State::open(b.kept.config()).await.unwrap()
}

#[tokio::test]
async fn a_session_of_one_console_is_one_of_the_other_and_ends_on_both() {
    let b = Bench::in_postgres().await;
    let other = another(&b).await;
    let token = b.token(NOW).await;
    let (here, there) =
        (b.state.find_session(&token, NOW).await.unwrap(), other.find_session(&token, NOW).await.unwrap());
    assert!(here.is_some());
    assert_eq!(here, there);
    other.log_out(&token).await.unwrap();
    assert!(b.state.find_session(&token, NOW).await.unwrap().is_none());
    let token = b.token(NOW).await;
    assert!(b.state.find_session(&token, NOW).await.unwrap().is_some());
    assert_eq!(other.ensure_admin("admin", "another one", NOW).await.unwrap(), AdminChange::PasswordChanged);
    assert!(b.state.find_session(&token, NOW).await.unwrap().is_none());
}

#[tokio::test]
async fn wrong_log_ins_are_counted_over_all_consoles_and_forgiven_on_all() {
    let b = Bench::in_postgres().await;
    let other = another(&b).await;
    let wrong = async |state: &State| state.log_in("admin", "no", HOME, NOW).await;
    assert!(matches!(wrong(&b.state).await, Err(LoginError::Wrong)));
    assert!(b.log_in(NOW).await.is_ok());
    assert!(matches!(wrong(&b.state).await, Err(LoginError::Wrong)));
    assert!(matches!(wrong(&other).await, Err(LoginError::Wrong)));
    assert!(matches!(b.log_in(NOW).await, Err(LoginError::Throttled { retry_after_seconds: 60 })));
    let b = b.reopen().await;
    assert!(matches!(b.log_in(NOW).await, Err(LoginError::Throttled { .. })), "a restart does not forget");
    assert!(b.log_in(NOW + 60_000).await.is_ok());
}

#[tokio::test]
async fn counted_users_and_addresses_are_bounded() {
    let mut b = Bench::in_postgres().await;
    let mut limits = b.kept.config();
    limits.throttle.max_keys = 5;
    b.state = State::open(limits).await.unwrap();
    for n in 0..9 {
        let _ = b.state.log_in(&format!("user{n}"), &"x".repeat(2000), HOME, NOW + n).await;
    }
    let count = async || {
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM log_in_attempts").fetch_one(&b.db().pool).await
    };
    assert!(count().await.unwrap() <= 5);
    let _ = b.state.log_in("later", &"x".repeat(2000), HOME, NOW + 61_000).await;
    assert_eq!(count().await.unwrap(), 2, "windows that are over are gone");
}

#[tokio::test]
async fn an_attempt_locks_no_row_that_stays_and_makes_room_beside_rows_that_others_hold() {
    let mut b = Bench::in_postgres().await;
    let mut limits = b.kept.config();
    limits.throttle.max_keys = 5;
    b.state = State::open(limits).await.unwrap();
    sqlx::query(
        "INSERT INTO log_in_attempts (key, start_ms, wrong) SELECT 'user:' || n, $1 + n, 1 FROM generate_series(1, 8) n",
    )
    .bind(NOW)
    .execute(&b.db().pool)
    .await
    .unwrap();
    let mut other = b.db().pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM log_in_attempts WHERE key IN ('user:7', 'user:8') FOR UPDATE")
        .fetch_all(&mut *other)
        .await
        .unwrap();
    let _ = b.state.log_in("late", &"x".repeat(2000), HOME, NOW + 9).await;
    other.rollback().await.unwrap();
    let kept: Vec<String> =
        sqlx::query_scalar("SELECT key FROM log_in_attempts ORDER BY start_ms DESC, key DESC")
            .fetch_all(&b.db().pool)
            .await
            .unwrap();
    assert_eq!(kept, ["user:late", "address:127.0.0.1", "user:8", "user:7", "user:6"]);
    // A row that somebody locked keeps the number of who did.
    let lockers: String = sqlx::query_scalar("SELECT xmax::text FROM log_in_attempts WHERE key = 'user:6'")
        .fetch_one(&b.db().pool)
        .await
        .unwrap();
    assert_eq!(lockers, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn consoles_that_start_together_on_an_empty_database_make_it_once() {
    let db = TestDb::empty().await;
    let start = || async {
        let state = State::open(config(Place::Postgres(PostgresConfig::new(&db.url)))).await.unwrap();
        let change = state.ensure_admin("admin", PASSWORD, NOW).await.unwrap();
        (state, change)
    };
    let started = join_all((0..4).map(|_| start())).await;
    let made = started.iter().filter(|(_, change)| *change == AdminChange::Created).count();
    let found = started.iter().filter(|(_, change)| *change == AdminChange::Unchanged).count();
    assert_eq!((made, found), (1, 3));
    let token = started[0].0.log_in("admin", PASSWORD, HOME, NOW).await.unwrap().token;
    for (state, _) in &started {
        assert!(state.find_session(&token, NOW).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_ins_at_the_same_time_keep_to_the_number_of_sessions_and_events_to_theirs() {
    let b = Bench::in_postgres().await;
    let mut limits = b.kept.config();
    limits.throttle.max_per_user = 100;
    let states = [State::open(limits.clone()).await.unwrap(), State::open(limits).await.unwrap()];
    let log_in = |n: usize| states[n % 2].log_in("admin", PASSWORD, HOME, NOW + n as i64);
    for opened in join_all((0..6).map(log_in)).await {
        opened.unwrap();
    }
    let event = |n: usize| {
        let (state, at_ms) = (&states[n % 2], n as i64);
        async move { state.keep_flux_event(&[n as u8], at_ms, &format!("event {n}")).await }
    };
    for kept in join_all((0..20).map(event)).await {
        kept.unwrap();
    }
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM sessions").fetch_one(&b.db().pool);
    assert_eq!(count.await.unwrap(), 2);
    assert_eq!(states[0].flux_events().await.unwrap(), ["event 19", "event 18", "event 17"]);
}
