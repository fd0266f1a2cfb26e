//! The Prometheus API of the whole program: what it scrapes, evaluates and holds.

use serde_json::{Value, json};

use super::console::{Console, TOKEN, lay_out};

async fn until(console: &Console, path: &str, good: impl Fn(&Value) -> bool) -> Value {
    let wait = async {
        loop {
            let data = console.query(path).await["data"].take();
            if good(&data) {
                return data;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), wait).await.expect("it comes to that")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_tells_what_it_scrapes_evaluates_and_holds() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = lay_out(dir.path());
    let scraping = format!(
        "scrape_configs:\n- job_name: self\n  scrape_interval: 1s\n  authorization: {{credentials: hush}}\n  \
         static_configs: [{{targets: ['{}']}}]\n",
        config.listen
    );
    let file = dir.path().join("scrape.yml");
    std::fs::write(&file, scraping).unwrap();
    config.scrape_config_file = Some(file);
    let console = Console::start_with(config).await;

    let up = |data: &Value| data["activeTargets"][0]["health"] == "up";
    let targets = until(&console, "/api/v1/targets?state=active", up).await;
    assert_eq!(targets["activeTargets"][0]["scrapePool"], "self");
    assert_eq!(console.query("/api/v1/scrape_pools").await["data"], json!({"scrapePools": ["self"]}));
    let path = "/api/v1/targets/metadata?metric=quarterdeck_store_bytes";
    let meta = until(&console, path, |data| data.as_array().is_some_and(|a| !a.is_empty())).await;
    assert_eq!((&meta[0]["type"], &meta[0]["target"]["job"]), (&json!("gauge"), &json!("self")));

    let firing = |data: &Value| data["groups"][0]["rules"][0]["state"] == "firing";
    let rules = until(&console, "/api/v1/rules?type=alert", firing).await;
    let rule = &rules["groups"][0]["rules"][0];
    assert_eq!((&rule["name"], &rule["health"]), (&json!("DeadMansSwitch"), &json!("ok")));
    assert_eq!(
        (&rule["alerts"][0]["value"], &rules["groups"][0]["interval"]),
        (&json!("1e+00"), &json!(1.0))
    );
    assert_eq!(console.query("/api/v1/alerts").await["data"]["alerts"][0]["state"], "firing");

    let shown = console.query("/api/v1/status/config").await["data"]["yaml"].take();
    let shown = shown.as_str().unwrap();
    assert!(shown.contains("<secret>") && shown.contains("rule_files") && !shown.contains("hush"), "{shown}");
    let held = until(&console, "/api/v1/status/tsdb", |d| d["headStats"]["numSeries"] != 0).await;
    assert!(!held["seriesCountByMetricName"].as_array().unwrap().is_empty());
    let runtime = console.query("/api/v1/status/runtimeinfo").await["data"].take();
    assert_eq!(runtime["storageRetention"], "3d");
    assert_eq!(console.query("/api/v1/status/flags").await["data"]["query.lookback-delta"], "5m");
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_answers_are_compressed_and_short_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start(&dir).await;
    let range = "/api/v1/query_range?query=time()&start=0&end=900&step=1";
    for (path, is_short) in [("/api/v1/query?query=1", true), (range, false)] {
        let request =
            console.http.get(console.url(path)).bearer_auth(TOKEN).header("accept-encoding", "gzip");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers().get("content-type").unwrap(), "application/json");
        // Of what is compressed while it is sent nobody knows the length.
        assert_eq!(response.headers().contains_key("content-length"), is_short, "{path}");
    }
    for path in ["/-/healthy", "/-/ready", "/ready"] {
        let (status, text) = console.fetch(path).await;
        assert!(status.is_success() && !text.is_empty(), "{path}: open to all");
    }
    console.stop().await;
}
