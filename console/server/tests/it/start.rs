//! A console that cannot work says why and does not start.

use std::net::TcpListener;

use console_server::{error_chain, run};
use tokio_util::sync::CancellationToken;

use super::console::{Console, lay_out};

async fn refusal(config: console_server::Config) -> String {
    let stop = CancellationToken::new();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), run(config, stop)).await;
    error_chain(&ended.expect("it ends by itself").expect_err("it does not start"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let config = lay_out(dir.path());
    let _holder = TcpListener::bind(config.otlp_grpc).unwrap();
    let (address, error) = (config.otlp_grpc.to_string(), refusal(config).await);
    assert!(error.contains("otlp_grpc") && error.contains(&address), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_console_on_the_same_data_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let first = Console::start(&dir).await;
    let error = refusal(lay_out(dir.path())).await;
    assert!(error.contains("data_dir") && error.contains("another console uses it"), "{error}");
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_rule_file_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let config = lay_out(dir.path());
    let rules = "groups:\n  - name: x\n    rules:\n      - alert: Broken\n        expr: sum(\n";
    std::fs::write(dir.path().join("rules/test.yml"), rules).unwrap();
    let error = refusal(config).await;
    assert!(error.contains("test.yml:5") && error.contains("expr"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_client_a_missing_password_and_a_damaged_state_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let config = lay_out(dir.path());
    std::fs::create_dir_all(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("data/state.sqlite"), vec![7u8; 4096]).unwrap();
    let error = refusal(config.clone()).await;
    assert!(error.contains("state.sqlite"), "{error}");
    std::fs::remove_file(dir.path().join("data/state.sqlite")).unwrap();
    std::fs::write(dir.path().join("password"), " \n").unwrap();
    let error = refusal(config.clone()).await;
    assert!(error.contains("admin.password_file") && error.contains("empty"), "{error}");
    std::fs::write(dir.path().join("password"), "seven77\n").unwrap();
    let error = refusal(config.clone()).await;
    assert!(error.contains("admin.password_file") && error.contains("8 characters"), "{error}");
    assert!(!error.contains("seven77"), "{error}");
    std::fs::remove_file(dir.path().join("site/manifest.json")).unwrap();
    let error = refusal(config).await;
    assert!(error.contains("manifest.json") && error.contains("make client"), "{error}");
}
