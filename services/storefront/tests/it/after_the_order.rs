//! What an order's page says of what comes next: fetching it, sending things back, waiting for the bank.

use chrono::{DateTime, Duration};
use shop_contracts::charges::Charges;
use shop_contracts::delivery::DeliveryMethod;
use shop_contracts::orders::{
    Order, OrderRefund, OrderReturn, OrderStatus, RefundStatus, ReturnLine, ReturnStatus, Shipment,
};
use shop_contracts::premises::{COUNTER, COUNTER_HOURS, RETURNS};
use uuid::Uuid;

use crate::buying::{check_out, order};
use crate::stage::{Stage, lamp};

async fn page_of(placed: &Order) -> String {
    let stage = Stage::set().await;
    stage.orders_answer(placed).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    let is_told = shopper.page.contains(&COUNTER.line()) && shopper.page.contains(COUNTER_HOURS);
    assert!(is_told, "place and hours are told before anything is ordered");
    check_out(&mut shopper).await;
    shopper.open(&format!("/orders/{}", placed.id)).await;
    shopper.page
}

pub fn fetched() -> Order {
    let placed = order(OrderStatus::Confirmed, None);
    let none = shop_contracts::Money::new(0, placed.total.currency);
    let charges = Charges {
        goods: placed.total,
        discount: none,
        voucher: None,
        delivery_method: DeliveryMethod::PickUp,
        delivery: none,
        tax: none,
        taxes: vec![],
    };
    Order { charges: Some(charges), ..placed }
}

#[tokio::test]
async fn what_is_fetched_says_where_and_when_and_speaks_of_no_parcel() {
    let ready = page_of(&fetched()).await;
    for part in ["yours to collect", &COUNTER.line(), COUNTER_HOURS, "QD-1001"] {
        assert!(ready.contains(part), "{part}: {ready}");
    }
    assert!(!ready.contains("Goes to") && !ready.contains("Quay Street"), "{ready}");
    let shipment = Some(Shipment {
        carrier: "counter".to_owned(),
        tracking_number: "-".to_owned(),
        shipped_at: DateTime::from_timestamp(1_800_100_000, 0).unwrap(),
    });
    let collected = page_of(&Order { shipment, ..fetched() }).await;
    assert!(collected.contains("You have collected it") && collected.contains("<dt>Collected</dt>"));
    assert!(!collected.contains("arcel has left") && !collected.contains("tracking-number"), "{collected}");
    assert!(collected.contains("<span class=\"status good\">Collected</span>"), "{collected}");
    for over in ["working day", "Collect it at", COUNTER_HOURS, ">Shipped<"] {
        assert!(!collected.contains(over), "{over}: {collected}");
    }
}

#[tokio::test]
async fn a_parcel_is_promised_as_long_as_it_is_to_come() {
    let by_post = |order: Order| {
        let charges = fetched().charges.map(|c| Charges { delivery_method: DeliveryMethod::Standard, ..c });
        Order { charges, ..order }
    };
    let confirmed = page_of(&by_post(order(OrderStatus::Confirmed, None))).await;
    for part in ["Next we pack it", "2 to 4 working days after your order", "Standard, 2 to 4 working days"] {
        assert!(confirmed.contains(part), "{part}: {confirmed}");
    }
    let cancelled = page_of(&by_post(order(OrderStatus::Cancelled, None))).await;
    assert!(cancelled.contains("Standard") && !cancelled.contains("working days"), "{cancelled}");
}

/// The order as it left, with these pieces of it back.
fn sent_back(left: Order, pieces: u32) -> Order {
    let back = OrderReturn {
        id: Uuid::nil(),
        lines: vec![ReturnLine { product_id: lamp().id, quantity: pieces }],
        reason: String::new(),
        status: ReturnStatus::Received,
        created_at: left.placed_at,
        closed: None,
    };
    let shipment = Some(Shipment {
        carrier: "Post".to_owned(),
        tracking_number: "RX1".to_owned(),
        shipped_at: left.placed_at,
    });
    Order { returns: vec![back], shipment, ..left }
}

#[tokio::test]
async fn what_came_back_is_on_its_way_no_more() {
    let all = page_of(&sent_back(order(OrderStatus::Confirmed, None), 1)).await;
    assert!(all.contains("<h1>It is back with us.</h1>"), "{all}");
    assert!(!all.contains("on its way") && !all.contains("has left our house"), "{all}");
    assert!(all.contains("<dd id=\"order-status\"><span class=\"status good\">Sent back</span>"), "{all}");
    let mut two = order(OrderStatus::Confirmed, None);
    two.lines[0].quantity = 2;
    let part = page_of(&sent_back(two, 1)).await;
    assert!(part.contains("<h1>A part of it is back with us.</h1>"), "{part}");
    assert!(part.contains("<dd id=\"order-status\"><span class=\"status good\">Shipped</span>"), "{part}");
}

#[tokio::test]
async fn who_sends_back_what_was_paid_back_is_promised_no_money() {
    let paid = Order { can_return: true, ..order(OrderStatus::Confirmed, None) };
    let page = page_of(&paid).await;
    assert!(page.contains("The money follows when it is back with us."), "{page}");
    let all = OrderRefund {
        id: Uuid::nil(),
        amount: paid.total,
        reason: "goodwill".to_owned(),
        status: RefundStatus::Refunded,
        created_at: paid.placed_at,
        tax: None,
        needs_person: false,
    };
    let page = page_of(&Order { refunds: vec![all], ..paid }).await;
    assert!(page.contains("Your money went back already."), "{page}");
    assert!(!page.contains("The money follows"), "{page}");
}

#[tokio::test]
async fn a_cancelled_order_says_that_the_money_went_once_it_went() {
    let cancelled = order(OrderStatus::Cancelled, None);
    let given_back = OrderRefund {
        id: Uuid::nil(),
        amount: cancelled.total,
        reason: "cancelled".to_owned(),
        status: RefundStatus::Refunded,
        created_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        tax: None,
        needs_person: false,
    };
    let on_its_way = OrderRefund { status: RefundStatus::Pending, ..given_back.clone() };
    let page = page_of(&Order { refunds: vec![on_its_way], ..cancelled.clone() }).await;
    assert!(!page.contains("has gone back"), "{page}");
    let page = page_of(&Order { refunds: vec![given_back], ..cancelled }).await;
    assert!(page.contains("The money has gone back to the card"), "{page}");
}

#[tokio::test]
async fn who_sends_something_back_is_told_where_to_and_until_when() {
    let announced = OrderReturn {
        id: Uuid::nil(),
        lines: vec![ReturnLine { product_id: lamp().id, quantity: 1 }],
        reason: String::new(),
        status: ReturnStatus::Requested,
        created_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        closed: None,
    };
    let until = (announced.created_at + Duration::days(14)).format("%-d %B %Y").to_string();
    let page = page_of(&Order { returns: vec![announced], ..order(OrderStatus::Confirmed, None) }).await;
    let (_, told) = page.split_once("id=\"send-to\"").unwrap_or_default();
    assert!(told.contains(&RETURNS.line()) && told.contains(&until), "{page}");
    let before = page_of(&Order { can_return: true, ..order(OrderStatus::Confirmed, None) }).await;
    assert!(before.contains(&RETURNS.line()), "before anything is announced: {before}");
}

#[tokio::test]
async fn a_pending_order_says_until_when_the_bank_may_take_and_what_happens_then() {
    let placed_at = shop_instrumentation::clock::now();
    let page = page_of(&Order { placed_at, ..order(OrderStatus::Pending, None) }).await;
    let until = (placed_at + Duration::minutes(10)).format("%H:%M UTC").to_string();
    assert!(page.contains(&until) && page.contains("your things are in your cart again"), "{page}");
}

#[tokio::test]
async fn a_return_of_nothing_opens_its_form_again_and_says_so_there() {
    let placed = Order { can_return: true, ..order(OrderStatus::Confirmed, None) };
    let stage = Stage::set().await;
    stage.orders_answer(&placed).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    check_out(&mut shopper).await;
    shopper.open(&format!("/orders/{}", placed.id)).await;
    let answer = shopper.submit(&format!("/orders/{}/returns", placed.id), &[]).await;
    let there = answer.headers["location"].to_str().unwrap().to_owned();
    shopper.open(there.split('#').next().unwrap()).await;
    let (_, form) = shopper.page.split_once("<details class=\"order-action\" open>").unwrap();
    assert!(form.contains("Nothing was chosen") && form.contains("aria-invalid=\"true\""), "{form}");
}
