//! What is the same for all endpoints: methods, other sites' pages, what is switched off.

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode},
};
use serde_json::{Value, json};

use crate::harness::{Api, NOW_S};

async fn asked(
    api: &Api,
    method: Method,
    path: &str,
    origin: Option<&str>,
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    api.answer(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn options_are_answered_everywhere_and_head_as_get() {
    let api = Api::start();
    for path in ["/api/v1/query", "/api/v1/label/job/values", "/api/v1/nothing"] {
        let (status, _, body) = asked(&api, Method::OPTIONS, path, None).await;
        assert_eq!((status, body.len()), (StatusCode::NO_CONTENT, 0), "{path}");
    }
    let (status, headers, body) = asked(&api, Method::HEAD, "/api/v1/labels", None).await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
    assert_eq!(headers["content-type"], "application/json");
}

#[tokio::test]
async fn pages_of_sites_that_are_let_in_may_read() {
    let api = Api::start();
    let grafana = "https://grafana.example.com";
    for method in [Method::OPTIONS, Method::GET] {
        let (_, headers, _) = asked(&api, method, "/api/v1/query?query=1", Some(grafana)).await;
        assert_eq!(headers["access-control-allow-origin"], grafana);
        assert_eq!(headers["access-control-allow-methods"], "GET, POST, OPTIONS");
        assert_eq!(headers["access-control-allow-headers"], "Accept, Authorization, Content-Type, Origin");
        assert_eq!(
            (&headers["access-control-expose-headers"], &headers["vary"]),
            (&"Date".parse().unwrap(), &"Origin".parse().unwrap())
        );
    }
    for origin in [Some("https://grafana.example.com.evil.org"), Some("http://grafana.example.com"), None] {
        let (status, headers, _) = asked(&api, Method::GET, "/api/v1/query?query=1", origin).await;
        assert_eq!(status, StatusCode::OK);
        assert!(!headers.contains_key("access-control-allow-origin"), "{origin:?}");
    }
    // An error is read too.
    let (status, headers, _) = asked(&api, Method::GET, "/api/v1/query", Some(grafana)).await;
    assert_eq!(
        (status, headers["access-control-allow-origin"].to_str().unwrap()),
        (StatusCode::BAD_REQUEST, grafana)
    );
}

#[tokio::test]
async fn deletion_and_snapshots_are_switched_off() {
    let api = Api::start();
    for action in ["delete_series", "clean_tombstones", "snapshot"] {
        for method in [Method::POST, Method::PUT] {
            let (status, _, body) = asked(&api, method, &format!("/api/v1/admin/tsdb/{action}"), None).await;
            let body: Value = serde_json::from_slice(&body).unwrap();
            let wanted =
                json!({"status": "error", "errorType": "unavailable", "error": "admin APIs disabled"});
            assert_eq!((status.as_u16(), body), (500, wanted));
        }
    }
}

#[tokio::test]
async fn a_form_that_is_too_long_or_no_text_is_refused() {
    let api = Api::start();
    let posted = async |body: Vec<u8>| {
        let request = Request::post("/api/v1/query")
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .body(Body::from(body));
        let (status, _, body) = api.answer(request.unwrap()).await;
        (status, serde_json::from_slice::<Value>(&body).unwrap())
    };
    let (status, answer) = posted(format!("query=sum(up)&time={NOW_S}").into_bytes()).await;
    assert_eq!((status, &answer["data"]["result"][0]["value"][1]), (StatusCode::OK, &json!("2")));
    let long = posted(format!("query={}", "x".repeat(300_000)).into_bytes()).await;
    assert_eq!((long.0, &long.1["errorType"]), (StatusCode::BAD_REQUEST, &json!("bad_data")));
    let odd = posted(vec![b'q', 0xff]).await;
    assert_eq!((odd.0, &odd.1["errorType"]), (StatusCode::BAD_REQUEST, &json!("bad_data")));
}
