use axum::http::StatusCode;
use chrono::DateTime;
use serde_json::json;
use shop_contracts::AccountId;
use shop_contracts::identity::{Account, Registered, Session, SessionInfo};
use shop_contracts::orders::{OrderPage, OrderStatus};
use shop_storefront::keyring::Keyring;
use shop_storefront::visitor::SignedIn;
use wiremock::matchers::{method, path, path_regex, query_param};
use wiremock::{Mock, ResponseTemplate};

use crate::buying::order;
use crate::stage::{Shopper, Stage};

pub fn kim() -> Account {
    Account {
        id: AccountId::new("0190a5b0-0000-7000-8000-00000000000a".parse().unwrap()),
        email: "kim@example.com".to_owned(),
        display_name: "Kim Harbour".to_owned(),
        created_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
    }
}

impl Stage {
    pub async fn identity_knows_kim(&self) {
        let created = ResponseTemplate::new(201).set_body_json(Registered { email: kim().email });
        Mock::given(method("POST"))
            .and(path("/v1/accounts"))
            .respond_with(created)
            .mount(&self.identity)
            .await;
        let expires_at = DateTime::from_timestamp(1_900_000_000, 0).unwrap();
        let session = Session { token: "t".repeat(43), account: kim(), expires_at };
        let opened = ResponseTemplate::new(201).set_body_json(session);
        Mock::given(method("POST"))
            .and(path("/v1/sessions"))
            .respond_with(opened)
            .mount(&self.identity)
            .await;
        let info = ResponseTemplate::new(200).set_body_json(SessionInfo { account: kim(), expires_at });
        Mock::given(method("GET"))
            .and(path("/v1/sessions/current"))
            .respond_with(info)
            .with_priority(100)
            .mount(&self.identity)
            .await;
        let closed = ResponseTemplate::new(204);
        Mock::given(method("DELETE")).respond_with(closed).mount(&self.identity).await;
        let page = OrderPage {
            orders: vec![order(OrderStatus::Confirmed, Some(kim().id))],
            page: 1,
            has_more: false,
        };
        let orders = ResponseTemplate::new(200).set_body_json(page);
        Mock::given(path("/v1/orders"))
            .and(query_param("account_id", kim().id.to_string()))
            .respond_with(orders)
            .mount(&self.orders)
            .await;
    }
}

pub async fn log_in(shopper: &mut Shopper<'_>, path: &str) {
    shopper.open(path).await;
    let fields = [("email", "kim@example.com"), ("password", "a long enough one")];
    let answer = shopper.submit("/login", &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
}

#[tokio::test]
async fn shopper_confirms_the_account_by_the_mail_sees_it_and_logs_out() {
    let stage = Stage::set().await;
    stage.identity_knows_kim().await;
    let confirmed = ResponseTemplate::new(201).set_body_json(kim());
    Mock::given(path("/v1/accounts/confirm")).respond_with(confirmed).mount(&stage.identity).await;
    let mut shopper = stage.shopper();
    let token = "c".repeat(43);
    let shown = shopper.open(&format!("/register/confirm?token={token}")).await;
    assert_eq!(shown.headers["referrer-policy"], "no-referrer", "the address holds a secret");
    let done = shopper.submit("/register/confirm", &[("password", "a long enough one")]).await;
    assert_eq!(done.headers["location"], "/account", "{}", done.text());
    let asked = stage.identity.received_requests().await.unwrap();
    let sent = asked.iter().find(|one| one.url.path() == "/v1/accounts/confirm").unwrap();
    let sent: serde_json::Value = sent.body_json().unwrap();
    assert_eq!(
        (sent["token"].as_str(), sent["password"].as_str()),
        (Some(&*token), Some("a long enough one"))
    );
    shopper.open("/account").await;
    assert!(shopper.page.contains("Ahoy, Kim<") && shopper.page.contains("QD-1001"));
    let out = shopper.submit("/logout", &[]).await;
    assert_eq!(out.headers["location"], "/");
    assert!(!shopper.cookies.contains_key("session"));
    assert_eq!(shopper.open("/account").await.headers["location"], "/login");
    let asked = stage.identity.received_requests().await.unwrap();
    assert!(asked.iter().any(|request| request.method.as_str() == "DELETE"));
}

#[tokio::test]
async fn a_link_that_is_over_and_a_wrong_password_confirm_nothing_and_say_so() {
    let stage = Stage::set().await;
    let token = "c".repeat(43);
    let over = json!({"status": 422, "code": "invalid", "errors": [{"field": "token", "detail": "is over"}]});
    for (status, body, shown, text) in [
        (422, over, StatusCode::GONE, "not valid any more"),
        (404, json!({"status": 404, "code": "not_found"}), StatusCode::GONE, "not valid any more"),
        (
            401,
            json!({"status": 401, "code": "unauthenticated"}),
            StatusCode::UNPROCESSABLE_ENTITY,
            "not the password",
        ),
    ] {
        stage.identity.reset().await;
        let answer = ResponseTemplate::new(status).set_body_json(body);
        Mock::given(path("/v1/accounts/confirm")).respond_with(answer).mount(&stage.identity).await;
        let mut shopper = stage.shopper();
        shopper.open(&format!("/register/confirm?token={token}")).await;
        let refused = shopper.submit("/register/confirm", &[("password", "a long enough one")]).await;
        assert_eq!(refused.status, shown);
        assert!(shopper.page.contains(text), "{}", shopper.page);
        let has_form = shopper.page.contains("confirm-form");
        assert_eq!(has_form, shown != StatusCode::GONE, "no form that cannot work: {}", shopper.page);
        assert!(!shopper.cookies.contains_key("session") && !shopper.page.contains("a long enough one"));
    }
    for nonsense in ["", "?token=", "?token=a.b", "?token=%3Cb%3E"] {
        let answer = stage.shopper().open(&format!("/register/confirm{nonsense}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{nonsense}");
    }
}

#[tokio::test]
async fn a_link_opened_again_after_the_password_was_changed_is_not_valid_any_more() {
    let stage = Stage::set().await;
    let confirmed = ResponseTemplate::new(201).set_body_json(kim());
    Mock::given(path("/v1/accounts/confirm")).respond_with(confirmed).mount(&stage.identity).await;
    let other = json!({"status": 401, "code": "unauthenticated"});
    let other = ResponseTemplate::new(401).set_body_json(other);
    Mock::given(path("/v1/sessions")).respond_with(other).mount(&stage.identity).await;
    let mut shopper = stage.shopper();
    shopper.open(&format!("/register/confirm?token={}", "c".repeat(43))).await;
    let refused = shopper.submit("/register/confirm", &[("password", "the first password")]).await;
    assert_eq!(refused.status, StatusCode::GONE, "{}", refused.text());
    assert!(shopper.page.contains("not valid any more") && shopper.page.contains("href=\"/login\""));
    assert!(!shopper.page.contains("confirm-form"), "{}", shopper.page);
    assert!(!shopper.cookies.contains_key("session"));
}

/// Kim's cookie as it was sealed some seconds ago.
pub fn sealed(seconds_ago: i64) -> String {
    let now = shop_instrumentation::clock::now().timestamp();
    let expires_at = DateTime::from_timestamp(now + 3_600, 0).unwrap();
    let session = Session { token: "t".repeat(43), account: kim(), expires_at };
    let who = SignedIn::new(session, now - seconds_ago);
    let keys = Keyring::parse(&"5a".repeat(32)).unwrap();
    keys.seal("session", &serde_json::to_vec(&who).unwrap())
}

#[tokio::test]
async fn session_is_checked_with_identity_once_a_minute_and_a_revoked_one_ends() {
    let stage = Stage::set().await;
    stage.identity_knows_kim().await;
    let mut shopper = stage.shopper();
    let asked = async || {
        let mut asked = stage.identity.received_requests().await.unwrap();
        asked.retain(|request| request.url.path() == "/v1/sessions/current");
        asked
    };
    shopper.cookies.insert("session".to_owned(), sealed(5));
    shopper.open("/cart").await;
    assert!(shopper.page.contains("<span>Kim</span>") && asked().await.is_empty(), "fresh: not asked");

    shopper.cookies.insert("session".to_owned(), sealed(90));
    for _ in 0..3 {
        shopper.open("/cart").await;
        assert!(shopper.page.contains("<span>Kim</span>"));
    }
    let calls = asked().await;
    assert_eq!(calls.len(), 1, "asked once, then believed for a minute");
    assert_eq!(calls[0].headers["x-session-token"].to_str().unwrap(), "t".repeat(43));

    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.cookies.insert("session".to_owned(), sealed(90));
    let over = json!({"status": 404, "code": "not_found"});
    let over = ResponseTemplate::new(404).set_body_json(over);
    Mock::given(path("/v1/sessions/current")).respond_with(over).mount(&stage.identity).await;
    assert_eq!(shopper.open("/account").await.headers["location"], "/login");
}

#[tokio::test]
async fn a_session_that_was_ended_elsewhere_opens_none_of_the_owner_s_pages_any_more() {
    let stage = Stage::set().await;
    stage.identity_knows_kim().await;
    let mine = order(OrderStatus::Confirmed, Some(kim().id));
    stage.orders_answer(&mine).await;
    let mut shopper = stage.shopper();
    shopper.cookies.insert("session".to_owned(), sealed(5));
    shopper.open("/account/delete").await;
    assert!(shopper.page.contains("delete-form"));
    let over = ResponseTemplate::new(404).set_body_json(json!({"status": 404, "code": "not_found"}));
    Mock::given(path("/v1/sessions/current"))
        .respond_with(over)
        .with_priority(1)
        .mount(&stage.identity)
        .await;
    let forced = shopper.submit("/account/delete", &[("password", "a long enough one")]).await;
    assert!(forced.headers["location"].to_str().unwrap().starts_with("/login"), "no minute of grace");
    let asked = stage.identity.received_requests().await.unwrap();
    assert!(!asked.iter().any(|request| request.url.path().ends_with("/delete")));
    let elsewhere = Stage::set().await;
    let over = ResponseTemplate::new(404).set_body_json(json!({"status": 404, "code": "not_found"}));
    Mock::given(path("/v1/sessions/current")).respond_with(over).mount(&elsewhere.identity).await;
    let mut there = elsewhere.shopper();
    there.cookies.insert("session".to_owned(), sealed(5));
    for page in ["/login", "/register"] {
        let shown = there.open(page).await;
        assert_eq!(
            shown.status,
            StatusCode::OK,
            "{page} of an instance that has not heard of it sends nobody back"
        );
    }
    for page in ["/account", "/account/addresses", &format!("/orders/{}", mine.id)] {
        let answer = shopper.open(page).await;
        assert!(answer.headers["location"].to_str().unwrap().starts_with("/login"), "{page}");
    }
    shopper.open("/cart").await;
    assert!(!shopper.page.contains("<span>Kim</span>"), "other pages have heard of it");
}

#[tokio::test]
async fn two_presses_of_register_or_log_in_are_one_request() {
    let stage = Stage::set().await;
    stage.identity_knows_kim().await;
    let keys = async |to: &str| -> Vec<String> {
        let asked = stage.identity.received_requests().await.unwrap();
        let posted = asked.iter().filter(|one| one.method.as_str() == "POST" && one.url.path() == to);
        posted.map(|one| one.headers["idempotency-key"].to_str().unwrap().to_owned()).collect()
    };
    let mut shopper = stage.shopper();
    shopper.open("/register").await;
    let fields = [("name", "Kim"), ("email", "kim@example.com"), ("password", "a long enough one")];
    let page = shopper.page.clone();
    let mut again = async |fields: &[(&str, &str)]| {
        shopper.page.clone_from(&page);
        assert_eq!(shopper.submit("/register", fields).await.status, StatusCode::OK);
    };
    for _ in 0..2 {
        again(&fields).await;
    }
    let accounts = keys("/v1/accounts").await;
    assert_eq!(accounts[0], accounts[1], "or the owner would be told of a second registration by mail");
    again(&[("name", "Kim"), ("email", "kay@example.com"), fields[2]]).await;
    assert_ne!(keys("/v1/accounts").await[2], accounts[0], "other fields are another request");

    let mut stranger = stage.shopper();
    let mut seen = Vec::new();
    for _ in 0..2 {
        stranger.cookies.clear();
        stranger.open("/login").await;
        for _ in 0..2 {
            stranger
                .submit("/login", &[("email", "kim@example.com"), ("password", "a long enough one")])
                .await;
        }
        seen = keys("/v1/sessions").await;
    }
    assert!(seen[0] == seen[1] && seen[2] == seen[3] && seen[0] != seen[2], "{seen:?}");
}

#[tokio::test]
async fn identity_that_cannot_be_reached_logs_nobody_out() {
    let stage = Stage::set().await;
    stage.identity_knows_kim().await;
    let gone = ResponseTemplate::new(503);
    Mock::given(path("/v1/sessions/current")).respond_with(gone).mount(&stage.identity).await;
    let mut shopper = stage.shopper();
    shopper.cookies.insert("session".to_owned(), sealed(90));
    shopper.open("/account").await;
    assert!(shopper.page.contains("Ahoy, Kim<"), "{}", shopper.page);
}

#[tokio::test]
async fn registering_is_answered_alike_whether_the_address_has_an_account_or_not() {
    let mut answers = Vec::new();
    for password_is_theirs in [true, false] {
        let stage = Stage::set().await;
        stage.identity_knows_kim().await;
        if !password_is_theirs {
            let wrong = json!({"status": 401, "code": "unauthenticated"});
            let wrong = ResponseTemplate::new(401).set_body_json(wrong);
            Mock::given(path("/v1/sessions"))
                .respond_with(wrong)
                .with_priority(1)
                .mount(&stage.identity)
                .await;
        }
        let mut shopper = stage.shopper();
        shopper.open("/register").await;
        let fields = [("name", "Kim"), ("email", "kim@example.com"), ("password", "a long enough one")];
        let answer = shopper.submit("/register", &fields).await;
        assert!(!shopper.cookies.contains_key("session"), "nobody is logged in by registering");
        let asked = stage.identity.received_requests().await.unwrap();
        assert!(!asked.iter().any(|one| one.url.path() == "/v1/sessions"), "no password is tried");
        answers.push((answer.status, answer.text()));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, StatusCode::OK);
    assert!(answers[0].1.contains("Look into your mail") && !answers[0].1.contains("already"));
}

#[tokio::test]
async fn a_token_of_ours_that_identity_does_not_take_logs_nobody_out_and_blames_no_password() {
    let stage = Stage::set().await;
    let refused = json!({"status": 401, "code": "caller_unauthenticated", "detail": "the token is over"});
    let refused = ResponseTemplate::new(401).set_body_json(refused);
    Mock::given(path_regex(".*")).respond_with(refused).with_priority(1).mount(&stage.identity).await;
    let mut shopper = stage.shopper();
    shopper.cookies.insert("session".to_owned(), sealed(90));
    for page in ["/cart", "/account"] {
        shopper.open(page).await;
        assert!(shopper.page.contains("Kim"), "{page}: {}", shopper.page);
    }
    let mut stranger = stage.shopper();
    stranger.open("/login").await;
    let fields = [("email", "kim@example.com"), ("password", "a long enough one")];
    let answer = stranger.submit("/login", &fields).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.text().contains("is not right"));
    // A proxy between us that answers 401 by itself says as little about a shopper.
    stage.identity.reset().await;
    Mock::given(path_regex(".*")).respond_with(ResponseTemplate::new(401)).mount(&stage.identity).await;
    let mut other = stage.shopper();
    other.cookies.insert("session".to_owned(), sealed(91));
    other.open("/account").await;
    assert!(other.page.contains("Ahoy, Kim<"), "{}", other.page);
}

#[tokio::test]
async fn where_to_go_on_survives_the_way_between_the_forms_whole() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    let there = "/search?q=rope&sort=name";
    for (page, link) in [("/login", "/register"), ("/register", "/login")] {
        shopper.open(&format!("{page}?return_to={}", urlencoding::encode(there))).await;
        let href = format!("href=\"{link}?return_to={}\"", urlencoding::encode(there));
        assert!(shopper.page.contains(&href), "{page}: {}", shopper.page);
    }
}

#[tokio::test]
async fn logging_in_goes_back_to_where_it_was_needed_and_owners_see_their_order_whole() {
    let stage = Stage::set().await;
    stage.identity_knows_kim().await;
    let mine = order(OrderStatus::Confirmed, Some(kim().id));
    stage.orders_answer(&mine).await;
    let mut shopper = stage.shopper();
    let login =
        shopper.open(&format!("/orders/{}", mine.id)).await.headers["location"].to_str().unwrap().to_owned();
    log_in(&mut shopper, &login).await;
    shopper.open(&format!("/orders/{}", mine.id)).await;
    assert!(shopper.page.contains("1 Quay Street"));
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    assert!(shopper.page.contains("value=\"kim@example.com\""));
}

/// Where a browser is sent after the log-in, and where one is sent that is logged in already.
#[tokio::test]
async fn log_in_never_leads_to_another_site() {
    let stage = Stage::set().await;
    stage.identity_knows_kim().await;
    for elsewhere in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "https:evil.example",
    ] {
        let path = format!("/login?return_to={}", urlencoding::encode(elsewhere));
        let mut shopper = stage.shopper();
        shopper.open(&path).await;
        let fields =
            [("email", "kim@example.com"), ("password", "a long enough one"), ("return_to", elsewhere)];
        let answer = shopper.submit("/login", &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        assert_eq!(answer.headers["location"], "/account", "after the log-in, from {elsewhere}");
        let again = shopper.open(&path).await;
        assert_eq!(again.status, StatusCode::SEE_OTHER);
        assert_eq!(again.headers["location"], "/account", "logged in already, from {elsewhere}");
    }
    let mut shopper = stage.shopper();
    shopper.open("/login?return_to=/orders/lookup").await;
    let fields =
        [("email", "kim@example.com"), ("password", "a long enough one"), ("return_to", "/orders/lookup")];
    let answer = shopper.submit("/login", &fields).await;
    assert_eq!(answer.headers["location"], "/orders/lookup", "a page of the shop is where one goes on");
}

/// Whoever guesses is told the same: it names no account.
#[tokio::test]
async fn who_has_not_confirmed_the_account_yet_is_told_what_to_do() {
    let stage = Stage::set().await;
    let refused = ResponseTemplate::new(401).set_body_json(json!({"status": 401, "code": "unauthenticated"}));
    Mock::given(path("/v1/sessions")).respond_with(refused).mount(&stage.identity).await;
    let mut shopper = stage.shopper();
    shopper.open("/login").await;
    shopper.submit("/login", &[("email", "kim@example.com"), ("password", "a long enough one")]).await;
    let hint = "Just made the account? Confirm it first: look into your mail.";
    assert!(shopper.page.contains(hint), "{}", shopper.page);
}

#[tokio::test]
async fn wrong_password_and_throttling_are_said_plainly() {
    let stage = Stage::set().await;
    let problem = |status: u16, code: &str| {
        ResponseTemplate::new(status).set_body_json(json!({"status": status, "code": code}))
    };
    for (answer, expected, text) in [
        (problem(401, "unauthenticated"), StatusCode::UNAUTHORIZED, "is not right"),
        (
            problem(429, "rate_limited").insert_header("retry-after", "30"),
            StatusCode::TOO_MANY_REQUESTS,
            "wait 30 seconds",
        ),
    ] {
        stage.identity.reset().await;
        Mock::given(path("/v1/sessions")).respond_with(answer).mount(&stage.identity).await;
        let mut shopper = stage.shopper();
        shopper.open("/login").await;
        let refused = shopper.submit("/login", &[("email", "kim@example.com"), ("password", "wrong")]).await;
        assert_eq!(refused.status, expected);
        assert!(shopper.page.contains(text) && shopper.page.contains("value=\"kim@example.com\""));
        assert!(!shopper.page.contains("value=\"wrong\""), "a password never comes back");
    }
    stage.identity.reset().await;
    let slow_down = problem(429, "rate_limited").insert_header("retry-after", "120");
    Mock::given(path("/v1/accounts")).respond_with(slow_down).mount(&stage.identity).await;
    let mut shopper = stage.shopper();
    shopper.open("/register").await;
    let fields = [("name", "Kim"), ("email", "kim@example.com"), ("password", "a long enough one")];
    assert_eq!(shopper.submit("/register", &fields).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(shopper.page.contains("wait 2 minutes"));
}

#[tokio::test]
async fn identity_is_told_the_address_that_the_edge_saw_and_not_what_the_client_claims() {
    let stage = Stage::set().await;
    stage.identity_knows_kim().await;
    let mut shopper = stage.shopper();
    shopper.forwarded = "198.51.100.1, 203.0.113.9";
    log_in(&mut shopper, "/login").await;
    let fields = [("name", "Kim"), ("email", "kim@example.com"), ("password", "a long enough one")];
    let mut stranger = stage.shopper();
    stranger.forwarded = shopper.forwarded;
    stranger.open("/register").await;
    stranger.submit("/register", &fields).await;
    let asked = stage.identity.received_requests().await.unwrap();
    let told: Vec<String> = asked
        .iter()
        .filter(|request| request.method.as_str() == "POST")
        .map(|request| request.body_json::<serde_json::Value>().unwrap()["client_address"].to_string())
        .collect();
    assert_eq!(told, vec!["\"203.0.113.9\""; 2]);
}
