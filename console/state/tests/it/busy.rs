//! A Postgres that is there and has much to do, or something that hangs.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use console_state::{LoginError, Place, PostgresConfig, State, StateConfig, StateError};
use futures::future::join_all;
use shop_testkit::eventually;

use crate::harness::{Bench, HOME, NOW};

const CONNECTIONS: u32 = 4;

/// A console on the bench's database that gives up soon and has seen no session.
async fn console(b: &Bench, settings: impl FnOnce(&mut PostgresConfig, &mut StateConfig)) -> Arc<State> {
    let mut config = b.kept.config();
    let mut postgres = PostgresConfig::new(&b.db().url);
    postgres.max_connections = CONNECTIONS;
    postgres.acquire_timeout = Duration::from_millis(300);
    postgres.ask_every = Duration::from_millis(100);
    settings(&mut postgres, &mut config);
    config.place = Place::Postgres(postgres);
    Arc::new(State::open(config).await.unwrap())
}

/// Server processes of consoles that fulfil a condition.
async fn backends(b: &Bench, condition: &'static str) -> BTreeSet<i32> {
    let select = "SELECT pid FROM pg_stat_activity WHERE application_name = 'quarterdeck' \
                  AND datname = current_database() AND ($1 = '' OR wait_event_type = $1)";
    let pids: Vec<i32> = sqlx::query_scalar(select).bind(condition).fetch_all(&b.db().pool).await.unwrap();
    pids.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_logs_in_leaves_connections_to_those_who_are_in() {
    let b = Bench::in_postgres().await;
    let token = b.token(NOW).await;
    let state = console(&b, |_, config| config.throttle.max_per_user = 100).await;
    let mut held = b.db().pool.begin().await.unwrap();
    let row = "SELECT 1 FROM log_in_attempts WHERE key = 'address:127.0.0.1' FOR UPDATE";
    assert_eq!(sqlx::query(row).fetch_all(&mut *held).await.unwrap().len(), 1);
    let crowd = (0..20).map(|_| {
        let state = state.clone();
        tokio::spawn(async move { state.log_in("admin", "no", HOME, NOW).await })
    });
    let crowd: Vec<_> = crowd.collect();
    eventually("somebody waits for the row", || async { !backends(&b, "Lock").await.is_empty() }).await;
    assert!(state.find_session(&token, NOW).await.unwrap().is_some());
    assert_eq!(state.away_for(), None);
    held.rollback().await.unwrap();
    for refused in join_all(crowd).await {
        let refused = refused.unwrap();
        assert!(matches!(refused, Err(LoginError::Wrong | LoginError::Throttled { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn who_is_throttled_is_told_so_without_a_lock() {
    let b = Bench::in_postgres().await;
    let state = console(&b, |_, config| config.throttle.max_per_address = 1).await;
    assert!(matches!(state.log_in("kim", "no", HOME, NOW).await, Err(LoginError::Wrong)));
    let mut held = b.db().pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM log_in_attempts FOR UPDATE").fetch_all(&mut *held).await.unwrap();
    let refused = state.log_in("kim", "no", HOME, NOW).await;
    assert!(matches!(refused, Err(LoginError::Throttled { retry_after_seconds: 60 })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_in_full_use_is_no_outage_and_keeps_its_connections() {
    let b = Bench::in_postgres().await;
    b.state.close().await;
    let state = console(&b, |_, _| {}).await;
    let mut held = b.db().pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE flux_events IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    let readers = (0..CONNECTIONS).map(|_| {
        let state = state.clone();
        tokio::spawn(async move { state.flux_events().await })
    });
    let readers: Vec<_> = readers.collect();
    eventually("all connections are in use", || async {
        backends(&b, "Lock").await.len() == CONNECTIONS as usize
    })
    .await;
    let open = backends(&b, "Lock").await;
    // Longer than the servers are waited for.
    for _ in 0..6 {
        let refused = state.find_session("unseen", NOW).await;
        assert!(matches!(refused, Err(StateError::Timeout { .. })), "{refused:?}");
        assert_eq!(state.away_for(), None);
    }
    held.rollback().await.unwrap();
    for read in join_all(readers).await {
        read.unwrap().unwrap();
    }
    for found in join_all((0..CONNECTIONS).map(|_| state.find_session("unseen", NOW))).await {
        assert_eq!(found.unwrap(), None);
    }
    let left = backends(&b, "").await;
    assert!(open.is_subset(&left), "{open:?} were thrown away: {left:?}");
}

#[tokio::test]
async fn a_question_that_hangs_locks_out_nobody_who_was_here() {
    let b = Bench::in_postgres().await;
    let (seen, unseen) = (b.token(NOW).await, b.token(NOW).await);
    let state = console(&b, |postgres, _| postgres.statement_timeout = Duration::from_millis(200)).await;
    let known = state.find_session(&seen, NOW).await.unwrap().unwrap();
    let mut held = b.db().pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    assert_eq!(state.find_session(&seen, NOW + 59_999).await.unwrap(), Some(known));
    for (token, at) in [(&seen, NOW + 60_000), (&unseen, NOW)] {
        let refused = state.find_session(token, at).await;
        assert!(matches!(refused, Err(StateError::Timeout { .. })), "{refused:?}");
    }
    assert_eq!(state.away_for(), None, "its server takes writes");
}
