//! Pages of the back office in the words of those who work there: what is refused, found, given back, moved.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use shop_contracts::identity::StaffRole;
use shop_contracts::orders::{Address, Order, OrderStatus};
use shop_testkit::http::call;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::buying::order;
use crate::stage::{Stage, lamp};

async fn answers(server: &MockServer, to: &str, body: Value) {
    let answer = ResponseTemplate::new(200).set_body_json(body);
    Mock::given(method("GET")).and(path(to)).respond_with(answer).with_priority(1).mount(server).await;
}

/// The order's page in the back office, with this history.
async fn page_of(stage: &Stage, order: &Order, history: Value) -> String {
    let clerk = stage.staff(StaffRole::Clerk).await;
    stage.an_order(order).await;
    answers(&stage.orders, &format!("/v1/staff/orders/{}/history", order.id), json!({"entries": history}))
        .await;
    clerk.open(&format!("/staff/orders/{}", order.id)).await.text()
}

/// Between these two words.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let at = page.find(from).unwrap_or_else(|| panic!("no {from} on {page}"));
    let rest = &page[at..];
    &rest[..rest.find(to).unwrap_or(rest.len())]
}

#[tokio::test]
async fn what_is_refused_or_not_there_keeps_staff_in_the_back_office() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    for (page, status, says) in [
        ("/staff/nonsense", StatusCode::NOT_FOUND, "is not here"),
        ("/staff/orders/nonsense", StatusCode::NOT_FOUND, "is not here"),
        ("/staff/products/hovercraft", StatusCode::NOT_FOUND, "is not here"),
        ("/staff/people", StatusCode::FORBIDDEN, "Not with your role"),
    ] {
        let answer = clerk.open(page).await;
        assert_eq!(answer.status, status, "{page}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{page}");
        let shown = answer.text();
        let menu = ["<nav aria-label=\"Back office\">", "ada · clerk", "action=\"/staff/logout\""];
        let parts = [says, "Quarterdeck back office", "<a class=\"button\" href=\"/staff\">"];
        for part in parts.into_iter().chain(menu) {
            assert!(shown.contains(part), "{page}, {part}: {shown}");
        }
        for part in ["front of the shop", "sold out of the range", "href=\"/search"] {
            assert!(!shown.contains(part), "{page}, {part}: {shown}");
        }
    }
    let stale = clerk.send(Method::POST, "/staff/vouchers", "csrf=x".to_owned(), "same-origin").await;
    assert_eq!(stale.status, StatusCode::FORBIDDEN);
    assert!(stale.text().contains("ada · clerk"), "{}", stale.text());
    let stranger = call(&stage.router, Method::GET, "/staff/nonsense", &[], Body::empty()).await;
    assert_eq!(stranger.status, StatusCode::NOT_FOUND);
    assert!(!stranger.text().contains("<nav"), "{}", stranger.text());
}

#[tokio::test]
async fn stock_of_a_product_that_nobody_knows_is_no_page() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let id = uuid::Uuid::from_u128(1);
    let nothing = json!({"entries": [], "page": 1, "has_more": false});
    answers(&stage.inventory, &format!("/v1/staff/stock/{id}/ledger"), nothing).await;
    let page = format!("/staff/stock/{id}");
    let unanswered = clerk.open(&page).await;
    assert_eq!(unanswered.status, StatusCode::OK);
    assert!(unanswered.text().contains("not known just now"));
    answers(&stage.inventory, "/v1/staff/stock", json!({"items": [], "page": 1, "has_more": false})).await;
    let unknown = clerk.open(&page).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND, "{}", unknown.text());
}

#[tokio::test]
async fn orders_that_moved_stock_are_told_apart() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    stage.stock_is_known().await;
    // Placed in one minute: their ids begin alike.
    let ids = ["01a22984-0000-7000-8000-aaaaaa000001", "01a22984-0000-7000-8000-aaaaaa000002"];
    let entries = ids.map(|id| {
        json!({"at": "2027-01-16T08:00:00Z", "delta": -1, "reason": "reserved", "actor": "system", "note": "", "order_id": id})
    });
    let ledger = json!({"entries": entries, "page": 1, "has_more": false});
    answers(&stage.inventory, &format!("/v1/staff/stock/{}/ledger", lamp().id), ledger).await;
    let page = clerk.open(&format!("/staff/stock/{}", lamp().id)).await.text();
    for (id, name) in ids.into_iter().zip(["AAAAAA-000001", "AAAAAA-000002"]) {
        let link = format!("<a href=\"/staff/orders/{id}\">Order …{name}</a>");
        assert!(page.contains(&link), "{link}: {page}");
    }
}

#[tokio::test]
async fn money_given_back_shows_the_clerk_s_words() {
    let stage = Stage::set().await;
    let mut given = order(OrderStatus::Confirmed, None);
    let refund = |n: u128, reason: &str, at: &str| {
        json!({"id": uuid::Uuid::from_u128(n), "amount": given.total, "reason": reason, "status": "refunded",
            "created_at": at})
    };
    let refunds = json!([
        refund(1, "goodwill", "2027-01-16T08:00:00.123456Z"),
        refund(2, "returned", "2027-01-16T09:00:00Z"),
        refund(3, "goodwill", "2027-01-16T10:00:00Z"),
    ]);
    given.refunds = serde_json::from_value(refunds).unwrap();
    let entry = |at: &str, actor: &str, action: &str, detail: &str| json!({"at": at, "actor": actor, "action": action, "detail": detail});
    let history = json!([
        entry("2027-01-16T08:00:00.123456Z", "ada", "refund_requested", "Scratched <lid>"),
        entry("2027-01-16T08:00:01Z", "system", "refunded", "€5.00: goodwill"),
    ]);
    let page = page_of(&stage, &given, history).await;
    let money = between(&page, "id=\"money\"", "</ul>");
    assert!(money.contains("Scratched &lt;lid&gt;") && money.contains("by ada"), "{money}");
    assert!(money.contains("For what was sent back"), "{money}");
    assert!(!money.contains("goodwill") && !money.contains("returned"), "{money}");
    let history = between(&page, "class=\"history\"", "</ol>");
    assert!(history.contains("Money given back") && history.contains("Money is to go back"), "{history}");
    assert!(history.contains("</strong>: €1,299.00, asked for by ada"), "{history}");
    assert!(!history.contains("goodwill") && !history.contains("refund requested"), "{history}");
}

#[tokio::test]
async fn an_order_that_names_nobody_any_more_says_so() {
    let stage = Stage::set().await;
    let nobody = Address {
        name: String::new(),
        address1: String::new(),
        city: String::new(),
        postcode: String::new(),
        country: "DE".to_owned(),
    };
    let old = Order { email: String::new(), ship_to: nobody, ..order(OrderStatus::Confirmed, None) };
    let history =
        json!([{"at": "2027-01-16T08:00:00Z", "actor": "system", "action": "anonymised", "detail": ""}]);
    let page = page_of(&stage, &old, history).await;
    let facts = between(&page, "<dl class=\"facts\">", "</dl>");
    assert_eq!(facts.matches("Removed").count(), 2, "{facts}");
    assert!(!facts.contains("Guest") && !facts.contains(", ,"), "{facts}");
    assert!(page.contains("<strong>Name and address removed</strong>"), "{page}");
    let mut shopper = stage.shopper();
    shopper.open(&format!("/orders/{}", old.id)).await;
    let facts = between(&shopper.page, "<dl class=\"facts\">", "</dl>");
    assert!(facts.contains("<dt>Goes to</dt><dd>Removed"), "{facts}");
    // Whoever may see an order at a glance is told the town, as before.
    let stage = Stage::set().await;
    let recent = order(OrderStatus::Confirmed, None);
    stage.orders_answer(&recent).await;
    let mut shopper = stage.shopper();
    shopper.open(&format!("/orders/{}", recent.id)).await;
    assert!(shopper.page.contains("<dt>Goes to</dt><dd>Kiel, Germany"), "{}", shopper.page);
}

#[tokio::test]
async fn orders_are_found_by_what_the_label_says_and_lists_that_wait_have_no_filter() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    stage.an_order(&order(OrderStatus::Confirmed, None)).await;
    let all = clerk.open("/staff/orders").await.text();
    assert!(all.contains("Number, or the whole e-mail address"), "{all}");
    let waiting = clerk.open("/staff/orders?waiting=return").await.text();
    assert!(waiting.contains("href=\"/staff/orders\">All orders"), "{waiting}");
    assert!(!waiting.contains("role=\"search\""), "{waiting}");
}

#[tokio::test]
async fn stock_is_found_by_words_as_products_are() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    stage.stock_is_known().await;
    let found = clerk.open("/staff/stock?q=brass+lamp").await.text();
    assert!(found.contains("Lamp &lt;of&gt; brass") && found.contains(">3<"), "{found}");
    assert!(found.contains("value=\"brass lamp\""), "{found}");
    // The catalogue has more of them.
    assert!(found.contains("/staff/stock?page=2&amp;q=brass%20lamp"), "{found}");
    let query = |request: &wiremock::Request, name: &str| {
        request.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let asked = stage.catalog.received_requests().await.unwrap();
    let listed = asked.iter().rfind(|request| request.url.path() == "/v1/products").unwrap();
    assert_eq!(query(listed, "q").as_deref(), Some("brass lamp"));
    let asked = stage.inventory.received_requests().await.unwrap();
    let listed = asked.iter().rfind(|request| request.url.path() == "/v1/staff/stock").unwrap();
    assert_eq!(query(listed, "q"), Some(lamp().id.to_string()));
    let none = json!({"items": [], "page": 1, "per_page": 24, "total": 0, "corrected": null, "makers": []});
    answers(&stage.catalog, "/v1/products", none).await;
    let nothing = clerk.open("/staff/stock?q=hovercraft").await.text();
    assert!(nothing.contains("No product matches"), "{nothing}");
}

#[tokio::test]
async fn movements_of_stock_are_told_in_the_words_of_their_form() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    stage.stock_is_known().await;
    let entry = |reason: &str| json!({"at": "2027-01-16T08:00:00Z", "delta": 1, "reason": reason, "actor": "ada", "note": "", "order_id": null});
    let entries = ["count", "damage", "opening", "delivery", "reserved", "something_new"].map(entry);
    let ledger = json!({"entries": entries, "page": 1, "has_more": false});
    answers(&stage.inventory, &format!("/v1/staff/stock/{}/ledger", lamp().id), ledger).await;
    let page = clerk.open(&format!("/staff/stock/{}", lamp().id)).await.text();
    let moved = between(&page, "<tbody>", "</tbody>");
    for word in [
        "Counted anew",
        "Damaged",
        "At the beginning",
        "A delivery came",
        "Set aside for an order",
        "something new",
    ] {
        assert!(moved.contains(&format!("<td>{word}</td>")), "{word}: {moved}");
    }
    assert!(page.contains("fills it up to 40 again"), "{page}");
}

#[tokio::test]
async fn a_voucher_without_a_least_amount_names_none() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let zero = json!({"amount_minor": 0, "currency": "EUR"});
    let voucher = json!({"id": uuid::Uuid::nil(), "code": "SPRING10", "benefit": {"kind": "percent", "percent": 10},
        "minimum": zero, "starts_at": "2026-11-01T00:00:00Z", "ends_at": "2027-02-01T00:00:00Z", "max_uses": 5,
        "max_uses_per_person": 1, "uses": 0, "note": "", "created_by": "ada", "created_at": "2026-11-01T00:00:00Z"});
    answers(
        &stage.orders,
        "/v1/staff/vouchers",
        json!({"vouchers": [voucher], "page": 1, "has_more": false}),
    )
    .await;
    let page = clerk.open("/staff/vouchers").await.text();
    assert!(page.contains("SPRING10") && !page.contains("€0.00"), "{page}");
    assert!(page.contains("<span class=\"nowrap\">31 Jan 2027</span>"), "{page}");
}
