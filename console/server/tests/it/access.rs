//! Who gets in.

use super::console::{Console, PASSWORD, TOKEN, lay_out};

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_sent_to_the_log_in_page_and_comes_back_where_he_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start(&dir).await;
    let response = console.http.get(console.url("/alerts?severity=critical")).send().await.unwrap();
    assert_eq!(response.status(), 303);
    assert_eq!(response.headers()["location"], "/login?next=%2Falerts%3Fseverity%3Dcritical");
    let (status, page) = console.fetch("/login?next=%2Falerts%3Fseverity%3Dcritical").await;
    assert_eq!(status, 200);
    assert!(page.contains("id=\"login-form\"") && !page.contains("<script"), "{page}");

    let response = console.log_in("admin", PASSWORD, "/alerts?severity=critical").await;
    assert_eq!(response.status(), 303);
    assert_eq!(response.headers()["location"], "/alerts?severity=critical");
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let (status, page) = console.fetch("/alerts").await;
    assert_eq!(status, 200, "{page}");
    let other_site = console.log_in("admin", PASSWORD, "//evil.example").await;
    assert_eq!(other_site.headers()["location"], "/");
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_are_refused_alike_and_then_slowed_down() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start(&dir).await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(console.log_in("nobody", "wrong", "/").await.status().as_u16());
    }
    assert_eq!(statuses[0], 401);
    assert_eq!(statuses[7], 429);
    let known = console.log_in("admin", "wrong", "/").await;
    assert_eq!(known.status(), 401);
    assert!(known.text().await.unwrap().contains("login-form"), "the form is shown again");
    assert_eq!(console.log_in("admin", PASSWORD, "/").await.status(), 303, "another user is not locked out");
    let (_, metrics) = console.fetch("/metrics").await;
    for counted in [r#"{outcome="success"} 1"#, r#"{outcome="wrong"} 6"#, r#"{outcome="throttled"} 3"#] {
        assert!(
            metrics.contains(&format!("quarterdeck_login_attempts_total{counted}\n")),
            "{counted}: {metrics}"
        );
    }
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_neither_logs_in_nor_out() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start(&dir).await;
    let form = [("username", "admin"), ("password", PASSWORD)];
    let evil = || console.http.post(console.url("/login")).header("origin", "http://evil.example");
    assert_eq!(evil().form(&form).send().await.unwrap().status(), 403);
    let (_, metrics) = console.fetch("/metrics").await;
    assert!(metrics.contains("quarterdeck_login_attempts_total{outcome=\"other_site\"} 1\n"), "{metrics}");
    console.log_in("admin", PASSWORD, "/").await;
    let log_out = |csrf: String| console.http.post(console.url("/logout")).form(&[("csrf", csrf)]).send();
    assert_eq!(log_out("wrong".to_owned()).await.unwrap().status(), 403);
    assert_eq!(console.fetch("/about").await.0, 200, "still logged in");
    let page = console.fetch("/about").await.1;
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).and_then(|p| p.split('"').next()).unwrap();
    let theme = [("theme", "dark"), ("next", "/about"), ("csrf", csrf)];
    let chosen = console.http.post(console.url("/theme")).form(&theme).send().await.unwrap();
    assert_eq!((chosen.status().as_u16(), &chosen.headers()["location"]), (303, &"/about".parse().unwrap()));
    assert!(console.fetch("/about").await.1.contains("data-theme=\"dark\""), "the choice is kept");
    assert_eq!(log_out(csrf.to_owned()).await.unwrap().status(), 303);
    assert_eq!(console.fetch("/about").await.0, 303, "logged out");
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn query_apis_want_a_token_or_a_session() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start(&dir).await;
    for path in ["/api/v1/query?query=1", "/loki/api/v1/labels", "/api/search/tags", "/jaeger/api/services"] {
        assert_eq!(console.fetch(path).await.0, 401, "{path}");
        let wrong = console.http.get(console.url(path)).bearer_auth("wrong").send().await.unwrap();
        assert_eq!(wrong.status(), 401, "{path}");
        let right = console.http.get(console.url(path)).bearer_auth(TOKEN).send().await.unwrap();
        assert_eq!(right.status(), 200, "{path}");
    }
    let (_, refusal) = console.fetch("/api/v1/query?query=1").await;
    let refusal: serde_json::Value = serde_json::from_str(&refusal).unwrap();
    assert_eq!(refusal["status"], "error");
    console.log_in("admin", PASSWORD, "/").await;
    assert_eq!(console.fetch("/api/v1/query?query=1").await.0, 200, "a session is enough");
    let other = console.http.get(console.url("/loki/api/v1/labels")).header("origin", "http://evil.example");
    assert_eq!(other.send().await.unwrap().status(), 401, "but not from another site");
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_wants_its_token_and_never_a_session() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start(&dir).await;
    console.log_in("admin", PASSWORD, "/").await;
    let push = console.http.post(console.url("/loki/api/v1/push")).json(&serde_json::json!({"streams": []}));
    assert_eq!(push.send().await.unwrap().status(), 401);
    // An empty request of remote write: nothing, compressed.
    let write = || {
        let request = console.http.post(console.url("/api/v1/write")).body(vec![0u8]);
        request.header("content-type", "application/x-protobuf").header("content-encoding", "snappy")
    };
    assert_eq!(write().send().await.unwrap().status(), 401);
    assert_eq!(write().bearer_auth(TOKEN).send().await.unwrap().status(), 204);
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_may_ask_without_a_token_whether_it_may_ask() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = lay_out(dir.path());
    config.cors_origin = Some("https://grafana\\.example".to_owned());
    let console = Console::start_with(config).await;
    let asked = |method: reqwest::Method, path: &str| {
        console.http.request(method, console.url(path)).header("origin", "https://grafana.example").send()
    };
    let may = asked(reqwest::Method::OPTIONS, "/api/v1/query").await.unwrap();
    assert_eq!(may.status(), 204);
    assert_eq!(may.headers()["access-control-allow-origin"], "https://grafana.example");
    for path in ["/api/v1/query?query=1", "/federate?match[]=up"] {
        let status = asked(reqwest::Method::GET, path).await.unwrap().status();
        assert_eq!(status, 401, "{path}");
    }
    let read = asked(reqwest::Method::POST, "/api/v1/read").await.unwrap().status();
    assert_eq!(read, 401);
    console.stop().await;
}
