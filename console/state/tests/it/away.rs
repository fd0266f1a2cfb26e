//! While Postgres is away, and after another server has taken over.

use std::{
    str::FromStr as _,
    time::{Duration, Instant},
};

use console_state::{LoginError, Place, PostgresConfig, State, StateError};
use futures::future::join_all;
use shop_testkit::{TestCluster, eventually};
use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

use crate::harness::{Bench, HOME, NOW, PASSWORD, config};

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

/// A way to a server over which nothing comes any more once it is silent. Its connections stay open.
struct Wire {
    url: String,
    silent: watch::Sender<bool>,
}

impl Wire {
    async fn to(url: &str) -> Self {
        let server = PgConnectOptions::from_str(url).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("postgres://app@127.0.0.1:{port}/{}", server.get_database().unwrap());
        let silent = watch::Sender::new(false);
        let told = silent.subscribe();
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let (server, mut told) = (server.clone(), told.clone());
                tokio::spawn(async move {
                    let passed = async {
                        match server.get_socket() {
                            Some(folder) => {
                                let socket = folder.join(format!(".s.PGSQL.{}", server.get_port()));
                                let mut server = UnixStream::connect(socket).await?;
                                copy_bidirectional(&mut client, &mut server).await
                            }
                            None => {
                                let to = (server.get_host(), server.get_port());
                                let mut server = TcpStream::connect(to).await?;
                                copy_bidirectional(&mut client, &mut server).await
                            }
                        }
                    };
                    tokio::pin!(passed);
                    let is_over = tokio::select! {
                        _ = &mut passed => true,
                        is_silent = told.wait_for(|is_silent| *is_silent) => is_silent.is_err(),
                    };
                    if !is_over {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        Self { url, silent }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_server_that_went_silent_is_told_once_that_is_known() {
    let b = Bench::in_postgres().await;
    let wire = Wire::to(&b.db().url).await;
    let mut postgres = PostgresConfig::new(&wire.url);
    postgres.ask_every = Duration::from_millis(100);
    postgres.max_connections = 4;
    let state = State::open(config(Place::Postgres(postgres))).await.unwrap();
    // Unseen sessions are looked up each time.
    let crowd = || join_all((0..4).map(|_| state.find_session("unseen", NOW)));
    for _ in 0..3 {
        assert!(crowd().await.iter().all(|found| matches!(found, Ok(None))));
    }
    // sqlx asks a connection that is given back, before another may have it.
    tokio::time::sleep(Duration::from_millis(200)).await;
    wire.silent.send_replace(true);
    let began = Instant::now();
    let refused = crowd().await;
    // Who gets no connection is told that; of the four that are open, the one who asks the server has one at most.
    assert!(refused.iter().any(|r| matches!(r, Err(StateError::Away { .. }))), "{refused:?}");
    // Servers are waited for for a second each time, an operation for eight.
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}
