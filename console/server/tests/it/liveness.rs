//! A console that is late is not one that hangs.

use std::{sync::mpsc::sync_channel, time::Duration};

use tokio::runtime::Builder;

use super::console::{Console, lay_out};

#[test]
fn liveness_is_answered_while_no_worker_thread_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let config = lay_out(dir.path());
    let live = format!("http://{}/healthz", config.health.expect("the test lays it out"));
    let workers = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let console = workers.block_on(Console::start_with(config));

    let (tell_busy, busy) = sync_channel(1);
    let (release, released) = sync_channel::<()>(1);
    workers.spawn(async move {
        tell_busy.send(()).unwrap();
        // Holds the only worker thread until the other end goes.
        let _ = released.recv();
    });
    busy.recv().unwrap();
    let outside = Builder::new_current_thread().enable_all().build().unwrap();
    outside.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let long = Duration::from_secs(20);
        let page = http.get(console.url("/healthz")).send();
        tokio::pin!(page);
        tokio::select! {
            biased;
            answer = &mut page => panic!("the worker thread was not busy: {answer:?}"),
            answer = http.get(&live).timeout(long).send() => {
                assert_eq!(answer.expect("liveness needs no worker thread").status(), 200);
            }
        }
        drop(release);
        let late = tokio::time::timeout(long, page).await.expect("the worker thread is free again");
        assert_eq!(late.unwrap().status(), 200);
    });
    workers.block_on(console.stop());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_liveness_listener_shows_nothing_else_and_goes_with_the_console() {
    let dir = tempfile::tempdir().unwrap();
    let config = lay_out(dir.path());
    let address = config.health.expect("the test lays it out");
    let console = Console::start_with(config).await;
    let status = async |path: &str| {
        console.http.get(format!("http://{address}{path}")).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("/livez").await, 200);
    for path in ["/", "/metrics", "/readyz", "/api/v1/query?query=up", "/login"] {
        assert_eq!(status(path).await, 404, "{path}");
    }
    let http = console.http.clone();
    console.stop().await;
    // The port may be somebody else's by now, who answers otherwise.
    let answer = http.get(format!("http://{address}/livez")).timeout(Duration::from_secs(5)).send().await;
    assert!(answer.is_err(), "{answer:?}");
}
