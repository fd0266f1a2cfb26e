//! A console in front of an Alertmanager: it shows what that one says, and tells nobody itself.

use std::time::{Duration, Instant};

use console_model::clock::now_ms;
use console_proof::peer::{alertmanager, free_ports, prometheus};
use console_server::Config;
use serde_json::json;

use super::console::{Console, PASSWORD, lay_out};

pub const ROUTES: &str = "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n";
const RULES: &str = "groups:\n  - name: shop\n    interval: 1s\n    rules:\n      - alert: Broken\n        expr: vector(7)\n\
                     \x20       labels: { severity: critical, service: orders }\n        annotations: { summary: 'Orders <b>fail</b>' }\n";

/// The configuration in front of both, as a file would say it.
pub fn in_front(dir: &std::path::Path, alertmanager: &str, prometheus: &str) -> Config {
    lay_out(dir);
    let text = std::fs::read_to_string(dir.join("quarterdeck.yml")).unwrap();
    let own = text.lines().filter(|l| !l.starts_with("rule_files") && !l.starts_with("routing_file"));
    let text = own.collect::<Vec<_>>().join("\n");
    let sources = format!(
        "\nsources: {{ prometheus: {{ url: '{prometheus}' }}, alertmanager: {{ url: '{alertmanager}' }} }}\n"
    );
    Config::parse("test.yml", &(text + &sources)).unwrap()
}

async fn until(console: &Console, path: &str, part: &str) -> String {
    let begun = Instant::now();
    loop {
        let (_, page) = console.fetch(path).await;
        if page.contains(part) {
            return page;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{path} never says {part:?}: {page}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_what_alertmanager_says_and_that_it_is_away() {
    let [port] = free_ports().unwrap();
    let peer = alertmanager::start(&alertmanager::program().unwrap(), ROUTES, port).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("prometheus-rules.yml"), RULES).unwrap();
    let feeding = format!(
        "rule_files: ['{}/prometheus-rules.yml']\n\
         alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['127.0.0.1:{port}'] }}] }}] }}\n",
        dir.path().display()
    );
    let flags = ["--rules.alert.resend-delay=1s"];
    let feeder = prometheus::start(&prometheus::program().unwrap(), &feeding, &flags).await.unwrap();
    let base = format!("http://127.0.0.1:{port}");
    let config = in_front(dir.path(), &base, &feeder.endpoint().url(""));
    console_server::check_files(&config).unwrap();
    let console = Console::start_with(config).await;
    console.log_in("admin", PASSWORD, "/").await;

    let page = until(&console, "/alerts", "data-alert=\"Broken\"").await;
    assert!(page.contains("Orders &lt;b&gt;fail") && page.contains("Messages are sent elsewhere"), "{page}");
    assert!(page.contains("No alert is silenced"), "{page}");
    let overview = console.fetch("/").await.1;
    assert!(overview.contains("Firing now") && overview.contains("1 alert"), "{overview}");
    let fingerprint = page.split("/alerts/").nth(1).unwrap()[..16].to_owned();
    let (status, page) = console.fetch(&format!("/alerts/{fingerprint}")).await;
    assert_eq!(status, 200);
    assert!(page.contains("Broken") && page.contains("vector(7)"), "{page}");
    // The Prometheus API speaks of the same rules.
    let rules = console.query("/api/v1/rules").await;
    assert_eq!(rules["data"]["groups"][0]["rules"][0]["name"], "Broken", "{rules}");

    let silence = json!({
        "matchers": [{"name": "service", "value": "orders", "isRegex": false, "isEqual": true}],
        "startsAt": chrono::DateTime::from_timestamp_millis(now_ms()).unwrap().to_rfc3339(),
        "endsAt": chrono::DateTime::from_timestamp_millis(now_ms() + 3_600_000).unwrap().to_rfc3339(),
        "createdBy": "kim", "comment": "a known <i>thing</i>",
    });
    let made =
        reqwest::Client::new().post(format!("{base}/api/v2/silences")).json(&silence).send().await.unwrap();
    assert!(made.status().is_success());
    let page = until(&console, "/alerts", "Silenced by kim until").await;
    assert!(
        page.contains("data-alert=\"Broken\"")
            && page.contains("a known &lt;i>thing") | page.contains("a known &lt;i&gt;thing"),
        "{page}"
    );
    assert!(until(&console, "/", "1 of which tell nobody").await.contains("Firing now"));

    peer.stop().await.unwrap();
    let page = until(&console, "/alerts", "The state of alerts is not known").await;
    assert!(page.contains("is unavailable: since 20"), "{page}");
    let overview = console.fetch("/").await.1;
    assert!(overview.contains("Blind") && overview.contains("is unavailable: since 20"), "{overview}");
    assert!(!overview.contains("No alert is firing"), "{overview}");
    let about = console.fetch("/about").await.1;
    assert!(about.contains(&base) && about.contains("0.2"), "{about}");
    console.stop().await;
    feeder.stop().await.unwrap();
}
