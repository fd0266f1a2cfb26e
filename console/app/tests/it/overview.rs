use console_model::alert::AlertState;

use crate::{
    fakes::{Fakes, NOW_MS, away},
    story::{self, FINGERPRINT, SHA},
};

#[tokio::test]
async fn a_service_is_shown_with_what_it_does_and_which_version_runs() {
    let page = story::fakes().get("/").await;
    assert_eq!(page.status, 200);
    let row = page.main().split("data-service=\"payments\"").nth(1).expect("payments has a row");
    let row = &row[..row.find("</tr>").unwrap()];
    for words in ["failing", "2 of 2 up", "46 %", "1.3.9 × 1, 1.4.0 × 1", "<svg"] {
        assert!(row.contains(words), "{words} in {row}");
    }
    page.assert_shows(&["1 of 2 up", "degraded", "8 jobs, last 15 minutes"]);
}

#[tokio::test]
async fn what_fires_stands_on_top_and_leads_to_its_page() {
    let page = story::fakes().get("/?from=now-1h").await;
    page.assert_shows(&["Firing now", "PaymentFailures", "98.4 % of payments fail"]);
    assert!(page.main().contains(&format!("/alerts/{FINGERPRINT}?from=now-1h")));
    assert!(!page.text().contains("DeadMansSwitch"), "a switch that always fires is no trouble");
    assert!(page.body.contains("rail-count"));
}

#[tokio::test]
async fn money_is_compared_with_the_hour_before() {
    let page = story::fakes().get("/").await;
    page.assert_shows(&[
        "4.3 /min",
        "66 % below the hour before (12.8 /min)",
        "214 EUR /min",
        "22.2 %",
        "38 of 171",
    ]);
}

#[tokio::test]
async fn last_deploys_lead_to_their_pages() {
    let page = story::fakes().get("/").await;
    assert!(page.main().contains(&format!("/deploys/{SHA}")));
    page.assert_shows(&["provider timeout 2 s", "7 min ago"]);
}

#[tokio::test]
async fn nothing_fires_is_only_said_when_it_is_known() {
    let mut quiet = story::fakes();
    quiet.alerts = Ok(Vec::new());
    quiet.rules = quiet.rules.map(|all| all.into_iter().filter(|r| r.last_error.is_none()).collect());
    quiet.get("/").await.assert_shows(&["No alert is firing", "3 rules"]);

    let mut blind = story::fakes();
    blind.alerts = Err(away("alertmanager"));
    let page = blind.get("/").await;
    assert_eq!(page.status, 200);
    page.assert_shows(&["Blind", "alertmanager is unavailable: connection refused", "payments"]);
    assert!(!page.text().contains("No alert is firing"));

    let mut stale = story::fakes();
    stale.alerts = Ok(Vec::new());
    for rule in stale.rules.as_mut().unwrap() {
        rule.last_evaluation_ms = NOW_MS - 600_000;
        rule.state = AlertState::Inactive;
    }
    stale.get("/").await.assert_shows(&["Blind", "last evaluated 10 min ago"]);
}

#[tokio::test]
async fn a_store_that_is_away_leaves_the_rest_of_the_page() {
    let mut fakes = story::fakes();
    fakes.metrics = Box::new(|_| Err(away("metrics")));
    fakes.commits = Err(away("git"));
    let page = fakes.get("/").await;
    assert_eq!(page.status, 200);
    page.assert_shows(&[
        "metrics is unavailable: connection refused",
        "Not everything can be measured",
        "git is unavailable: connection refused",
        "PaymentFailures",
    ]);
}

#[tokio::test]
async fn an_empty_console_says_what_is_missing() {
    let page = Fakes::default().get("/").await;
    assert_eq!(page.status, 200);
    page.assert_shows(&["No alert rule is loaded", "No service has reported", "Nothing has been deployed"]);
}
