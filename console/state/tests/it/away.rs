//! While Postgres is away, and after another server has taken over.

use std::time::Duration;

use console_state::{LoginError, Place, PostgresConfig, State, StateError};
use shop_testkit::{TestCluster, eventually};

use crate::harness::{HOME, NOW, PASSWORD, config};

async fn open(cluster: &TestCluster) -> State {
    let mut postgres = PostgresConfig::new(&cluster.url);
    postgres.ask_every = Duration::from_millis(100);
    State::open(config(Place::Postgres(postgres))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_seen_lately_goes_on_nobody_logs_in_and_the_next_primary_is_found() {
    let mut cluster = TestCluster::start().await;
    let (state, other) = (open(&cluster).await, open(&cluster).await);
    state.ensure_admin("admin", PASSWORD, NOW).await.unwrap();
    let log_in = || state.log_in("admin", PASSWORD, HOME, NOW);
    let (seen, unseen) = (log_in().await.unwrap().token, log_in().await.unwrap().token);
    let known = state.find_session(&seen, NOW).await.unwrap().unwrap();
    eventually("the standby has the sessions", || async {
        let standby = sqlx::PgPool::connect(&cluster.standby_url).await.unwrap();
        let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM sessions").fetch_one(&standby).await;
        standby.close().await;
        count.is_ok_and(|n| n == 2)
    })
    .await;
    assert_eq!(state.away_for(), None);

    cluster.stop_primary().await;
    eventually("both notice", || async { state.away_for().is_some() && other.away_for().is_some() }).await;
    let began = std::time::Instant::now();
    for (token, at) in [(&seen, NOW), (&seen, NOW + 59_999)] {
        assert_eq!(state.find_session(token, at).await.unwrap().as_ref(), Some(&known));
    }
    for (token, at) in [(&seen, NOW + 60_000), (&unseen, NOW)] {
        let refused = state.find_session(token, at).await;
        assert!(matches!(refused, Err(StateError::Away { .. })), "{refused:?}");
    }
    assert!(other.find_session(&seen, NOW).await.is_err(), "only who saw it knows it");
    let refused = log_in().await;
    assert!(matches!(refused, Err(LoginError::State(StateError::Away { .. }))), "{refused:?}");
    assert!(began.elapsed() < Duration::from_secs(1), "nobody waits for a server that is known to be away");
    assert!(state.log_out(&seen).await.is_err());
    assert!(state.find_session(&seen, NOW).await.is_err(), "it is over here");

    cluster.promote_standby().await;
    eventually("both have found it", || async { state.away_for().is_none() && other.away_for().is_none() })
        .await;
    assert!(other.find_session(&unseen, NOW).await.unwrap().is_some());
    let token = log_in().await.unwrap().token;
    assert!(other.find_session(&token, NOW).await.unwrap().is_some());
}
