//! Which answer of a peer is final and which means "later": the mapping that decides about money, status by status,
//! against a local server.

use std::time::Duration;

use serde_json::{Value, json};
use shop_contracts::orders::{OrderLine, ReturnLine};
use shop_contracts::{Currency, Money, OrderId, PaymentId, ProductId, ReservationId};
use shop_instrumentation::Boot;
use shop_instrumentation::client::{ClientConfig, ServiceClient};
use shop_instrumentation::config::Env;
use shop_orders::clients::{HttpPaymentGateway, HttpPriceList, HttpStock};
use shop_orders::ports::{
    Authorising, Confirming, NotNow, PaymentGateway as _, PriceList as _, Reserving, Settling, Stock as _,
};
use uuid::Uuid;
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Answers that say nothing about the thing itself.
const NEVER_FINAL: [u16; 12] = [400, 401, 403, 405, 408, 413, 415, 429, 500, 502, 503, 504];

fn id() -> Uuid {
    Uuid::from_u128(7)
}

fn amount() -> Money {
    Money::new(1250, Currency::default())
}

/// A client that tries once, so that a status is seen as it is.
fn client(peer: &'static str, url: String) -> ServiceClient {
    let boot = Boot::for_tests("orders", Env::from_pairs::<String, String>([])).unwrap();
    let config = ClientConfig {
        attempt_timeout: Duration::from_millis(300),
        call_timeout: Duration::from_millis(600),
        max_attempts: 1,
        ..ClientConfig::default()
    };
    ServiceClient::new(peer, vec![url], boot.metrics, config).unwrap()
}

/// A peer that gives one answer to everything.
async fn peer(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    server
}

async fn payments(answer: ResponseTemplate) -> (HttpPaymentGateway, MockServer) {
    let server = peer(answer).await;
    (HttpPaymentGateway(client("payments", server.uri())), server)
}

async fn stock(answer: ResponseTemplate) -> (HttpStock, MockServer) {
    let server = peer(answer).await;
    (HttpStock(client("inventory", server.uri())), server)
}

fn problem(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"status": status, "code": code, "detail": "d"}))
}

fn silent() -> ResponseTemplate {
    ResponseTemplate::new(200).set_delay(Duration::from_secs(5))
}

fn authorisation(outcome: &str, state: &str) -> Value {
    json!({"id": id(), "order_id": id(), "amount": amount(), "outcome": outcome, "state": state})
}

fn reservation(state: &str) -> Value {
    json!({"id": id(), "order_id": id(), "state": state, "expires_at": "2027-01-15T08:00:00Z"})
}

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// Everything after which nobody knows what the peer did.
fn unknown_answers() -> Vec<(String, ResponseTemplate)> {
    let mut answers: Vec<(String, ResponseTemplate)> = NEVER_FINAL
        .into_iter()
        .flat_map(|status| {
            let bare = (format!("bare {status}"), ResponseTemplate::new(status));
            // Another server between the two may name any code: the status counts.
            let worded = (format!("{status} conflict"), problem(status, "conflict"));
            [bare, worded]
        })
        .collect();
    answers.push(("silence".to_owned(), silent()));
    answers.push(("200 of something else".to_owned(), ok(json!({"hello": "world"}))));
    answers.push(("302".to_owned(), ResponseTemplate::new(302).insert_header("location", "/elsewhere")));
    answers
}

async fn authorise(gateway: &HttpPaymentGateway) -> Result<Authorising, NotNow> {
    gateway.authorise(OrderId::new(id()), amount(), "tok_visa").await
}

#[tokio::test]
async fn an_unknown_answer_never_decides_about_money() {
    for (name, answer) in unknown_answers() {
        let (gateway, _server) = payments(answer).await;
        let payment = PaymentId::new(id());
        assert!(authorise(&gateway).await.is_err(), "authorise: {name}");
        assert!(gateway.capture(payment).await.is_err(), "capture: {name}");
        assert!(gateway.void(payment).await.is_err(), "void: {name}");
        assert!(gateway.abandon(OrderId::new(id())).await.is_err(), "abandon: {name}");
        assert!(gateway.refund(payment, amount(), "returned", "k").await.is_err(), "refund: {name}");
    }
}

#[tokio::test]
async fn an_unknown_answer_never_decides_about_stock() {
    for (name, answer) in unknown_answers() {
        let (stock, _server) = stock(answer).await;
        let held = ReservationId::new(id());
        assert!(stock.reserve(OrderId::new(id()), &[line()]).await.is_err(), "reserve: {name}");
        assert!(stock.confirm(held).await.is_err(), "confirm: {name}");
        assert!(stock.release(held).await.is_err(), "release: {name}");
        assert!(stock.restock(held, &[piece()], "returned", "k").await.is_err(), "restock: {name}");
    }
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_asked_later() {
    let nowhere = "http://127.0.0.1:9".to_owned();
    let gateway = HttpPaymentGateway(client("payments", nowhere.clone()));
    assert!(gateway.capture(PaymentId::new(id())).await.is_err());
    assert!(HttpPriceList(client("catalog", nowhere)).products(&[]).await.is_err());
}

#[tokio::test]
async fn what_payments_decided_about_an_authorisation() {
    let approved = Authorising::Approved(PaymentId::new(id()));
    for (answer, expected) in [
        (ok(authorisation("approved", "open")), Some(approved)),
        (ok(authorisation("approved", "captured")), Some(approved)),
        (ok(authorisation("approved", "voided")), Some(Authorising::Declined)),
        (ok(authorisation("declined", "open")), Some(Authorising::Declined)),
        // No token, or an order that was abandoned: no money is held.
        (problem(422, "invalid"), Some(Authorising::Declined)),
        (problem(409, "conflict"), Some(Authorising::Declined)),
        (problem(404, "not_found"), None),
        (problem(409, "key_reused"), None),
    ] {
        let shown = format!("{answer:?}");
        let (gateway, _server) = payments(answer).await;
        assert_eq!(authorise(&gateway).await.ok(), expected, "{shown}");
    }
}

#[tokio::test]
async fn an_authorisation_that_exists_already_counts_as_it_was_decided() {
    let known = |body: Value| {
        let problem = json!({"status": 409, "code": "key_reused", "existing": body});
        ResponseTemplate::new(409).set_body_json(problem)
    };
    let (gateway, _server) = payments(known(authorisation("approved", "open"))).await;
    assert_eq!(authorise(&gateway).await, Ok(Authorising::Approved(PaymentId::new(id()))));
    let (gateway, _server) = payments(known(authorisation("declined", "open"))).await;
    assert_eq!(authorise(&gateway).await, Ok(Authorising::Declined));
}

#[tokio::test]
async fn an_authorisation_of_another_amount_or_order_pays_nothing() {
    for (field, value) in
        [("amount", json!({"amount_minor": 1, "currency": "EUR"})), ("order_id", json!(Uuid::from_u128(8)))]
    {
        let mut other = authorisation("approved", "open");
        other[field] = value;
        let (gateway, _server) = payments(ok(other)).await;
        assert!(authorise(&gateway).await.is_err(), "{field}");
    }
}

#[tokio::test]
async fn capture_and_void_believe_only_the_state_that_was_asked_for() {
    let (done, refused) = (Some(Settling::Done), Some(Settling::Refused));
    for (answer, captured, voided) in [
        (ok(authorisation("approved", "captured")), done, refused),
        (ok(authorisation("approved", "refunded")), done, refused),
        (ok(authorisation("approved", "voided")), refused, done),
        (ok(authorisation("approved", "open")), None, None),
        (problem(404, "not_found"), refused, refused),
        (problem(409, "conflict"), refused, refused),
        (ResponseTemplate::new(404), refused, refused),
        (problem(422, "invalid"), None, None),
    ] {
        let shown = format!("{answer:?}");
        let (gateway, _server) = payments(answer).await;
        assert_eq!(gateway.capture(PaymentId::new(id())).await.ok(), captured, "capture: {shown}");
        assert_eq!(gateway.void(PaymentId::new(id())).await.ok(), voided, "void: {shown}");
    }
    let (gateway, _server) = payments(ok(authorisation("approved", "captured"))).await;
    assert!(gateway.capture(PaymentId::new(Uuid::from_u128(8))).await.is_err(), "another one's answer");
}

#[tokio::test]
async fn a_refund_is_done_only_when_the_provider_has_confirmed_it() {
    let refund = |state: &str| {
        json!({"id": id(), "authorisation_id": id(), "amount": amount(), "state": state,
               "created_at": "2027-01-15T08:00:00Z"})
    };
    let mut other_amount = refund("succeeded");
    other_amount["amount"]["amount_minor"] = json!(1);
    for (answer, expected) in [
        (ok(refund("succeeded")), Some(Settling::Done)),
        (ok(refund("failed")), Some(Settling::Refused)),
        (ok(refund("requested")), None),
        (ok(other_amount), None),
        (problem(409, "conflict"), Some(Settling::Refused)),
        (problem(404, "not_found"), Some(Settling::Refused)),
        (problem(422, "invalid"), Some(Settling::Refused)),
    ] {
        let shown = format!("{answer:?}");
        let (gateway, _server) = payments(answer).await;
        let refunded = gateway.refund(PaymentId::new(id()), amount(), "returned", "k").await;
        assert_eq!(refunded.ok(), expected, "{shown}");
    }
}

#[tokio::test]
async fn an_order_is_abandoned_or_refused_because_its_money_was_taken() {
    let (gateway, _server) = payments(ok(json!({"order_id": id()}))).await;
    assert_eq!(gateway.abandon(OrderId::new(id())).await, Ok(Settling::Done));
    let (gateway, _server) = payments(problem(409, "conflict")).await;
    assert_eq!(gateway.abandon(OrderId::new(id())).await, Ok(Settling::Refused));
}

#[tokio::test]
async fn what_inventory_answered_about_a_reservation() {
    let held = Reserving::Held(ReservationId::new(id()));
    let (done, refused) = (Some(Settling::Done), Some(Settling::Refused));
    let short = Some(Reserving::OutOfStock);
    for (answer, reserved, confirmed, released) in [
        (ok(reservation("held")), Some(held), None, None),
        (ok(reservation("confirmed")), Some(held), Some(Confirming::Sold), refused),
        (ok(reservation("released")), short, Some(Confirming::Gone), done),
        (ok(reservation("expired")), short, Some(Confirming::Gone), done),
        (problem(409, "conflict"), short, Some(Confirming::Gone), refused),
        (problem(404, "not_found"), None, Some(Confirming::Gone), done),
        (problem(422, "invalid"), short, None, None),
    ] {
        let shown = format!("{answer:?}");
        let (stock, _server) = stock(answer).await;
        let id = ReservationId::new(id());
        assert_eq!(stock.reserve(OrderId::new(id.uuid()), &[line()]).await.ok(), reserved, "{shown}");
        assert_eq!(stock.confirm(id).await.ok(), confirmed, "confirm: {shown}");
        assert_eq!(stock.release(id).await.ok(), released, "release: {shown}");
    }
}

#[tokio::test]
async fn calls_that_move_money_or_stock_carry_their_keys() {
    let server = MockServer::start().await;
    let key = id().to_string();
    let asked = json!({"order_id": id(), "amount": amount(), "payment_token": "tok_visa"});
    Mock::given(method("POST"))
        .and(path("/v1/authorisations"))
        .and(header("idempotency-key", key.as_str()))
        .and(body_json(asked))
        .respond_with(ok(authorisation("approved", "open")))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path(format!("/v1/reservations/{key}/returns")))
        .and(header("idempotency-key", "give-back"))
        .respond_with(ok(reservation("confirmed")))
        .expect(1)
        .mount(&server)
        .await;
    assert!(authorise(&HttpPaymentGateway(client("payments", server.uri()))).await.is_ok());
    let stock = HttpStock(client("inventory", server.uri()));
    let restocked = stock.restock(ReservationId::new(id()), &[piece()], "returned", "give-back").await;
    assert_eq!(restocked, Ok(Settling::Done));
}

fn line() -> OrderLine {
    OrderLine {
        product_id: ProductId::new(id()),
        name: "Lantern".to_owned(),
        quantity: 1,
        unit_price: amount(),
        charge: None,
    }
}

fn piece() -> ReturnLine {
    ReturnLine { product_id: ProductId::new(id()), quantity: 1 }
}
