//! The way out of review, as a clerk has it: what waits is shown, and each decision is sent with its note.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use shop_contracts::Money;
use shop_contracts::identity::StaffRole;
use shop_contracts::orders::{
    Order, OrderHistory, OrderPage, OrderRefund, OrderReturn, OrderStatus, RefundStatus, ReturnLine,
    ReturnStatus,
};
use uuid::Uuid;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, ResponseTemplate};

use crate::buying::order;
use crate::stage::{Stage, lamp};

/// An order of which a refund waits for a person; the order itself is confirmed or cancelled.
fn stuck(status: RefundStatus) -> Order {
    let refund = OrderRefund {
        id: Uuid::from_u128(4),
        amount: lamp().price,
        reason: "cancelled".to_owned(),
        status,
        created_at: order(OrderStatus::Cancelled, None).placed_at,
        tax: None,
        needs_person: true,
    };
    let captured = Some(lamp().price);
    Order { refunds: vec![refund], captured, needs_person: true, ..order(OrderStatus::Cancelled, None) }
}

fn announced() -> Order {
    let back = OrderReturn {
        id: Uuid::from_u128(6),
        lines: vec![ReturnLine { product_id: lamp().id, quantity: 1 }],
        reason: String::new(),
        status: ReturnStatus::Requested,
        created_at: order(OrderStatus::Confirmed, None).placed_at,
        closed: None,
    };
    Order { returns: vec![back], ..order(OrderStatus::Confirmed, None) }
}

/// Orders knows this order, and takes whatever is decided about it.
async fn known(stage: &Stage, order: &Order) {
    stage.orders_answer(order).await;
    let json = |value: Value| ResponseTemplate::new(200).set_body_json(value);
    let history = serde_json::to_value(OrderHistory { entries: vec![] }).unwrap();
    let mock = Mock::given(method("GET")).and(path(format!("/v1/staff/orders/{}/history", order.id)));
    mock.respond_with(json(history)).mount(&stage.orders).await;
    let decided = Mock::given(method("POST")).respond_with(json(serde_json::to_value(order).unwrap()));
    decided.with_priority(100).mount(&stage.orders).await;
}

#[tokio::test]
async fn a_refund_that_waits_for_a_person_is_ended_by_one() {
    for resolution in ["retry", "settled"] {
        let stage = Stage::set().await;
        let order = stuck(RefundStatus::Failed);
        known(&stage, &order).await;
        let clerk = stage.staff(StaffRole::Clerk).await;
        let page = format!("/staff/orders/{}", order.id);
        let shown = clerk.open(&page).await.text();
        assert!(shown.contains("waits for a person") && shown.contains("Refused by the provider"), "{shown}");
        assert!(!shown.contains("value=\"cancel\""), "a cancelled order is not walked back");
        let action = format!("{page}/resolve");
        let without = clerk.submit(&page, &action, &[("resolution", resolution), ("note", " ")]).await;
        assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
        let decided =
            clerk.submit(&page, &action, &[("resolution", resolution), ("note", "paid by transfer")]).await;
        assert_eq!(decided.status, StatusCode::SEE_OTHER);
        let sent = stage.staff_posted(&format!("/v1/staff/orders/{}/resolve", order.id)).await;
        let expected = json!({"actor": "ada", "resolution": resolution, "note": "paid by transfer"});
        assert_eq!(sent.into_iter().map(|(_, body)| body).collect::<Vec<_>>(), [expected]);
    }
}

#[tokio::test]
async fn what_nobody_knows_yet_is_not_called_refused() {
    let stage = Stage::set().await;
    let order = stuck(RefundStatus::Pending);
    known(&stage, &order).await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let shown = clerk.open(&format!("/staff/orders/{}", order.id)).await.text();
    assert!(shown.contains("Not known yet") && !shown.contains("Refused by the provider"), "{shown}");
}

#[tokio::test]
async fn an_order_whose_hold_was_let_go_of_promises_no_money_back() {
    let stage = Stage::set().await;
    let nothing = Some(Money::new(0, lamp().price.currency));
    let order = Order { captured: nothing, ..order(OrderStatus::Cancelled, None) };
    known(&stage, &order).await;
    let mut shopper = stage.shopper();
    shopper.open(&format!("/orders/{}", order.id)).await;
    assert!(shopper.page.contains("Nothing was charged"), "{}", shopper.page);
    assert!(!shopper.page.contains("money goes back"), "{}", shopper.page);
    let clerk = stage.staff(StaffRole::Clerk).await;
    let shown = clerk.open(&format!("/staff/orders/{}", order.id)).await.text();
    assert!(!shown.contains("refund-form"), "{shown}");
}

#[tokio::test]
async fn a_return_is_refused_with_a_reason() {
    let stage = Stage::set().await;
    let order = announced();
    known(&stage, &order).await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let page = format!("/staff/orders/{}", order.id);
    let action = format!("{page}/refuse-return");
    let without = clerk.submit(&page, &action, &[("reason", "")]).await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
    let refused = clerk.submit(&page, &action, &[("reason", "It was worn.")]).await;
    assert_eq!(refused.status, StatusCode::SEE_OTHER);
    let to = format!("/v1/staff/orders/{}/returns/{}/refuse", order.id, Uuid::from_u128(6));
    let sent = stage.staff_posted(&to).await;
    assert_eq!(sent[0].1, json!({"actor": "ada", "reason": "It was worn."}));
    let stage = Stage::set().await;
    known(&stage, &order).await;
    let viewer = stage.staff(StaffRole::Viewer).await;
    let shown = viewer.open(&page).await.text();
    assert!(!shown.contains("refuse-return"), "{shown}");
}

#[tokio::test]
async fn the_overview_asks_for_what_has_waited_longest() {
    let stage = Stage::set().await;
    let order = order(OrderStatus::Confirmed, None);
    known(&stage, &order).await;
    let page = |orders: Vec<Order>| {
        let page = OrderPage { orders, page: 1, has_more: false };
        ResponseTemplate::new(200).set_body_json(page)
    };
    let none = Mock::given(method("GET")).and(path("/v1/staff/orders"));
    none.respond_with(page(vec![])).with_priority(50).mount(&stage.orders).await;
    let oldest = Mock::given(method("GET")).and(query_param("waiting", "parcel"));
    oldest.respond_with(page(vec![order])).mount(&stage.orders).await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let shown = clerk.send(Method::GET, "/staff", String::new(), "none").await.text();
    assert!(shown.contains("QD-1001") && shown.contains("No return is announced."), "{shown}");
    let list = clerk.open("/staff/orders?waiting=parcel").await.text();
    assert!(list.contains("To be packed") && list.contains("QD-1001"), "{list}");
}
