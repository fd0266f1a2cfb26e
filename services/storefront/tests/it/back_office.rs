//! What staff is told: at the field, in the shop's words, and without losing what somebody else did meanwhile.

use axum::http::StatusCode;
use serde_json::{Value, json};
use shop_contracts::identity::StaffRole;
use shop_contracts::{Currency, Money};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::stage::{Stage, hidden_fields, lamp};

async fn answers(server: &MockServer, verb: &str, to: &str, status: u16, body: Value) {
    let answer = ResponseTemplate::new(status).set_body_json(body);
    Mock::given(method(verb)).and(path(to)).respond_with(answer).mount(server).await;
}

fn encoded(fields: &[(String, String)]) -> String {
    let pairs: Vec<String> = fields.iter().map(|(n, v)| format!("{n}={}", urlencoding::encode(v))).collect();
    pairs.join("&")
}

/// The lamp's own texts, as a form has them before anybody types.
fn unchanged() -> [(&'static str, String); 3] {
    [("name", lamp().name), ("description", lamp().description), ("price", "1299.00".to_owned())]
}

/// The fields of a page that was opened before, with what was typed.
fn form_of(page: &str, action: &str, typed: &[(&str, String)]) -> String {
    let mut form = hidden_fields(page, action);
    form.extend(typed.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    encoded(&form)
}

#[tokio::test]
async fn saving_a_word_does_not_set_back_the_price_of_somebody_else() {
    let stage = Stage::set().await;
    let manager = stage.staff(StaffRole::Manager).await;
    let to = format!("/v1/staff/products/{}", lamp().id);
    let page = manager.open("/staff/products/lamp").await.text();
    // Meanwhile somebody else doubles the price.
    let mut dearer = lamp();
    dearer.price = Money::new(259_800, Currency::Eur);
    stage.sells(&dearer).await;
    answers(&stage.catalog, "POST", &to, 200, serde_json::to_value(&dearer).unwrap()).await;
    let mut typed = unchanged();
    typed[1].1 = "It shines brightly.".to_owned();
    let body = form_of(&page, "/staff/products/lamp", &typed);
    let saved = manager.send(axum::http::Method::POST, "/staff/products/lamp", body, "same-origin").await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text());
    let sent = &stage.staff_posted(&to).await[0].1;
    assert_eq!(sent["description"], "It shines brightly.");
    assert_eq!(sent.get("price"), None, "{sent}");
    assert_eq!(sent["expected"], json!({"description": "It shines."}), "the catalogue holds against it");
}

#[tokio::test]
async fn a_conflict_shows_the_others_value_keeps_what_was_typed_and_can_be_saved_knowingly() {
    let stage = Stage::set().await;
    let manager = stage.staff(StaffRole::Manager).await;
    let to = format!("/v1/staff/products/{}", lamp().id);
    let page = manager.open("/staff/products/lamp").await.text();
    let mut dearer = lamp();
    (dearer.price, dearer.name) = (Money::new(259_800, Currency::Eur), "Lamp of gold".to_owned());
    stage.sells(&dearer).await;
    let refused = json!({"status": 409, "code": "conflict", "detail": "changed by somebody else meanwhile",
        "errors": [{"field": "price", "detail": "is €2598.00 now"}], "existing": dearer});
    answers(&stage.catalog, "POST", &to, 409, refused).await;
    let mut typed = unchanged();
    typed[2].1 = "1350.00".to_owned();
    let body = form_of(&page, "/staff/products/lamp", &typed);
    let shown = manager.send(axum::http::Method::POST, "/staff/products/lamp", body, "same-origin").await;
    assert_eq!(shown.status, StatusCode::CONFLICT);
    let shown = shown.text();
    assert!(shown.contains("value=\"1350.00\""), "what was typed stays: {shown}");
    assert!(shown.contains("id=\"edit-price-error\"") && shown.contains("€2,598.00"), "{shown}");
    assert!(shown.contains("value=\"Lamp of gold\""), "what was not touched is as it is now: {shown}");
    let again = form_of(
        &shown,
        "/staff/products/lamp",
        &[
            ("name", "Lamp of gold".to_owned()),
            ("description", lamp().description),
            ("price", "1350.00".to_owned()),
        ],
    );
    manager.send(axum::http::Method::POST, "/staff/products/lamp", again, "same-origin").await;
    let sent = &stage.staff_posted(&to).await[1].1;
    let euros = json!({"amount_minor": 259_800, "currency": "EUR"});
    assert_eq!((&sent["expected"], sent.get("name")), (&json!({"price": euros}), None), "{sent}");
}

#[tokio::test]
async fn a_form_that_was_wrong_is_still_held_against_what_its_page_showed() {
    let stage = Stage::set().await;
    let manager = stage.staff(StaffRole::Manager).await;
    let to = format!("/v1/staff/products/{}", lamp().id);
    let page = manager.open("/staff/products/lamp").await.text();
    let mut other = lamp();
    other.description = "It shines for somebody else.".to_owned();
    stage.sells(&other).await;
    answers(&stage.catalog, "POST", &to, 200, serde_json::to_value(&other).unwrap()).await;
    let mut typed = unchanged();
    typed[2].1 = "cheap".to_owned();
    let body = form_of(&page, "/staff/products/lamp", &typed);
    let wrong = manager.send(axum::http::Method::POST, "/staff/products/lamp", body, "same-origin").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    typed[2].1 = "1350.00".to_owned();
    let body = form_of(&wrong.text(), "/staff/products/lamp", &typed);
    let saved = manager.send(axum::http::Method::POST, "/staff/products/lamp", body, "same-origin").await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text());
    let sent = &stage.staff_posted(&to).await[0].1;
    assert_eq!((sent.get("description"), &sent["price"]["amount_minor"]), (None, &json!(135_000)), "{sent}");
}

#[tokio::test]
async fn a_price_out_of_range_is_said_in_the_shop_s_money_at_its_field() {
    let stage = Stage::set().await;
    let manager = stage.staff(StaffRole::Manager).await;
    for wrong in ["9999999", "0", "twelve"] {
        let fields = [("name", "Lamp"), ("description", ""), ("price", wrong)];
        let refused = manager.submit("/staff/products/lamp", "/staff/products/lamp", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let page = refused.text();
        assert!(page.contains("id=\"edit-price-error\"") && page.contains("1,000,000.00"), "{page}");
        assert!(page.contains("id=\"edit-description-error\""), "all fields in one round: {page}");
        assert!(!page.contains("minor units"));
    }
    assert!(stage.staff_posted(&format!("/v1/staff/products/{}", lamp().id)).await.is_empty());
}

#[tokio::test]
async fn every_wrong_field_of_a_voucher_is_marked_in_one_round() {
    let stage = Stage::set().await;
    let none = json!({"vouchers": [], "page": 1, "has_more": false});
    answers(&stage.orders, "GET", "/v1/staff/vouchers", 200, none).await;
    let manager = stage.staff(StaffRole::Manager).await;
    let to = "/staff/vouchers";
    let marked = |page: &str| -> Vec<String> {
        let fields =
            ["code", "benefit", "minimum", "starts_at", "ends_at", "max_uses", "max_uses_per_person"];
        let is_marked = |field: &&str| page.contains(&format!("id=\"new-{field}-error\""));
        fields.into_iter().filter(is_marked).map(str::to_owned).collect()
    };
    let empty = manager.submit(to, to, &[]).await.text();
    assert_eq!(marked(&empty), ["code", "benefit", "starts_at", "ends_at", "max_uses"], "{empty}");
    let wrong = [
        ("code", "a b"),
        ("benefit", "95 %"),
        ("minimum", "-1"),
        ("starts_at", "2998-05-02"),
        ("ends_at", "2998-05-01"),
        ("max_uses", "0"),
        ("max_uses_per_person", "0"),
    ];
    let refused = manager.submit(to, to, &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let all = ["code", "benefit", "minimum", "ends_at", "max_uses", "max_uses_per_person"];
    assert_eq!(marked(&refused.text()), all);
    let free = [
        ("code", "FREE"),
        ("benefit", "5.00"),
        ("minimum", "5"),
        ("starts_at", "2998-05-01"),
        ("ends_at", "2998-05-02"),
        ("max_uses", "1"),
    ];
    let refused = manager.submit(to, to, &free).await.text();
    assert_eq!(marked(&refused), ["minimum"]);
    assert!(refused.contains("more than the €5.00"), "{refused}");
    let kept_for_ever = [
        ("code", "ONCE"),
        ("benefit", "10 %"),
        ("starts_at", "2998-05-01"),
        ("ends_at", "2998-05-02"),
        ("max_uses", "1"),
        ("max_uses_per_person", "1"),
    ];
    let refused = manager.submit(to, to, &kept_for_ever).await.text();
    assert_eq!(marked(&refused), ["ends_at"]);
    assert!(refused.contains("within two years"), "{refused}");
    assert!(stage.staff_posted("/v1/staff/vouchers").await.is_empty());
}

#[tokio::test]
async fn a_voucher_s_form_has_a_key_so_that_a_second_press_is_told_from_a_second_voucher() {
    let stage = Stage::set().await;
    let none = json!({"vouchers": [], "page": 1, "has_more": false});
    answers(&stage.orders, "GET", "/v1/staff/vouchers", 200, none).await;
    let refused = json!({"status": 409, "code": "conflict", "detail": "there is a voucher with this code already",
        "errors": [{"field": "code", "detail": "choose another code"}]});
    answers(&stage.orders, "POST", "/v1/staff/vouchers", 409, refused).await;
    let manager = stage.staff(StaffRole::Manager).await;
    let fine = [
        ("code", "spring"),
        ("benefit", "10 %"),
        ("starts_at", "2998-05-01"),
        ("ends_at", "2998-05-02"),
        ("max_uses", "1"),
    ];
    let shown = manager.submit("/staff/vouchers", "/staff/vouchers", &fine).await;
    assert_eq!(shown.status, StatusCode::CONFLICT);
    assert!(shown.text().contains("there is a voucher with this code already"));
    let sent = stage.staff_posted("/v1/staff/vouchers").await;
    assert_eq!(sent[0].0.as_deref().map(str::len), Some(32), "minted with the page");
}

#[tokio::test]
async fn a_refusal_by_field_says_no_more_above_than_to_look_below() {
    let stage = Stage::set().await;
    let manager = stage.staff(StaffRole::Manager).await;
    let refused = json!({"status": 422, "code": "invalid", "detail": "invalid request",
        "errors": [{"field": "name", "detail": "at most 120 characters"}]});
    answers(&stage.catalog, "POST", &format!("/v1/staff/products/{}", lamp().id), 422, refused).await;
    let fields = [("name", "Other"), ("description", "It shines."), ("price", "1299.00")];
    let shown = manager.submit("/staff/products/lamp", "/staff/products/lamp", &fields).await.text();
    assert!(!shown.contains("invalid request") && shown.contains("at most 120 characters"), "{shown}");
}

#[tokio::test]
async fn the_page_of_a_stock_shows_the_level_that_it_corrects() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let id = lamp().id;
    let item = json!({"product_id": id, "available": 37, "held": 5, "target": 60});
    let stock = json!({"items": [item], "page": 1, "has_more": false});
    answers(&stage.inventory, "GET", "/v1/staff/stock", 200, stock).await;
    let ledger = json!({"entries": [], "page": 1, "has_more": false});
    answers(&stage.inventory, "GET", &format!("/v1/staff/stock/{id}/ledger"), 200, ledger).await;
    answers(&stage.inventory, "POST", &format!("/v1/staff/stock/{id}/adjustments"), 201, item).await;
    let page = format!("/staff/stock/{id}");
    let shown = clerk.open(&page).await.text();
    for part in ["Available", "37", "Set aside", "5", "In the house", "42", "Filled up to", "60"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let done = clerk.open(&format!("{page}?done=adjust")).await.text();
    assert!(done.contains("37 are available now"), "{done}");
    for (delta, reason, words) in [
        ("5", "damage", "fewer"),
        ("-5", "delivery", "more"),
        ("0", "count", "not 0"),
        ("200000", "count", "100,000"),
        ("-38", "count", "37 are available"),
    ] {
        let refused = clerk.submit(&page, &page, &[("delta", delta), ("reason", reason)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{delta} {reason}");
        let text = refused.text();
        let at = text.find("id=\"adjust-delta-error\"").unwrap_or_else(|| panic!("{delta}: {text}"));
        assert!(text[at..at + 200].contains(words), "{delta} {reason}: {}", &text[at..at + 200]);
    }
    assert!(stage.staff_posted(&format!("/v1/staff/stock/{id}/adjustments")).await.is_empty());
}

#[tokio::test]
async fn pages_of_an_account_are_kept_nowhere() {
    let stage = Stage::set().await;
    stage.identity_knows_kim().await;
    let mut shopper = stage.shopper();
    crate::people::log_in(&mut shopper, "/login").await;
    for page in ["/account", "/account/security", "/account/delete"] {
        let answer = shopper.open(page).await;
        assert_eq!(answer.headers["cache-control"], "no-store", "{page}: {}", answer.status);
    }
}

#[tokio::test]
async fn an_order_whose_parcel_has_left_is_shipped_wherever_it_is_shown() {
    let stage = Stage::set().await;
    let mut shipped = crate::buying::order(shop_contracts::orders::OrderStatus::Confirmed, None);
    shipped.shipment = Some(shop_contracts::orders::Shipment {
        carrier: "Post".to_owned(),
        tracking_number: "RX1".to_owned(),
        shipped_at: shipped.placed_at,
    });
    let page = json!({"orders": [shipped], "page": 1, "has_more": false});
    answers(&stage.orders, "GET", "/v1/staff/orders", 200, page).await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let list = clerk.open("/staff/orders").await.text();
    assert!(list.contains("<span class=\"status good\">Shipped</span>"), "{list}");
    assert!(!list.contains(">Confirmed</span>"), "{list}");
}

#[tokio::test]
async fn only_what_is_low_runs_out() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let orders = json!({"orders": [], "page": 1, "has_more": false});
    answers(&stage.orders, "GET", "/v1/staff/orders", 200, orders).await;
    let stock = |available: i64| {
        let item = json!({"product_id": lamp().id, "available": available, "held": 0, "target": 139});
        json!({"items": [item], "page": 1, "has_more": false})
    };
    answers(&stage.inventory, "GET", "/v1/staff/stock", 200, stock(139)).await;
    let full = clerk.open("/staff").await.text();
    assert!(full.contains("There is enough of everything") && !full.contains(">139<"), "{full}");
    stage.inventory.reset().await;
    answers(&stage.inventory, "GET", "/v1/staff/stock", 200, stock(12)).await;
    assert!(clerk.open("/staff").await.text().contains(">12<"));
}

#[tokio::test]
async fn what_is_missing_about_a_parcel_is_said_at_each_field_at_once() {
    let stage = Stage::set().await;
    let order = crate::buying::order(shop_contracts::orders::OrderStatus::Confirmed, None);
    stage.orders_answer(&order).await;
    let history = json!({"entries": []});
    answers(&stage.orders, "GET", &format!("/v1/staff/orders/{}/history", order.id), 200, history).await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let page = format!("/staff/orders/{}", order.id);
    let refused = clerk.submit(&page, &format!("{page}/ship"), &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let text = refused.text();
    assert!(text.contains("id=\"ship-carrier-error\"") && text.contains("id=\"ship-tracking_number-error\""));
    assert!(!text.contains("bytes of text") && !text.contains("invalid request"), "{text}");
    assert!(stage.staff_posted(&format!("/v1/staff/orders/{}/ship", order.id)).await.is_empty());
}

/// An order to be fetched, as its page and its list find it.
async fn order_to_fetch(stage: &Stage) -> shop_contracts::orders::Order {
    let order = crate::after_the_order::fetched();
    stage.orders_answer(&order).await;
    let at = |rest: &str| format!("/v1/staff/orders/{}/{rest}", order.id);
    answers(&stage.orders, "GET", &at("history"), 200, json!({"entries": []})).await;
    let list = json!({"orders": [order], "page": 1, "has_more": false});
    answers(&stage.orders, "GET", "/v1/staff/orders", 200, list).await;
    answers(&stage.orders, "POST", &at("ship"), 200, json!(order)).await;
    order
}

#[tokio::test]
async fn what_is_fetched_is_handed_over_without_a_carrier() {
    let stage = Stage::set().await;
    let order = order_to_fetch(&stage).await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let page = format!("/staff/orders/{}", order.id);
    let shown = clerk.open(&page).await.text();
    assert!(shown.contains("Picked up in Kiel by") && shown.contains(">Collected</button>"), "{shown}");
    for wrong in ["Goes to", "name=\"carrier\"", "name=\"tracking_number\"", "parcel"] {
        assert!(!shown.contains(wrong), "{wrong}: {shown}");
    }
    let list = clerk.open("/staff/orders").await.text();
    assert!(list.contains("Pick-up in Kiel"), "{list}");
    let done = clerk.submit(&page, &format!("{page}/ship"), &[]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    let sent = &stage.staff_posted(&format!("/v1/staff/orders/{}/ship", order.id)).await[0].1;
    let noted =
        json!({"actor": "ada", "carrier": "Collected", "tracking_number": "Museumskai 3, 24103 Kiel"});
    assert_eq!(*sent, noted);
    let told = clerk.open(&format!("{page}?done=ship")).await.text();
    assert!(told.contains("It is handed over, and the shopper is told."), "{told}");
}

#[tokio::test]
async fn a_return_whose_money_went_back_before_is_booked_without_a_promise() {
    let stage = Stage::set().await;
    let mut order = crate::buying::order(shop_contracts::orders::OrderStatus::Confirmed, None);
    let clerk = stage.staff(StaffRole::Clerk).await;
    for (refunds, says) in [
        (json!([]), "and the money follows"),
        (
            json!([{"id": uuid::Uuid::nil(), "amount": order.total, "reason": "goodwill", "status": "refunded",
                "created_at": "2027-01-16T08:00:00Z"}]),
            "The money went back already",
        ),
    ] {
        order.refunds = serde_json::from_value(refunds).unwrap();
        let back = json!([{"id": uuid::Uuid::nil(), "lines": [{"product_id": lamp().id, "quantity": 1}],
            "reason": "", "status": "requested", "created_at": "2027-01-16T08:00:00Z"}]);
        order.returns = serde_json::from_value(back).unwrap();
        stage.orders_answer(&order).await;
        let at = |rest: &str| format!("/v1/staff/orders/{}/{rest}", order.id);
        answers(&stage.orders, "GET", &at("history"), 200, json!({"entries": []})).await;
        let to = at(&format!("returns/{}/receive", uuid::Uuid::nil()));
        answers(&stage.orders, "POST", &to, 200, json!(order)).await;
        let page = format!("/staff/orders/{}", order.id);
        let booked = clerk.submit(&page, &format!("{page}/receive"), &[]).await;
        assert_eq!(booked.status, StatusCode::SEE_OTHER, "{}", booked.text());
        let told = clerk.open(booked.headers["location"].to_str().unwrap()).await.text();
        assert!(told.contains("The return is booked") && told.contains(says), "{says}: {told}");
    }
}
