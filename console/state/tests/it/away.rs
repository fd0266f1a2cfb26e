//! While Postgres is away, and after another server has taken over.

use std::{
    str::FromStr as _,
    sync::Arc,
    time::{Duration, Instant},
};

use console_state::{LoginError, Place, PostgresConfig, State, StateError};
use futures::future::join_all;
use shop_testkit::{TestCluster, eventually};
use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
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

/// A way to a server.
struct Wire {
    url: String,
    port: u16,
    way: watch::Sender<Way>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// The server has no room for another connection.
    Full,
    /// Nothing comes any more; connections stay open.
    Silent,
}

impl Wire {
    async fn to(url: &str) -> Self {
        let server = PgConnectOptions::from_str(url).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("postgres://app@127.0.0.1:{port}/{}", server.get_database().unwrap());
        let way = watch::Sender::new(Way::Open);
        let told = way.subscribe();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let now = *told.borrow();
                match now {
                    Way::Full => drop(tokio::spawn(no_room(client))),
                    _ => drop(tokio::spawn(pass(client, server.clone(), told.clone()))),
                }
            }
        });
        Self { url, port, way }
    }
}

async fn pass(mut client: TcpStream, server: PgConnectOptions, mut told: watch::Receiver<Way>) {
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
        biased;
        is_silent = told.wait_for(|way| *way == Way::Silent) => is_silent.is_err(),
        _ = &mut passed => true,
    };
    if !is_over {
        std::future::pending::<()>().await;
    }
}

/// What a server says that has as many connections as it may (PostgreSQL manual, "Message Formats": ErrorResponse).
async fn no_room(mut client: TcpStream) -> std::io::Result<()> {
    const SSL_REQUEST: u32 = 80_877_103;
    let mut length = client.read_u32().await?;
    if client.read_u32().await? == SSL_REQUEST {
        client.write_all(b"N").await?;
        length = client.read_u32().await?;
        client.read_u32().await?;
    }
    client.read_exact(&mut vec![0; length as usize - 8]).await?;
    let fields = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0";
    client.write_u8(b'E').await?;
    client.write_u32(fields.len() as u32 + 4).await?;
    client.write_all(fields).await?;
    client.shutdown().await
}

async fn over(url: String, connections: u32) -> State {
    let mut postgres = PostgresConfig::new(url);
    postgres.ask_every = Duration::from_millis(100);
    postgres.max_connections = connections;
    State::open(config(Place::Postgres(postgres))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_server_that_went_silent_is_told_once_that_is_known() {
    let b = Bench::in_postgres().await;
    let wire = Wire::to(&b.db().url).await;
    let state = over(wire.url.clone(), 4).await;
    // Unseen sessions are looked up each time.
    let crowd = || join_all((0..4).map(|_| state.find_session("unseen", NOW)));
    for _ in 0..3 {
        assert!(crowd().await.iter().all(|found| matches!(found, Ok(None))));
    }
    // sqlx asks a connection that is given back, before another may have it.
    tokio::time::sleep(Duration::from_millis(200)).await;
    wire.way.send_replace(Way::Silent);
    let began = Instant::now();
    let refused = crowd().await;
    // Who gets no connection is told that; of the four that are open, the one who asks the server has one at most.
    assert!(refused.iter().any(|r| matches!(r, Err(StateError::Away { .. }))), "{refused:?}");
    // Servers are waited for for a second each time, an operation for eight.
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_server_is_told_when_another_one_has_taken_over() {
    let b = Bench::in_postgres().await;
    let (first, second) = (Wire::to(&b.db().url).await, Wire::to(&b.db().url).await);
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", first.port, second.port);
    let url = first.url.replace(&format!("127.0.0.1:{}", first.port), &hosts);
    second.way.send_replace(Way::Silent);
    let state = over(url, 4).await;
    let crowd = || join_all((0..4).map(|_| state.find_session("unseen", NOW)));
    for _ in 0..3 {
        assert!(crowd().await.iter().all(|found| matches!(found, Ok(None))));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    second.way.send_replace(Way::Open);
    first.way.send_replace(Way::Silent);
    let began = Instant::now();
    let refused = crowd().await;
    assert!(refused.iter().any(|r| matches!(r, Err(StateError::Away { .. }))), "{refused:?}");
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    eventually("the other one answers", || async { state.find_session("unseen", NOW).await.is_ok() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_goes_on_while_its_server_has_no_room_for_another() {
    let b = Bench::in_postgres().await;
    let wire = Wire::to(&b.db().url).await;
    let state = Arc::new(over(wire.url.clone(), 2).await);
    let mut held = b.db().pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE flux_events IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    let readers = (0..2).map(|_| {
        let state = state.clone();
        tokio::spawn(async move { state.flux_events().await })
    });
    let readers: Vec<_> = readers.collect();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'quarterdeck' \
                   AND datname = current_database() AND wait_event_type = 'Lock'";
    eventually("both wait for the lock", || async {
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(&b.db().pool).await.unwrap() == 2
    })
    .await;
    wire.way.send_replace(Way::Full);
    eventually("no connection is to be had", || async { state.away_for().is_some() }).await;
    // Servers are asked four times a second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    held.rollback().await.unwrap();
    for read in join_all(readers).await {
        read.unwrap().unwrap();
    }
    wire.way.send_replace(Way::Open);
    eventually("it has room again", || async { state.away_for().is_none() }).await;
}
