//! A console that is told which cluster to watch, from the configuration to the page.

use std::path::{Path, PathBuf};

use axum::{
    Json, Router,
    extract::Query,
    http::{StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use console_server::{Config, run};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::console::{Console, PASSWORD, lay_out};

fn kubeconfig(dir: &Path, server: &str) -> PathBuf {
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "users": [{"name": "console", "user": {"token": "t"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "console"}}],
    });
    let file = dir.join("kubeconfig");
    std::fs::write(&file, text.to_string()).unwrap();
    file
}

fn config(dir: &Path, server: &str) -> Config {
    let mut config = lay_out(dir);
    config.kubernetes.kubeconfig = Some(kubeconfig(dir, server));
    config
}

/// Lists a Deployment that a Kustomization carries; watches of it never tell anything.
async fn api_server(uri: Uri, Query(query): Query<std::collections::HashMap<String, String>>) -> Response {
    let items = match uri.path() {
        "/apis/apps/v1/deployments" => json!([{
            "metadata": {"namespace": "shop", "name": "orders", "labels": {
                "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}},
            "spec": {"replicas": 2, "selector": {}, "template": {"spec": {"containers": [
                {"name": "service", "image": "shop-orders:1.2.3"}]}}},
            "status": {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2},
        }]),
        "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations" => json!([{
            "metadata": {"namespace": "flux-system", "name": "apps"}, "spec": {"suspend": true},
            "status": {"conditions": [], "lastAppliedRevision": "main@sha1:0123456789abcdef0123456789abcdef01234567"},
        }]),
        "/apis/apps/v1/statefulsets" | "/api/v1/events" => json!([]),
        _ => return (StatusCode::NOT_FOUND, "404 page not found").into_response(),
    };
    if query.contains_key("watch") {
        return std::future::pending().await;
    }
    let list: Value =
        json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": items});
    Json(list).into_response()
}

/// The page of deploys once it says something.
async fn deploys_that_say(console: &Console, words: &str) -> String {
    let wait = async {
        loop {
            let (status, page) = console.fetch("/deploys").await;
            assert_eq!(status, 200);
            if page.contains(words) {
                return page;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), wait).await.expect(words)
}

#[tokio::test(flavor = "multi_thread")]
async fn deploys_shows_what_the_cluster_has() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let cluster = tokio::spawn(axum::serve(listener, Router::new().fallback(api_server)).into_future());
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start_with(config(dir.path(), &address)).await;
    console.log_in("admin", PASSWORD, "/").await;
    let page = deploys_that_say(&console, "1 is suspended").await;
    assert!(page.contains("/deploys/0123456789abcdef0123456789abcdef01234567"), "{page}");
    assert!(page.contains("Not installed in the cluster: HelmRelease"), "{page}");
    let (_, about) = console.fetch("/about").await;
    assert!(about.contains(&address), "{about}");
    console.stop().await;
    cluster.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_away_keeps_no_console_from_starting() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start_with(config(dir.path(), &format!("http://{nobody}"))).await;
    console.log_in("admin", PASSWORD, "/").await;
    let page = deploys_that_say(&console, "The cluster cannot be reached").await;
    assert!(page.contains("deploy orders"), "the history is there all the same");
    console.stop().await;
}

#[tokio::test]
async fn a_kubeconfig_that_says_nothing_of_the_context_is_refused_with_file_and_field() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path(), "http://127.0.0.1:1");
    config.kubernetes.context = Some("there".to_owned());
    let problems = console_server::check_files(&config).unwrap_err();
    let expected = format!("{}: contexts: none is called \"there\"", dir.path().join("kubeconfig").display());
    assert_eq!(problems, [format!("kubernetes.kubeconfig: {expected}")]);
    let error = run(config, CancellationToken::new()).await.unwrap_err();
    assert!(console_server::error_chain(&error).contains(&expected), "{error}");
}
