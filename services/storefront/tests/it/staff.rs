//! The back office.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use chrono::DateTime;
use serde_json::{Value, json};
use shop_contracts::identity::{StaffMember, StaffRole, StaffSession};
use shop_contracts::inventory::{LedgerEntry, StockItem, StockLedger, StockPage};
use shop_contracts::orders::{Order, OrderHistory, OrderPage, OrderStatus};
use shop_storefront::keyring::Keyring;
use shop_testkit::http::{Answer, call};
use wiremock::matchers::{header, method, path, path_regex};
use wiremock::{Mock, ResponseTemplate};

use crate::buying::order;
use crate::stage::{Stage, hidden_fields, lamp};

/// The cookie of a staff session.
fn sealed(token: &str) -> String {
    let keys = Keyring::parse(&"5a".repeat(32)).unwrap();
    format!("staff={}", keys.seal("staff", token.as_bytes()))
}

/// A staff member's browser: one cookie, and forms as the pages show them.
pub struct Clerk<'a> {
    stage: &'a Stage,
    cookie: String,
}

impl Clerk<'_> {
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    pub async fn send(&self, verb: Method, to: &str, body: String, site: &str) -> Answer {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("cookie", self.cookie.as_str()),
            ("sec-fetch-site", site),
        ];
        call(&self.stage.router, verb, to, &headers, Body::from(body)).await
    }

    pub async fn open(&self, to: &str) -> Answer {
        self.send(Method::GET, to, String::new(), "none").await
    }

    /// The form with this action on `page`, with `fields`.
    pub async fn submit(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let shown = self.open(page).await.text();
        let mut form = hidden_fields(&shown, action);
        assert!(form.iter().any(|(name, _)| name == "csrf"), "no form for {action} on {shown}");
        form.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let encoded: Vec<String> =
            form.iter().map(|(n, v)| format!("{n}={}", urlencoding::encode(v))).collect();
        self.send(Method::POST, action, encoded.join("&"), "same-origin").await
    }
}

impl Stage {
    pub async fn staff(&self, role: StaffRole) -> Clerk<'_> {
        let member = StaffMember { username: "ada".to_owned(), role };
        let known = ResponseTemplate::new(200).set_body_json(&member);
        Mock::given(method("GET"))
            .and(path("/v1/staff/sessions/current"))
            .and(header("x-session-token", "s3cret-token"))
            .respond_with(known)
            .mount(&self.identity)
            .await;
        let missing = ResponseTemplate::new(404).set_body_json(json!({"status": 404, "code": "not_found"}));
        Mock::given(path_regex(".*")).respond_with(missing).with_priority(200).mount(&self.identity).await;
        Clerk { stage: self, cookie: sealed("s3cret-token") }
    }

    pub async fn an_order(&self, order: &Order) {
        self.orders_answer(order).await;
        let json = |value: Value| ResponseTemplate::new(200).set_body_json(value);
        let page = OrderPage { orders: vec![order.clone()], page: 1, has_more: true };
        let history = OrderHistory { entries: vec![] };
        for (to, body) in [
            ("/v1/staff/orders".to_owned(), serde_json::to_value(page)),
            (format!("/v1/staff/orders/{}/history", order.id), serde_json::to_value(history)),
        ] {
            Mock::given(method("GET"))
                .and(path(to))
                .respond_with(json(body.unwrap()))
                .mount(&self.orders)
                .await;
        }
    }

    pub async fn stock_is_known(&self) {
        let item = StockItem { product_id: lamp().id, available: 3, held: 1, target: 40 };
        let page = StockPage { items: vec![item.clone()], page: 1, has_more: false };
        let entry = LedgerEntry {
            at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            delta: -2,
            reason: "damage".to_owned(),
            actor: "ada".to_owned(),
            note: "<wet>".to_owned(),
            order_id: None,
        };
        let ledger = StockLedger { entries: vec![entry], page: 1, has_more: false };
        let json = |value: Value| ResponseTemplate::new(200).set_body_json(value);
        for (to, body) in [
            ("/v1/staff/stock".to_owned(), serde_json::to_value(page)),
            (format!("/v1/staff/stock/{}/ledger", lamp().id), serde_json::to_value(ledger)),
        ] {
            let mock = Mock::given(method("GET")).and(path(to)).respond_with(json(body.unwrap()));
            mock.mount(&self.inventory).await;
        }
        let adjusted = ResponseTemplate::new(201).set_body_json(item);
        Mock::given(method("POST"))
            .and(path(format!("/v1/staff/stock/{}/adjustments", lamp().id)))
            .respond_with(adjusted)
            .mount(&self.inventory)
            .await;
    }

    pub async fn staff_posted(&self, to: &str) -> Vec<(Option<String>, Value)> {
        let servers = [&self.orders, &self.inventory, &self.catalog];
        let mut found = Vec::new();
        for server in servers {
            for request in server.received_requests().await.unwrap() {
                if request.method.as_str() == "POST" && request.url.path() == to {
                    let key = request.headers.get("idempotency-key");
                    let key = key.map(|key| key.to_str().unwrap().to_owned());
                    found.push((key, serde_json::from_slice(&request.body).unwrap()));
                }
            }
        }
        found
    }
}

#[tokio::test]
async fn strangers_and_shoppers_see_the_log_in_only() {
    let stage = Stage::set().await;
    let _ = stage.staff(StaffRole::Manager).await;
    let stranger = Clerk { stage: &stage, cookie: "staff=0123456789abcdef0123456789abcdef".to_owned() };
    let wrong = Clerk { stage: &stage, cookie: sealed("other-token") };
    for page in ["/staff", "/staff/orders", "/staff/stock", "/staff/products", "/staff/products/lamp"] {
        for somebody in [&stranger, &wrong] {
            let answer = somebody.open(page).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{page}");
            assert_eq!(answer.headers["location"], "/staff/login");
        }
    }
}

#[tokio::test]
async fn logging_in_gives_a_cookie_for_the_back_office_alone() {
    let stage = Stage::set().await;
    let session = StaffSession {
        token: "s3cret-token".to_owned(),
        staff: StaffMember { username: "ada".to_owned(), role: StaffRole::Clerk },
        expires_at: DateTime::from_timestamp(1_900_000_000, 0).unwrap(),
    };
    let opened = ResponseTemplate::new(201).set_body_json(session);
    Mock::given(path("/v1/staff/sessions")).respond_with(opened).mount(&stage.identity).await;
    let clerk = Clerk { stage: &stage, cookie: String::new() };
    let body = "email=ada&password=a+long+enough+one".to_owned();
    let foreign = clerk.send(Method::POST, "/staff/login", body.clone(), "cross-site").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let answer = clerk.send(Method::POST, "/staff/login", body, "same-origin").await;
    assert_eq!(answer.headers["location"], "/staff");
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    for part in ["staff=", "HttpOnly", "SameSite=Strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("s3cret-token"), "the token is sealed");
}

#[tokio::test]
async fn an_order_is_shipped_refunded_once_a_key_and_every_change_names_who() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let order = order(OrderStatus::Confirmed, None);
    stage.an_order(&order).await;
    let done = ResponseTemplate::new(200).set_body_json(&order);
    Mock::given(method("POST")).and(path_regex("/v1/staff/.*")).respond_with(done).mount(&stage.orders).await;
    let page = format!("/staff/orders/{}", order.id);
    let ship = [("carrier", "Post"), ("tracking_number", "RX1")];
    let shipped = clerk.submit(&page, &format!("{page}/ship"), &ship).await;
    assert_eq!(shipped.status, StatusCode::SEE_OTHER, "{}", shipped.text());
    let sent = stage.staff_posted(&format!("/v1/staff/orders/{}/ship", order.id)).await;
    assert_eq!(sent[0].1, json!({"actor": "ada", "carrier": "Post", "tracking_number": "RX1"}));
    let refund = [("amount", "12,50"), ("reason", "late")];
    clerk.submit(&page, &format!("{page}/refund"), &refund).await;
    let sent = stage.staff_posted(&format!("/v1/staff/orders/{}/refunds", order.id)).await;
    assert_eq!(sent[0].1["amount"]["amount_minor"], 1250);
    assert_eq!(sent[0].0.as_deref().map(str::len), Some(32), "the key was minted with the page");
    let nonsense =
        clerk.submit(&page, &format!("{page}/refund"), &[("amount", "all"), ("reason", "x")]).await;
    assert_eq!(nonsense.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(stage.staff_posted(&format!("/v1/staff/orders/{}/refunds", order.id)).await.len(), 1);
}

#[tokio::test]
async fn a_refusal_of_the_service_is_said_on_the_page() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let order = order(OrderStatus::Confirmed, None);
    stage.an_order(&order).await;
    let refused = json!({"status": 409, "code": "conflict", "detail": "it was cancelled <meanwhile>"});
    let refused = ResponseTemplate::new(409).set_body_json(refused);
    Mock::given(method("POST"))
        .and(path_regex("/v1/staff/.*"))
        .respond_with(refused)
        .mount(&stage.orders)
        .await;
    let page = format!("/staff/orders/{}", order.id);
    let answer =
        clerk.submit(&page, &format!("{page}/ship"), &[("carrier", "Post"), ("tracking_number", "1")]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.text().contains("it was cancelled &lt;meanwhile&gt;"));
}

/// The words of the list are the words of its filter, and each asks for what it says.
#[tokio::test]
async fn every_state_that_a_clerk_sees_in_the_list_is_a_filter() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let shipment = json!({"carrier": "Post", "tracking_number": "1", "shipped_at": "2027-01-16T08:00:00Z"});
    let mut seen = Vec::new();
    for status in OrderStatus::ALL {
        let placed = order(status, None);
        seen.push((placed.clone(), status));
        if status == OrderStatus::Confirmed {
            let shipment = serde_json::from_value(shipment.clone()).unwrap();
            seen.push((Order { shipment, ..placed }, status));
        }
    }
    for (order, status) in seen {
        stage.orders.reset().await;
        stage.an_order(&order).await;
        let list = clerk.open("/staff/orders").await.text();
        let word =
            list.split("<td><span class=\"status").nth(1).and_then(|rest| rest.split(['>', '<']).nth(1));
        let word = word.unwrap_or_else(|| panic!("no state in {list}")).to_owned();
        let options: Vec<&str> = list.split("<option value=\"").skip(1).collect();
        let option = options.iter().find(|option| option.contains(&format!(">{word}</option>")));
        let value = option.unwrap_or_else(|| panic!("no filter for {word}: {options:?}"));
        let value = value.split('"').next().unwrap();
        let chosen = clerk.open(&format!("/staff/orders?status={value}")).await.text();
        assert!(chosen.contains(&format!("value=\"{value}\" selected>{word}<")), "{word}: {chosen}");
        assert!(chosen.contains(&format!("status={value}\" rel=\"next\"")), "pages keep it: {chosen}");
        let asked = stage.orders.received_requests().await.unwrap();
        let query = asked.last().unwrap().url.query().unwrap().to_owned();
        assert!(query.contains(&format!("status={}", status.as_str())), "{word}: {query}");
        let shipped =
            (status == OrderStatus::Confirmed).then(|| format!("shipped={}", order.shipment.is_some()));
        assert!(shipped.as_ref().is_none_or(|shipped| query.contains(shipped)), "{word}: {query}");
        assert!(shipped.is_some() || !query.contains("shipped"), "{word}: {query}");
    }
}

/// Everything was given back and the order stands: the page says so before anybody packs it, and asks once more.
#[tokio::test]
async fn a_parcel_whose_money_went_back_is_sent_only_after_a_confirmation_of_its_own() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let paid = order(OrderStatus::Confirmed, None);
    let refund = json!({
        "id": "0190a5b0-0000-7000-8000-00000000000c", "amount": paid.total, "reason": "late",
        "status": "refunded", "created_at": "2027-01-16T08:00:00Z",
    });
    let order = Order { refunds: vec![serde_json::from_value(refund).unwrap()], ..paid };
    stage.an_order(&order).await;
    let done = ResponseTemplate::new(200).set_body_json(&order);
    Mock::given(method("POST")).and(path_regex("/v1/staff/.*")).respond_with(done).mount(&stage.orders).await;
    let (page, to) = (format!("/staff/orders/{}", order.id), format!("/v1/staff/orders/{}/ship", order.id));
    let shown = clerk.open(&page).await.text();
    assert!(
        shown.contains("All of the money went back") && shown.contains("name=\"although_refunded\""),
        "{shown}"
    );
    let list = clerk.open("/staff/orders").await.text();
    assert!(list.contains("Money went back"), "told where parcels are packed from: {list}");
    let parcel = [("carrier", "Post"), ("tracking_number", "RX1")];
    let unsaid = clerk.submit(&page, &format!("{page}/ship"), &parcel).await;
    assert_eq!(unsaid.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", unsaid.text());
    assert!(unsaid.text().contains("id=\"ship-although_refunded-error\"") && unsaid.text().contains("RX1"));
    assert!(stage.staff_posted(&to).await.is_empty());
    let said = [parcel[0], parcel[1], ("although_refunded", "yes")];
    let sent = clerk.submit(&page, &format!("{page}/ship"), &said).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
    assert_eq!(stage.staff_posted(&to).await[0].1["although_refunded"], true);
}

#[tokio::test]
async fn viewers_change_nothing_and_clerks_no_prices() {
    let stage = Stage::set().await;
    let viewer = stage.staff(StaffRole::Viewer).await;
    let order = order(OrderStatus::Confirmed, None);
    stage.an_order(&order).await;
    stage.stock_is_known().await;
    let page = viewer.open(&format!("/staff/orders/{}", order.id)).await.text();
    assert!(!page.contains("/ship\""), "no form for what is not allowed");
    let csrf = hidden_fields(&page, "/staff/logout");
    let csrf = &csrf.iter().find(|(name, _)| name == "csrf").unwrap().1;
    for (to, fields) in [
        (format!("/staff/orders/{}/ship", order.id), "carrier=a&tracking_number=b"),
        (format!("/staff/orders/{}/cancel", order.id), "reason=a"),
        (format!("/staff/stock/{}", lamp().id), "delta=1&reason=count&key=0123456789abcdef0123456789abcdef"),
        ("/staff/products/lamp".to_owned(), "name=a&price=1"),
    ] {
        let forced = viewer.send(Method::POST, &to, format!("csrf={csrf}&{fields}"), "same-origin").await;
        assert_eq!(forced.status, StatusCode::FORBIDDEN, "{to}");
    }
    stage.identity.reset().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let forced =
        clerk.send(Method::POST, "/staff/products/lamp", format!("csrf={csrf}&price=1"), "same-origin").await;
    assert_eq!(forced.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn forms_without_the_session_s_token_do_nothing() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Manager).await;
    let order = order(OrderStatus::Confirmed, None);
    stage.an_order(&order).await;
    let to = format!("/staff/orders/{}/ship", order.id);
    for (body, site) in [
        ("carrier=a&tracking_number=b", "same-origin"),
        ("csrf=0&carrier=a", "same-origin"),
        ("", "cross-site"),
    ] {
        let answer = clerk.send(Method::POST, &to, body.to_owned(), site).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{body}");
    }
    assert!(stage.staff_posted(&format!("/v1/staff/orders/{}/ship", order.id)).await.is_empty());
}

#[tokio::test]
async fn stock_shows_names_and_movements_and_is_corrected_with_a_reason() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    stage.stock_is_known().await;
    let list = clerk.open("/staff/stock").await.text();
    assert!(list.contains("Lamp &lt;of&gt; brass") && list.contains(">3<"));
    let page = format!("/staff/stock/{}", lamp().id);
    let shown = clerk.open(&page).await.text();
    assert!(shown.contains("damage") && shown.contains("&lt;wet&gt;"));
    let fields = [("delta", "-3"), ("reason", "count"), ("note", "shelf")];
    assert_eq!(clerk.submit(&page, &page, &fields).await.status, StatusCode::SEE_OTHER);
    let sent = stage.staff_posted(&format!("/v1/staff/stock/{}/adjustments", lamp().id)).await;
    assert_eq!(sent[0].1, json!({"actor": "ada", "delta": -3, "reason": "count", "note": "shelf"}));
    assert!(sent[0].0.is_some());
    let nonsense = clerk.submit(&page, &page, &[("delta", "many"), ("reason", "count")]).await;
    assert_eq!(nonsense.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_manager_changes_only_what_differs() {
    let stage = Stage::set().await;
    let manager = stage.staff(StaffRole::Manager).await;
    let saved = ResponseTemplate::new(200).set_body_json(lamp());
    let to = format!("/v1/staff/products/{}", lamp().id);
    Mock::given(method("POST")).and(path(&to)).respond_with(saved).mount(&stage.catalog).await;
    let page = "/staff/products/lamp";
    let (name, description) = (lamp().name, lamp().description);
    let same = [("name", name.as_str()), ("description", description.as_str()), ("price", "1299.00")];
    assert_eq!(manager.submit(page, page, &same).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let dearer = [
        ("name", name.as_str()),
        ("description", description.as_str()),
        ("price", "1399.00"),
        ("note", "brass"),
    ];
    assert_eq!(manager.submit(page, page, &dearer).await.status, StatusCode::SEE_OTHER);
    let sent = stage.staff_posted(&to).await;
    let euros = |minor| json!({"amount_minor": minor, "currency": "EUR"});
    assert_eq!(
        sent[0].1,
        json!({"actor": "ada", "price": euros(139_900), "note": "brass", "expected": {"price": euros(129_900)}})
    );
}

#[tokio::test]
async fn manager_makes_and_ends_vouchers_and_a_clerk_only_looks() {
    let stage = Stage::set().await;
    let voucher = json!({
        "id": "0190a5b0-0000-7000-8000-00000000000b", "code": "SPRING",
        "benefit": {"kind": "percent", "percent": 10}, "minimum": {"amount_minor": 0, "currency": "EUR"},
        "starts_at": "2026-03-01T00:00:00Z", "ends_at": "2999-01-01T00:00:00Z", "max_uses": 10, "uses": 3,
        "created_by": "robin", "created_at": "2026-02-01T00:00:00Z",
    });
    let answers = [
        (
            "GET",
            "/v1/staff/vouchers".to_owned(),
            200,
            json!({"vouchers": [voucher.clone()], "page": 1, "has_more": false}),
        ),
        ("POST", "/v1/staff/vouchers".to_owned(), 201, voucher.clone()),
        ("POST", format!("/v1/staff/vouchers/{}/end", voucher["id"].as_str().unwrap()), 200, voucher),
    ];
    for (verb, to, status, body) in &answers {
        let answer = ResponseTemplate::new(*status).set_body_json(body);
        Mock::given(method(*verb)).and(path(to)).respond_with(answer).mount(&stage.orders).await;
    }
    {
        let clerk = stage.staff(StaffRole::Clerk).await;
        let shown = clerk.open("/staff/vouchers").await.text();
        assert!(
            shown.contains("SPRING") && shown.contains("3 of 10") && !shown.contains("new-form"),
            "{shown}"
        );
    }
    stage.identity.reset().await;
    let manager = stage.staff(StaffRole::Manager).await;
    let wrong = [("code", "SPRING"), ("benefit", "much"), ("starts_at", "tomorrow")];
    let refused = manager.submit("/staff/vouchers", "/staff/vouchers", &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.text().contains("id=\"new-benefit-error\"")
            && refused.text().contains("id=\"new-starts_at-error\"")
    );
    let fine = [
        ("code", "spring"),
        ("benefit", "10 %"),
        ("minimum", "0"),
        ("starts_at", "2998-12-01"),
        ("ends_at", "2998-12-31"),
        ("max_uses", "10"),
    ];
    let made = manager.submit("/staff/vouchers", "/staff/vouchers", &fine).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text());
    let asked = stage.orders.received_requests().await.unwrap();
    let sent: Value = asked.iter().find(|one| one.method.as_str() == "POST").unwrap().body_json().unwrap();
    assert_eq!(
        (sent["actor"].as_str(), sent["ends_at"].as_str()),
        (Some("ada"), Some("2999-01-01T00:00:00Z"))
    );
    assert_eq!(sent["minimum"]["amount_minor"], 0, "a voucher may be for any goods");
    assert_eq!(sent["benefit"], json!({"kind": "percent", "percent": 10}));
    let ended = manager.submit("/staff/vouchers", &answers[2].1.replace("/v1", ""), &[]).await;
    assert_eq!(ended.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_token_of_ours_that_identity_does_not_take_sends_no_staff_to_the_log_in() {
    let stage = Stage::set().await;
    let refused = json!({"status": 401, "code": "caller_unauthenticated"});
    let refused = ResponseTemplate::new(401).set_body_json(refused);
    Mock::given(path_regex("/v1/staff/.*")).respond_with(refused).mount(&stage.identity).await;
    let clerk = Clerk { stage: &stage, cookie: sealed("s3cret-token") };
    assert_eq!(clerk.open("/staff/stock").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let body = "email=ada&password=a+long+enough+one".to_owned();
    let answer = clerk.send(Method::POST, "/staff/login", body, "same-origin").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.text().contains("is not right"));
}
