use console_model::alert::{AlertState, TOLD_STATE};

use crate::{
    fakes::{Fakes, away},
    story::{self, FINGERPRINT, SHA, TRACE_ID},
};

#[tokio::test]
async fn the_first_link_of_an_alerts_row_is_its_page() {
    let page = story::fakes().get("/alerts").await;
    assert_eq!(page.status, 200);
    let row = page.main().split("data-alert=\"PaymentFailures\"").nth(1).expect("the alert has a row");
    let row = &row[..row.find("</tr>").unwrap()];
    let first = row.find("href=\"").map(|at| &row[at + 6..]).unwrap();
    assert!(first.starts_with(&format!("/alerts/{FINGERPRINT}")), "{first}");
    assert!(
        row.contains(&format!("/traces/{TRACE_ID}")) && row.contains("Runbook") && row.contains("98.4 %")
    );
    page.assert_shows(&["2 firing, 1 pending, 1 resolved lately", "predict_linear is not supported yet"]);
}

#[tokio::test]
async fn filters_stand_in_the_address() {
    let page = story::fakes().get("/alerts?severity=warning").await;
    assert!(page.main().contains("data-alert=\"LatencyHigh\""));
    assert!(!page.main().contains("data-alert=\"PaymentFailures\""));
    page.assert_shows(&["2 of 4"]);
    let page = story::fakes().get("/alerts?service=nothing").await;
    page.assert_shows(&["No alert matches the filter", "4 alerts are hidden"]);
}

#[tokio::test]
async fn messages_are_shown_as_slack_shows_them_and_as_text_only() {
    let page = story::fakes().get("/alerts").await;
    let main = page.main();
    for part in [
        "<b>98.4 % of payments fail",
        "<code>payments",
        "2027-01-15 07:55:46 UTC",
        "--bar:#d1293d",
        "Open alert",
        "receiver on-call",
        "payment declined by provider amount_minor=4990",
    ] {
        assert!(main.contains(part), "{part}");
    }
    page.assert_shows(&["Preview only", "After 3 attempts: connection refused"]);
    assert!(!page.body.contains("<script>alert"), "text of a payload became markup");
}

#[tokio::test]
async fn one_source_that_is_away_leaves_the_others() {
    let fakes = Fakes { alerts: Err(away("alertmanager")), ..story::fakes() };
    let page = fakes.get("/alerts").await;
    assert_eq!(page.status, 200);
    page.assert_shows(&[
        "The state of alerts is not known",
        "alertmanager is unavailable",
        "ServiceDown",
        "Preview only",
    ]);
    Fakes::default().get("/alerts").await.assert_shows(&[
        "No alert is firing, pending or lately resolved",
        "No message has been sent",
        "No rule to show",
    ]);
}

#[tokio::test]
async fn an_alerts_page_tells_the_whole_story() {
    let page = story::fakes().get(&format!("/alerts/{FINGERPRINT}")).await;
    assert_eq!(page.status, 200);
    let main = page.main();
    for id in [
        "id=\"runbook\"",
        "id=\"evidence-log\"",
        "id=\"evidence-trace\"",
        "id=\"suspects\"",
        "data-chart=\"alert\"",
    ] {
        assert!(main.contains(id), "{id}");
    }
    assert!(main.contains(&format!("href=\"/traces/{TRACE_ID}\"")));
    assert!(main.contains(&format!("/deploys/{SHA}")));
    page.assert_shows(&[
        "98.4 % of payments fail",
        "2027-01-15 07:55:46 UTC",
        "limit &gt; 25 %",
        "payment declined by provider",
        "2 min 46 s before",
        "touches payments",
        "payments.decline",
        "about 36",
        "not in the store: past retention",
    ]);
    let suspects = main.split("id=\"suspects\"").nth(1).unwrap();
    assert!(suspects.find("provider timeout").unwrap() < suspects.find("search cache").unwrap());
    assert!(page.body.contains("<title>PaymentFailures · Quarterdeck</title>"), "{}", &page.body[..1500]);
}

#[tokio::test]
async fn the_runbook_is_filled_with_the_alert_and_its_queries_are_answered() {
    let fakes = story::fakes();
    let heard = fakes.heard.clone();
    let page = fakes.get(&format!("/alerts/{FINGERPRINT}")).await;
    page.assert_shows(&["declined", "2.31", "Run in Metrics", "Run in Traces"]);
    let wanted = r#"sum by (outcome) (rate(shop_payment_authorisations_total{job="payments"}[1m]))"#;
    assert!(heard.lock().unwrap().iter().any(|q| q == wanted));
    assert!(!page.main().contains("$labels"));
}

#[tokio::test]
async fn telemetry_stays_text_on_every_page() {
    for address in [
        "/".to_owned(),
        "/alerts".to_owned(),
        format!("/alerts/{FINGERPRINT}"),
        "/deploys".to_owned(),
        format!("/deploys/{SHA}"),
        "/runbooks?q=%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        "/runbooks/alerts/PaymentFailures?service=%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        "/about".to_owned(),
        "/alerts/%3Cscript%3Ealert(1)%3C%2Fscript%3E".to_owned(),
        "/no/%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
    ] {
        let page = story::fakes().get(&address).await;
        assert!(!page.body.contains("<script>alert"), "{address}");
    }
}

#[tokio::test]
async fn an_unknown_alert_is_not_found_and_says_what_that_may_mean() {
    let page = story::fakes().get("/alerts/ffffffffffffffff").await;
    assert_eq!(page.status, 404);
    page.assert_shows(&["not known any more", "ffffffffffffffff", "may have resolved a while ago"]);
    let page =
        Fakes { alerts: Err(away("alertmanager")), ..story::fakes() }.get("/alerts/ffffffffffffffff").await;
    assert_eq!(page.status, 502);
    page.assert_shows(&["alertmanager is unavailable"]);
}

#[tokio::test]
async fn an_alert_of_somebody_else_has_neither_value_nor_chart_and_shows_their_word() {
    let mut theirs = story::payment_failures();
    theirs.name = "shop-valkey-memory".to_owned();
    theirs.state = AlertState::Pending;
    theirs.expr = String::new();
    theirs.annotations = theirs.annotations.with(TOLD_STATE, "INSUFFICIENT_DATA");
    let fakes = || Fakes { alerts: Ok(vec![theirs.clone()]), ..story::fakes() };
    let page = fakes().get("/alerts").await;
    let row = page.main().split("data-alert=\"shop-valkey-memory\"").nth(1).expect("the alert has a row");
    let row = &row[..row.find("</tr>").unwrap()];
    assert!(row.contains("INSUFFICIENT_DATA") && !row.contains("Pending"), "{row}");
    let page = fakes().get(&format!("/alerts/{FINGERPRINT}")).await;
    assert_eq!(page.status, 200);
    assert!(!page.main().contains("data-chart=\"alert\"") && !page.main().contains("id=\"measured\""));
    page.assert_shows(&["INSUFFICIENT_DATA", "98.4 % of payments fail"]);
}
