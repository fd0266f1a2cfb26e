//! Peers start, take samples, answer, restart with what they had, also after a kill, and stop.

use console_model::clock::now_ms;
use console_proof::peer::{
    Peer, PeerError, prometheus,
    remote_write::{WriteSeries, encode, send},
    victoria_metrics,
};
use std::path::Path;

async fn takes_and_answers(mut peer: Peer) {
    let mut series = WriteSeries::new("proof", &[("side", "left")]);
    series.samples.push((now_ms() - 1000, 42.0));
    send(peer.endpoint(), encode(&[series]).unwrap()).await.unwrap();
    peer.restart().await.unwrap();
    peer.forget_peak().unwrap();
    // What a restart has written survives a kill.
    peer.crash().await.unwrap();
    let answer = peer.endpoint().ask("/api/v1/query", &[("query", "proof")]).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["data"]["result"][0]["metric"]["side"], "left", "{answer:?}");
    assert_eq!(answer.body["data"]["result"][0]["value"][1], "42", "{answer:?}");
    let usage = peer.usage().unwrap();
    assert!(usage.cpu_seconds > 0.0 && usage.rss_bytes > 1 << 20, "{usage:?}");
    assert!(peer.disk_bytes() > 0);
    peer.stop().await.unwrap();
}

#[tokio::test]
async fn prometheus_takes_and_answers() {
    takes_and_answers(prometheus::start(&prometheus::program().unwrap(), "", &[]).await.unwrap()).await;
}

#[tokio::test]
async fn victoria_metrics_takes_and_answers() {
    takes_and_answers(victoria_metrics::start(&victoria_metrics::program().unwrap(), &[]).await.unwrap())
        .await;
}

#[tokio::test]
async fn a_wrong_configuration_is_told_in_the_server_s_words() {
    let refused = prometheus::start(&prometheus::program().unwrap(), "colour: blue\n", &[]).await;
    match refused.err() {
        Some(PeerError::Ended { output, .. }) => assert!(output.contains("colour"), "{output}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let missing = prometheus::start(Path::new("/nowhere/prometheus"), "", &[]).await.err().unwrap();
    assert!(missing.to_string().contains("/nowhere/prometheus"), "{missing}");
}
