use console_model::deploy::DeclaredVersion;

use crate::{
    fakes::{Fakes, away},
    story::{self, SHA},
};

#[tokio::test]
async fn versions_that_disagree_stand_first() {
    let page = story::fakes().get("/deploys").await;
    assert_eq!(page.status, 200);
    page.assert_shows(&[
        "2 services run something else than git declares",
        "Not what git declares",
        "Mixed versions",
        "Not in git",
        "Agrees",
        "Ada Park",
    ]);
    let text = page.text();
    assert!(text.find("Not what git declares").unwrap() < text.find("Agrees").unwrap());
    assert!(page.main().contains(&format!("/deploys/{SHA}")));
}

#[tokio::test]
async fn with_one_side_missing_nothing_is_compared() {
    let fakes = Fakes { versions: Err(away("git")), ..story::fakes() };
    let page = fakes.get("/deploys").await;
    page.assert_shows(&["nothing is compared", "git is unavailable", "not compared", "History"]);
    assert!(!page.text().contains("Not in git"));
}

#[tokio::test]
async fn what_flux_cannot_apply_stands_before_what_it_applied() {
    let page = story::fakes().get("/deploys").await;
    page.assert_shows(&[
        "1 object fails",
        "HealthCheckFailed",
        "Kustomization data",
        "ReconciliationSucceeded",
    ]);
    let text = page.text();
    assert!(text.find("HealthCheckFailed").unwrap() < text.find("ReconciliationSucceeded").unwrap());
    let fakes = Fakes { flux: Ok(Some(Vec::new())), ..story::fakes() };
    fakes.get("/deploys").await.assert_shows(&["Flux has told nothing yet"]);
    let fakes = Fakes { flux: Ok(None), ..story::fakes() };
    fakes.get("/deploys").await.assert_shows(&["Flux' notifications are not taken", "flux.events_key_file"]);
    let fakes = Fakes { flux: Err(away("the console's state")), ..story::fakes() };
    fakes
        .get("/deploys")
        .await
        .assert_shows(&["the console's state is unavailable", "2 services run something else"]);
}

#[tokio::test]
async fn environments_have_a_column_where_there_are_any() {
    let page = story::fakes().get("/deploys").await;
    assert!(!page.text().contains("Environment"));
    let of = |environment: &str, version: &str| DeclaredVersion {
        service: "catalog".to_owned(),
        environment: Some(environment.to_owned()),
        version: version.to_owned(),
        file: format!("gitops/apps/{environment}/kustomization.yaml"),
    };
    let fakes =
        Fakes { versions: Ok(vec![of("production", "0.1.0"), of("staging", "0.2.0")]), ..story::fakes() };
    fakes.get("/deploys").await.assert_shows(&["Environment", "production", "staging"]);
    let unseen = Fakes { versions: Ok(vec![of("staging", "0.2.0")]), ..Fakes::default() };
    unseen.get("/deploys").await.assert_shows(&["nothing that git declares is seen", "No telemetry"]);
}

#[tokio::test]
async fn a_deploy_is_shown_line_by_line() {
    let page = story::fakes().get(&format!("/deploys/{}", &SHA[..10])).await;
    assert_eq!(page.status, 200);
    page.assert_shows(&[
        "deploy(payments): provider timeout 2 s, retries off",
        "Reviewed by Kim.",
        "gitops/apps/base/payments/deployment.yaml",
        "+3",
        "image: quarterdeck/shop-payments:1.4.0",
    ]);
    assert_eq!(page.main().matches("class=\"removed\"").count(), 3);
    assert!(page.main().contains("&lt;script&gt;"));
}

#[tokio::test]
async fn an_unknown_deploy_is_not_found() {
    let fakes = Fakes { diff: Ok(None), ..story::fakes() };
    let page = fakes.get("/deploys/0000000").await;
    assert_eq!(page.status, 404);
    page.assert_shows(&["No commit has this hash", "0000000"]);
}

#[tokio::test]
async fn runbooks_are_listed_by_folder_and_found_by_words() {
    let page = story::fakes().get("/runbooks").await;
    assert_eq!(page.status, 200);
    let text = page.text();
    assert!(text.find("Alerts 2").unwrap() < text.find("Guides 1").unwrap(), "{text}");
    story::fakes().get("/runbooks?q=On+call").await.assert_shows(&["Found 1 page", "On call", "guides"]);
    story::fakes().get("/runbooks?q=zebra").await.assert_shows(&["No page has all of these words"]);
    let fakes = Fakes { runbooks: Err(away("runbooks folder")), ..Fakes::default() };
    fakes.get("/runbooks").await.assert_shows(&["runbooks folder is unavailable"]);
}

#[tokio::test]
async fn a_runbook_alone_says_how_its_queries_are_filled() {
    let page = story::fakes().get("/runbooks/alerts/PaymentFailures").await;
    assert_eq!(page.status, 200);
    page.assert_shows(&[
        "filled when the page is opened from an alert",
        "payments.decline",
        "Run in Metrics",
    ]);
    let page = story::fakes().get("/runbooks/alerts/PaymentFailures?service=payments").await;
    page.assert_shows(&["Run in Traces", "2.31"]);
    assert!(!page.main().contains("$labels"));
}

#[tokio::test]
async fn an_unknown_runbook_is_not_found() {
    let page = story::fakes().get("/runbooks/alerts/Nope").await;
    assert_eq!(page.status, 404);
    page.assert_shows(&["no such page", "alerts/Nope"]);
}

#[tokio::test]
async fn about_lists_parts_and_targets_with_the_sick_first() {
    let page = story::fakes().get("/about").await;
    assert_eq!(page.status, 200);
    page.assert_shows(&["0.1.0", "2 h 30 min", "12,034", "2 of 3 up", "connection refused"]);
    page.assert_shows(&[
        "Targets that may be missing or old",
        "serviceMonitor/shop/old/0",
        "basicAuth is not supported",
    ]);
    let text = page.text();
    assert!(text.find("127.0.0.1:7103").unwrap() < text.find("127.0.0.1:7105").unwrap());
    let page = Fakes::default().get("/about").await;
    page.assert_shows(&["Nothing is scraped"]);
    assert!(!page.body.contains("Targets that may be missing or old"));
}

#[tokio::test]
async fn the_frame_has_navigation_range_theme_and_log_out() {
    let page = story::fakes().get("/deploys?from=now-1h").await;
    for part in [
        "href=\"/alerts?from=now-1h\"",
        "aria-current=\"page\"",
        "action=\"/logout\"",
        "action=\"/theme\"",
        "value=\"csrf-token\"",
        "value=\"/deploys?from=now-1h\"",
        "href=\"#main\"",
    ] {
        assert!(page.body.contains(part), "{part}");
    }
    let page = story::fakes().get("/?from=yesterday").await;
    page.assert_shows(&["Showing the last 15 minutes: from must be like now-15m"]);
    assert!(page.body.contains("name=\"from\""));
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_a_page_too() {
    let page = story::fakes().get("/runbook").await;
    assert_eq!(page.status, 404);
}
