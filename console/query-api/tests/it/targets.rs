//! `targets`, `targets/metadata`, `scrape_pools`.

use console_model::{
    Labels,
    target::{ActiveTarget, DroppedTarget, TargetHealth, TargetList},
};
use serde_json::{Value, json};

use crate::harness::{Api, NOW_S, Told};

fn api() -> Api {
    let active = |pool: &str, instance: &str| ActiveTarget {
        scrape_pool: pool.to_owned(),
        url: format!("http://127.0.0.1:7001/{instance}"),
        labels: Labels::from_pairs([("job", pool), ("instance", instance)]),
        discovered: Labels::from_pairs([("__address__", "127.0.0.1:7001")]),
        health: TargetHealth::Up,
        last_error: None,
        last_scrape_ms: Some(NOW_S * 1000),
        last_duration_us: Some(2500),
        interval_ms: 15_000,
        timeout_ms: 10_000,
    };
    let never = ActiveTarget {
        health: TargetHealth::Unknown,
        last_scrape_ms: None,
        last_error: Some("refused".to_owned()),
        ..active("edge", "c")
    };
    let dropped = DroppedTarget {
        scrape_pool: "shop".to_owned(),
        discovered: Labels::from_pairs([("__address__", "10.0.0.1:80")]),
    };
    let targets = TargetList {
        pools: vec!["edge".to_owned(), "empty".to_owned(), "shop".to_owned()],
        active: vec![never, active("shop", "a")],
        dropped: vec![dropped],
        dropped_counts: [("edge".to_owned(), 0), ("shop".to_owned(), 1)].into(),
    };
    Api::start_with(Told { targets, ..Told::default() })
}

fn counts(data: &Value) -> (usize, usize) {
    let count = |field: &str| data[field].as_array().unwrap().len();
    (count("activeTargets"), count("droppedTargets"))
}

#[tokio::test]
async fn targets_are_told_with_their_last_scrape() {
    let data = api().data("/targets").await;
    assert_eq!(
        data["activeTargets"][1],
        json!({
            "discoveredLabels": {"__address__": "127.0.0.1:7001"}, "labels": {"instance": "a", "job": "shop"},
            "scrapePool": "shop", "scrapeUrl": "http://127.0.0.1:7001/a",
            "globalUrl": "http://console.example.com:7001/a", "lastError": "",
            "lastScrape": "2027-01-15T08:00:00Z", "lastScrapeDuration": 0.0025, "health": "up",
            "scrapeInterval": "15s", "scrapeTimeout": "10s",
        })
    );
    let never = &data["activeTargets"][0];
    assert_eq!((&never["health"], &never["lastError"]), (&json!("unknown"), &json!("refused")));
    assert_eq!(never["lastScrape"], json!("0001-01-01T00:00:00Z"));
    let dropped = json!([{"discoveredLabels": {"__address__": "10.0.0.1:80"}, "scrapePool": "shop"}]);
    assert_eq!(
        (&data["droppedTargets"], &data["droppedTargetCounts"]),
        (&dropped, &json!({"edge": 0, "shop": 1}))
    );
}

#[tokio::test]
async fn targets_are_chosen_by_state_and_pool() {
    let api = api();
    for (query, wanted) in [
        ("", (2, 1)),
        ("state=any", (2, 1)),
        ("state=active", (2, 0)),
        ("state=Dropped", (0, 1)),
        ("state=other", (0, 0)),
        ("scrapePool=edge", (1, 0)),
        ("scrapePool=shop&state=active", (1, 0)),
    ] {
        assert_eq!(counts(&api.data(&format!("/targets?{query}")).await), wanted, "{query}");
    }
    assert_eq!(api.data("/targets?state=active").await["droppedTargetCounts"], Value::Null);
    assert_eq!(api.data("/scrape_pools").await, json!({"scrapePools": ["edge", "empty", "shop"]}));
}

#[tokio::test]
async fn metadata_is_told_of_what_a_target_has_shown() {
    // The store's samples are of 2027, those of the clock's last minutes are none: nobody has shown anything.
    let api = api();
    assert_eq!(api.data("/targets/metadata").await, json!([]));
    let (status, answer) = api.get("/targets/metadata?match_target=up%7B").await;
    assert!(
        status.is_client_error()
            && answer["error"].as_str().unwrap().starts_with("invalid parameter \"match_target\"")
    );
    let (_, answer) = api.get("/targets/metadata?limit=x").await;
    assert_eq!(answer["error"], json!("limit must be a number"));
}
