use axum::http::StatusCode;
use chrono::DateTime;
use serde_json::json;
use shop_contracts::orders::{
    NewReturn, Order, OrderRefund, OrderReturn, OrderStatus, RefundStatus, ReturnClosed, ReturnEnd,
    ReturnLine, ReturnStatus, Shipment,
};
use uuid::Uuid;
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::buying::{check_out, order};
use crate::stage::{Shopper, Stage, lamp};

fn problem(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"status": status, "code": code}))
}

impl Stage {
    async fn orders_posts(&self, to: &str, answer: impl wiremock::Respond + 'static) {
        Mock::given(method("POST"))
            .and(path(to))
            .respond_with(answer)
            .with_priority(1)
            .mount(&self.orders)
            .await;
    }

    /// What was posted to this path of orders.
    async fn posted(&self, to: &str) -> Vec<wiremock::Request> {
        let asked = self.orders.received_requests().await.unwrap();
        asked.into_iter().filter(|one| one.method.as_str() == "POST" && one.url.path() == to).collect()
    }
}

/// A guest who has placed this order from this browser.
async fn buyer<'a>(stage: &'a Stage, order: &Order) -> Shopper<'a> {
    stage.orders_answer(order).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    check_out(&mut shopper).await;
    shopper.open(&format!("/orders/{}", order.id)).await;
    shopper
}

fn cancellable() -> Order {
    Order { can_cancel: true, can_return: true, ..order(OrderStatus::Confirmed, None) }
}

#[tokio::test]
async fn buyer_cancels_and_sees_the_money_on_its_way() {
    let stage = Stage::set().await;
    let placed = cancellable();
    let mut shopper = buyer(&stage, &placed).await;
    assert!(shopper.page.contains("1 Quay Street"), "the browser that placed it sees all of it");
    let to = format!("/v1/orders/{}/cancel", placed.id);
    let refund = OrderRefund {
        id: Uuid::nil(),
        amount: placed.total,
        reason: "cancelled".to_owned(),
        status: RefundStatus::Pending,
        created_at: DateTime::from_timestamp(1_800_000_100, 0).unwrap(),
        tax: None,
        needs_person: false,
    };
    let cancelled = Order { refunds: vec![refund], ..order(OrderStatus::Cancelled, None) };
    stage.orders_posts(&to, ResponseTemplate::new(200).set_body_json(&cancelled)).await;
    let done = shopper.submit(&format!("/orders/{}/cancel", placed.id), &[]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    assert_eq!(stage.posted(&to).await.len(), 1);
    stage.orders_answer(&cancelled).await;
    shopper.open(done.headers["location"].to_str().unwrap()).await;
    assert!(shopper.page.contains("The order is cancelled") && shopper.page.contains("id=\"refunds\""));
    assert!(shopper.page.contains("On its way") && !shopper.page.contains("cancel-form"));
}

#[tokio::test]
async fn order_that_was_shipped_meanwhile_is_not_cancelled_and_says_so() {
    let stage = Stage::set().await;
    let placed = cancellable();
    let mut shopper = buyer(&stage, &placed).await;
    stage.orders_posts(&format!("/v1/orders/{}/cancel", placed.id), problem(409, "conflict")).await;
    let refused = shopper.submit(&format!("/orders/{}/cancel", placed.id), &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(shopper.page.contains("cannot be cancelled any more"));
}

#[tokio::test]
async fn pieces_are_sent_back_once_however_often_the_button_is_pressed() {
    let stage = Stage::set().await;
    let placed = cancellable();
    let mut shopper = buyer(&stage, &placed).await;
    let to = format!("/v1/orders/{}/returns", placed.id);
    let line = ReturnLine { product_id: lamp().id, quantity: 1 };
    let one = OrderReturn {
        id: Uuid::nil(),
        lines: vec![line],
        reason: "too bright".to_owned(),
        status: ReturnStatus::Requested,
        created_at: DateTime::from_timestamp(1_800_000_100, 0).unwrap(),
        closed: None,
    };
    let returned = Order { returns: vec![one], ..placed.clone() };
    let made = std::sync::Arc::new(std::sync::OnceLock::new());
    let field = format!("line-{}", lamp().id);
    let fields = [(field.as_str(), "1"), ("reason", "too bright")];
    let action = format!("/orders/{}/returns", placed.id);
    // As orders has it: one key is one return, and for another one nothing is left.
    let answer = || {
        let (made, returned) = (made.clone(), returned.clone());
        move |asked: &wiremock::Request| {
            let key = asked.headers["idempotency-key"].clone();
            if *made.get_or_init(|| key.clone()) == key {
                ResponseTemplate::new(201).set_body_json(&returned)
            } else {
                problem(409, "conflict")
            }
        }
    };
    stage.orders_posts(&to, answer()).await;
    let form = shopper.page.clone();
    let first = shopper.submit(&action, &fields).await;
    let mut posted = stage.posted(&to).await;
    // The return is there before the second press comes.
    stage.orders_answer(&returned).await;
    stage.orders_posts(&to, answer()).await;
    shopper.page.clone_from(&form);
    let second = shopper.submit(&action, &fields).await;
    let there = format!("/orders/{}?done=returned", placed.id);
    for press in [&first, &second] {
        assert_eq!(press.status, StatusCode::SEE_OTHER, "{}", press.text());
        assert_eq!(press.headers["location"].to_str().unwrap(), there);
    }
    posted.extend(stage.posted(&to).await);
    assert_eq!(posted.len(), 2);
    assert_eq!(posted[0].headers["idempotency-key"], posted[1].headers["idempotency-key"]);
    let sent: NewReturn = posted[0].body_json().unwrap();
    assert_eq!(sent, NewReturn { lines: vec![line], reason: "too bright".to_owned() });
    shopper.open(first.headers["location"].to_str().unwrap()).await;
    assert!(shopper.page.contains("Announced") && shopper.page.contains("id=\"returns\""));
    assert!(!shopper.page.contains(&field), "nothing of it is left to send back");
    // Another return of the same piece, as a page that knew of the first would ask for it.
    shopper.page = form.replace("name=\"known\" value=\"0\"", "name=\"known\" value=\"1\"");
    assert_ne!(shopper.page, form);
    let too_many = shopper.submit(&action, &fields).await;
    assert_eq!(too_many.status, StatusCode::CONFLICT);
    assert!(shopper.page.contains("That cannot be sent back."), "{}", shopper.page);
}

#[tokio::test]
async fn what_was_announced_is_kept_after_all() {
    let stage = Stage::set().await;
    let placed = cancellable();
    let one = OrderReturn {
        id: Uuid::from_u128(6),
        lines: vec![ReturnLine { product_id: lamp().id, quantity: 1 }],
        reason: String::new(),
        status: ReturnStatus::Requested,
        created_at: DateTime::from_timestamp(1_800_000_100, 0).unwrap(),
        closed: None,
    };
    let announced = Order { returns: vec![one.clone()], ..placed.clone() };
    let mut shopper = buyer(&stage, &placed).await;
    stage.orders_answer(&announced).await;
    let to = format!("/v1/orders/{}/returns/{}/withdraw", placed.id, one.id);
    stage.orders_posts(&to, ResponseTemplate::new(200).set_body_json(&announced)).await;
    shopper.open(&format!("/orders/{}", placed.id)).await;
    let kept = shopper.submit(&format!("/orders/{}/returns/withdraw", placed.id), &[]).await;
    assert_eq!(kept.status, StatusCode::SEE_OTHER);
    assert_eq!(stage.posted(&to).await.len(), 1);
    let closed = ReturnClosed { end: ReturnEnd::Withdrawn, reason: String::new(), at: one.created_at };
    let withdrawn = OrderReturn { closed: Some(closed), ..one };
    stage.orders_answer(&Order { returns: vec![withdrawn], ..placed }).await;
    shopper.open(kept.headers["location"].to_str().unwrap()).await;
    assert!(shopper.page.contains("You keep it") && !shopper.page.contains("Keep it after all"));
}

#[tokio::test]
async fn return_of_nothing_or_of_nonsense_reaches_nobody() {
    let stage = Stage::set().await;
    let placed = cancellable();
    let mut shopper = buyer(&stage, &placed).await;
    let field = format!("line-{}", lamp().id);
    let action = format!("/orders/{}/returns", placed.id);
    let page = shopper.page.clone();
    for (quantity, status) in [("0", 303), ("-1", 422), ("7", 422), ("many", 422)] {
        shopper.page.clone_from(&page);
        let answer = shopper.submit(&action, &[(field.as_str(), quantity)]).await;
        assert_eq!(answer.status.as_u16(), status, "{quantity}");
    }
    assert!(stage.posted(&format!("/v1/orders/{}/returns", placed.id)).await.is_empty());
}

#[tokio::test]
async fn tracking_number_is_shown_once_the_parcel_is_on_its_way() {
    let stage = Stage::set().await;
    let shipment = Shipment {
        carrier: "Harbour Post".to_owned(),
        tracking_number: "HP<123>".to_owned(),
        shipped_at: DateTime::from_timestamp(1_800_000_100, 0).unwrap(),
    };
    let shipped = Order { shipment: Some(shipment), ..order(OrderStatus::Confirmed, None) };
    let shopper = buyer(&stage, &shipped).await;
    assert!(shopper.page.contains("Harbour Post") && shopper.page.contains("HP&lt;123&gt;"));
    assert!(shopper.page.contains("It is on its way"));
    let mut somebody = stage.shopper();
    somebody.open(&format!("/orders/{}", shipped.id)).await;
    assert!(somebody.page.contains("Harbour Post"), "{}", somebody.page);
    assert!(!somebody.page.contains("HP&lt;123&gt;"), "the carrier's page for it names the guest");
    let below = "find its number below";
    assert!(shopper.page.contains(below) && !somebody.page.contains(below), "it is said where it is so");
}

#[tokio::test]
async fn one_network_of_ipv6_has_the_tries_of_one_client() {
    let stage = Stage::set().await;
    stage.orders_posts("/v1/orders/lookup", problem(404, "not_found")).await;
    let mut guest = stage.shopper();
    guest.open("/orders/lookup").await;
    let page = guest.page.clone();
    let mut statuses = Vec::new();
    for n in 0..31 {
        let from = format!("2001:db8:1:2:{n:x}::{n:x}");
        guest.forwarded = from.leak();
        guest.page.clone_from(&page);
        let fields = [("number", &*format!("QD-{n}")), ("email", "kim@example.com")];
        statuses.push(guest.submit("/orders/lookup", &fields).await.status.as_u16());
    }
    assert_eq!((statuses[29], statuses[30]), (404, 429));
    guest.forwarded = "2001:db8:1:3::1";
    guest.page = page;
    let next_door =
        guest.submit("/orders/lookup", &[("number", "QD-30"), ("email", "kim@example.com")]).await;
    assert_eq!(next_door.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_may_try_no_more_uses_up_nobody_s_number() {
    let stage = Stage::set().await;
    stage.orders_posts("/v1/orders/lookup", problem(404, "not_found")).await;
    let mut guest = stage.shopper();
    guest.open("/orders/lookup").await;
    let page = guest.page.clone();
    let mut look_up = async |from: &'static str, number: String| {
        guest.forwarded = from;
        guest.page.clone_from(&page);
        let fields = [("number", number.as_str()), ("email", "kim@example.com")];
        guest.submit("/orders/lookup", &fields).await.status.as_u16()
    };
    for n in 0..30 {
        look_up("203.0.113.9", format!("QD-{n}")).await;
    }
    for _ in 0..10 {
        assert_eq!(look_up("203.0.113.9", "QD-OWNED".to_owned()).await, 429);
    }
    assert_eq!(look_up("203.0.113.10", "QD-OWNED".to_owned()).await, 404, "its owner still finds it");
}

#[tokio::test]
async fn pending_page_loads_itself_again_and_a_confirmed_one_does_not() {
    let stage = Stage::set().await;
    let now = shop_instrumentation::clock::now();
    let pending = Order { placed_at: now, ..order(OrderStatus::Pending, None) };
    stage.orders_answer(&pending).await;
    let mut shopper = stage.shopper();
    let page = format!("/orders/{}", pending.id);
    assert_eq!(shopper.open(&page).await.headers["refresh"], "3");
    stage.orders_answer(&Order { status: OrderStatus::Confirmed, ..pending }).await;
    assert!(!shopper.open(&page).await.headers.contains_key("refresh"));
}

/// Of mails that strangers can cause a mailbox gets so many an hour: one may be withheld.
#[tokio::test]
async fn page_that_names_a_mail_says_what_to_do_without_it() {
    let stage = Stage::set().await;
    for status in [OrderStatus::Confirmed, OrderStatus::Pending, OrderStatus::ManualReview] {
        let placed = Order { status, ..order(OrderStatus::Confirmed, None) };
        stage.orders_answer(&placed).await;
        let mut shopper = stage.shopper();
        shopper.open(&format!("/orders/{}", placed.id)).await;
        let page = &shopper.page;
        assert!(page.contains("if you find nothing there, this page says the same"), "{status:?}: {page}");
        assert!(
            !page.contains("message is on its way") && !page.contains("we will write"),
            "{status:?}: {page}"
        );
    }
}

#[tokio::test]
async fn whoever_knows_only_the_address_of_the_page_sees_little_and_changes_nothing() {
    let stage = Stage::set().await;
    let placed = cancellable();
    let _buyer = buyer(&stage, &placed).await;
    let mut stranger = stage.shopper();
    stranger.open(&format!("/orders/{}", placed.id)).await;
    assert!(!stranger.page.contains("Quay Street") && !stranger.page.contains("cancel-form"));
    assert!(stranger.page.contains("/orders/lookup?number=QD-1001"));
    stranger.take_a_lamp().await;
    stranger.open("/cart").await;
    let token = crate::stage::hidden_fields(&stranger.page, "/cart/remove");
    let refused = stranger.post(&format!("/orders/{}/cancel", placed.id), &token).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert!(stage.posted(&format!("/v1/orders/{}/cancel", placed.id)).await.is_empty());
}

#[tokio::test]
async fn guest_finds_the_order_by_number_and_address_and_may_then_act_on_it() {
    let stage = Stage::set().await;
    let placed = cancellable();
    stage.orders_answer(&placed).await;
    stage.orders_posts("/v1/orders/lookup", ResponseTemplate::new(200).set_body_json(&placed)).await;
    let mut guest = stage.shopper();
    guest.open("/orders/lookup?number=QD-1001").await;
    assert!(guest.page.contains("value=\"QD-1001\""));
    let fields = [("number", " qd-1001 "), ("email", "kim@example.com")];
    let found = guest.submit("/orders/lookup", &fields).await;
    assert_eq!(found.headers["location"].to_str().unwrap(), format!("/orders/{}", placed.id));
    guest.open(&format!("/orders/{}", placed.id)).await;
    assert!(guest.page.contains("Quay Street") && guest.page.contains("cancel-form"));
    let to = format!("/v1/orders/{}/cancel", placed.id);
    stage.orders_posts(&to, ResponseTemplate::new(200).set_body_json(&placed)).await;
    let done = guest.submit(&format!("/orders/{}/cancel", placed.id), &[]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
}

#[tokio::test]
async fn wrong_number_and_wrong_address_look_alike_and_tries_are_counted() {
    let stage = Stage::set().await;
    stage.orders_posts("/v1/orders/lookup", problem(404, "not_found")).await;
    let mut guest = stage.shopper();
    guest.open("/orders/lookup").await;
    for (number, status) in [("", 422), ("QD_1;--", 422)] {
        let answer =
            guest.submit("/orders/lookup", &[("number", number), ("email", "kim@example.com")]).await;
        assert_eq!(answer.status.as_u16(), status);
        assert!(guest.page.contains("id=\"number-error\""));
    }
    let fields = [("number", "QD-1001"), ("email", "kim@example.com")];
    for _ in 0..10 {
        assert_eq!(guest.submit("/orders/lookup", &fields).await.status, StatusCode::NOT_FOUND);
        assert!(guest.page.contains("We know no order with this number and this address"));
    }
    let page = guest.page.clone();
    let refused = guest.submit("/orders/lookup", &[("number", "qd 1001"), ("email", "a@example.com")]).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "the same number, typed otherwise");
    assert!(refused.headers.contains_key("retry-after"));
    guest.page = page;
    let other = guest.submit("/orders/lookup", &[("number", "QD-2"), ("email", "kim@example.com")]).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    assert_eq!(stage.posted("/v1/orders/lookup").await.len(), 11);
}

#[tokio::test]
async fn lookup_of_another_site_is_refused() {
    let stage = Stage::set().await;
    let mut guest = stage.shopper();
    guest.open("/orders/lookup").await;
    guest.site = "cross-site";
    let fields = [("number", "QD-1001"), ("email", "kim@example.com")];
    assert_eq!(guest.submit("/orders/lookup", &fields).await.status, StatusCode::FORBIDDEN);
}
