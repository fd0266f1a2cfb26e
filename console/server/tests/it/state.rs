//! Consoles on one Postgres: one log-in for all of them, and what goes on without it.

use std::path::Path;

use console_server::Config;
use reqwest::StatusCode;
use shop_testkit::{TestCluster, eventually};

use super::console::{Console, PASSWORD, lay_out};

/// Rules are the embedded engine's, and a console that shares its state has none.
fn on_postgres(dir: &Path, url: &str) -> Config {
    let mut config = lay_out(dir);
    std::fs::write(dir.join("state-url"), format!("{url}\n")).unwrap();
    config.state.postgres_url_file = Some(dir.join("state-url"));
    config.rule_files.clear();
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_on_one_console_is_one_on_the_other_and_an_outage_is_told() {
    let mut cluster = TestCluster::start().await;
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let configs = [0, 1].map(|n| on_postgres(dirs[n].path(), &cluster.url));
    let alive = format!("http://{}/livez", configs[0].health.unwrap());
    let [first, second] = configs;
    let (first, second) = tokio::join!(Console::start_with(first), Console::start_with(second));
    assert!(!dirs[0].path().join("data/state.sqlite").exists());

    let opened = first.log_in("admin", PASSWORD, "/").await;
    let cookie = opened.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let stranger =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = |console: &Console, path: &str, cookie: Option<&str>| {
        let mut request = stranger.get(console.url(path));
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        async move {
            let answer = request.send().await.unwrap();
            (answer.status(), answer.text().await.unwrap())
        }
    };
    for console in [&first, &second] {
        assert_eq!(page(console, "/alerts", Some(&cookie)).await.0, 200);
    }

    cluster.stop_primary().await;
    eventually("readiness tells", || async { page(&first, "/readyz", None).await.0 == 503 }).await;
    assert!(page(&first, "/readyz", None).await.1.contains("users and sessions has been away for"));
    assert_eq!(page(&first, "/-/ready", None).await.0, 200, "it still shows telemetry");
    assert_eq!(stranger.get(&alive).send().await.unwrap().status(), 200, "it is no reason to end it");
    for path in ["/", "/alerts", "/logs"] {
        assert_eq!(page(&first, path, Some(&cookie)).await.0, 200, "{path} for who was seen lately");
    }
    let (status, said) = page(&first, "/alerts", None).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{said}");
    let (status, said) = page(&first, "/alerts", Some("qd_session=unknown")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(said.contains("is away, so nobody can log in") && said.contains("login-form"), "{said}");
    let refused = second.log_in("admin", PASSWORD, "/").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    assert!(refused.text().await.unwrap().contains("is away, so nobody can log in"));

    cluster.promote_standby().await;
    eventually("both are ready again", || async {
        page(&first, "/readyz", None).await.0 == 200 && page(&second, "/readyz", None).await.0 == 200
    })
    .await;
    assert_eq!(second.log_in("admin", PASSWORD, "/").await.status(), StatusCode::SEE_OTHER);
    first.stop().await;
    second.stop().await;
}

#[test]
fn what_would_page_twice_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    lay_out(dir.path());
    let file = dir.path().join("quarterdeck.yml");
    let good = std::fs::read_to_string(&file).unwrap();
    let refusal = |text: &str| Config::parse("q.yml", text).unwrap_err().to_string();
    let shared = refusal(&format!("{good}state: {{ postgres_url_file: url }}\n"));
    assert!(shared.contains("state.postgres_url_file with rule_files"), "{shared}");
    let both = refusal(&format!("{good}sources: {{ alertmanager: {{ url: 'http://a', username: kim }} }}\n"));
    for part in ["needs sources.prometheus", "rule_files: with", "routing_file: with", "go together"] {
        assert!(both.contains(part), "{part}: {both}");
    }
    let without = good.lines().filter(|l| !l.starts_with("routing_file")).collect::<Vec<_>>().join("\n");
    assert!(refusal(&without).contains("routing_file: required"));
    let bounds = refusal(&format!("{good}state: {{ max_connections: 0 }}\n"));
    assert!(bounds.contains("state.max_connections") && bounds.contains("postgres_url_file"), "{bounds}");
}

#[test]
fn an_address_that_cannot_be_used_is_told_by_check_config_without_its_password() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = on_postgres(dir.path(), "postgres://kim:secret@db");
    let told = console_server::check_files(&config).unwrap_err().join("; ");
    assert!(told.contains("state.postgres_url_file: no database is named"), "{told}");
    assert!(!told.contains("secret"), "{told}");
    config.state.postgres_url_file = Some(dir.path().join("nothing"));
    let told = console_server::check_files(&config).unwrap_err().join("; ");
    assert!(told.contains("state.postgres_url_file") && told.contains("nothing"), "{told}");
}
