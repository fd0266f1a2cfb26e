//! Stripe's protocol: the requests as its documentation writes them, its recorded answers, and the suite of all providers
//! against a local server that keeps intents as it does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde_json::{Value, json};
use shop_contracts::{Currency, Money};
use shop_instrumentation::config::Secret;
use shop_payments::provider::stripe::StripeProvider;
use shop_payments::provider::{
    HoldDecision, HoldRequest, Lookup, PaymentProvider as _, ProviderError, Standing,
};
use wiremock::matchers::{body_string_contains, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{conformance, order};

const AMOUNT: Money = Money { amount_minor: 1999, currency: Currency::Eur };

fn provider(url: &str) -> StripeProvider {
    StripeProvider::new(url, Secret::new("sk_test_1")).unwrap()
}

fn hold<'a>(key: &'a str, token: &'a str) -> HoldRequest<'a> {
    HoldRequest { key, order_id: order(), amount: AMOUNT, token }
}

async fn answering(status: u16, body: Value) -> (MockServer, StripeProvider) {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_json(body);
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    let provider = provider(&server.uri());
    (server, provider)
}

#[tokio::test]
async fn a_hold_is_asked_for_as_the_documentation_writes_it() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({
        "id": "pi_3MrPBM2eZvKYlo2C1TEMacFD", "object": "payment_intent", "amount": 1999, "amount_capturable": 1999,
        "amount_received": 0, "capture_method": "manual", "currency": "eur", "status": "requires_capture"
    }));
    Mock::given(method("POST"))
        .and(path("/v1/payment_intents"))
        .and(header("authorization", "Bearer sk_test_1"))
        .and(header("idempotency-key", "order-9"))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string_contains("amount=1999&currency=eur&capture_method=manual&confirm=true"))
        .and(body_string_contains("payment_method_data%5Bcard%5D%5Btoken%5D=tok_visa"))
        .and(body_string_contains("metadata%5Bkey%5D=order-9"))
        .respond_with(answer)
        .expect(1)
        .mount(&server)
        .await;
    let decided = provider(&server.uri()).authorise(hold("order-9", "tok_visa")).await.unwrap();
    assert_eq!(decided, HoldDecision::Approved { reference: "pi_3MrPBM2eZvKYlo2C1TEMacFD".to_owned() });
}

#[tokio::test]
async fn a_card_error_is_a_decline_with_its_intent() {
    let (_server, provider) = answering(
        402,
        json!({"error": {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline",
            "message": "Your card was declined.", "payment_intent": {"id": "pi_1", "status": "requires_payment_method"}}}),
    )
    .await;
    let decided = provider.authorise(hold("k", "tok_visa")).await.unwrap();
    assert_eq!(decided, HoldDecision::Declined { reference: Some("pi_1".to_owned()) });
}

/// Only what names the request as wrong is a refusal: everything else may have had its effect, or may work later.
#[tokio::test]
async fn answers_that_say_nothing_about_the_payment_are_no_refusals() {
    for (status, kind, refused) in [
        (400, "invalid_request_error", true),
        (404, "invalid_request_error", true),
        (400, "idempotency_error", false),
        (401, "authentication_error", false),
        (409, "idempotency_error", false),
        (429, "rate_limit_error", false),
        (500, "api_error", false),
        (503, "api_error", false),
    ] {
        let (_server, provider) = answering(status, json!({"error": {"type": kind}})).await;
        let error = provider.capture("c", "pi_1", AMOUNT).await.unwrap_err();
        assert_eq!(matches!(error, ProviderError::Refused(_)), refused, "{status} {kind}: {error}");
        let hold = provider.authorise(hold("k", "tok_visa")).await.unwrap_err();
        assert_eq!(matches!(hold, ProviderError::Refused(_)), refused, "{status} {kind}: {hold}");
    }
    let (_server, undecided) = answering(200, json!({"id": "pi_1", "status": "processing"})).await;
    let open = undecided.authorise(hold("k", "tok_visa")).await.unwrap_err();
    assert!(matches!(open, ProviderError::Unknown(_)));
    let (_server, garbage) = answering(200, json!(["no", "intent"])).await;
    let unread = garbage.authorise(hold("k", "tok_visa")).await.unwrap_err();
    assert!(matches!(unread, ProviderError::Unknown(_)), "a success that cannot be read may hold money");
    let nobody = provider("http://127.0.0.1:1");
    assert!(matches!(nobody.capture("c", "pi_1", AMOUNT).await, Err(ProviderError::Unknown(_))));
}

#[tokio::test]
async fn an_intent_is_found_by_our_key() {
    let server = MockServer::start().await;
    let found = json!({"object": "search_result", "data": [
        {"id": "pi_old", "status": "canceled", "amount_received": 0},
        {"id": "pi_held", "status": "requires_capture", "amount_received": 0}
    ]});
    Mock::given(method("GET"))
        .and(path("/v1/payment_intents/search"))
        .and(query_param("query", "metadata['key']:'0197-a'"))
        .respond_with(ResponseTemplate::new(200).set_body_json(found))
        .mount(&server)
        .await;
    let provider = provider(&server.uri());
    let payment = provider.status(Lookup::Key("0197-a")).await.unwrap().unwrap();
    assert_eq!((payment.reference.as_str(), payment.standing), ("pi_held", Standing::Held));
    let injected = provider.status(Lookup::Key("x' OR status:'succeeded")).await;
    assert!(matches!(injected, Err(ProviderError::Refused(_))));
    let climbing = provider.status(Lookup::Reference("../refunds")).await;
    assert!(matches!(climbing, Err(ProviderError::Refused(_))));
}

#[tokio::test]
async fn stripe_conforms() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, local_stripe()).await });
    conformance::conforms(Arc::new(provider(&url))).await;
    server.abort();
}

type Fields = HashMap<String, String>;
type Answer = (StatusCode, Json<Value>);
type Books = Arc<Mutex<Kept>>;

#[derive(Default)]
struct Kept {
    intents: Vec<Value>,
    refunds: Vec<Value>,
    /// First answers by idempotency key; they are told again.
    told: HashMap<String, (StatusCode, Value)>,
}

impl Kept {
    fn once(&mut self, headers: &HeaderMap, act: impl FnOnce(&mut Self) -> (StatusCode, Value)) -> Answer {
        let key = headers["idempotency-key"].to_str().unwrap().to_owned();
        if !self.told.contains_key(&key) {
            let answer = act(self);
            self.told.insert(key.clone(), answer);
        }
        let (status, body) = self.told[&key].clone();
        (status, Json(body))
    }

    fn change(&mut self, id: &str, status: &str, taken: i64) -> (StatusCode, Value) {
        match self.intents.iter_mut().find(|i| i["id"] == id) {
            Some(intent) if intent["status"] == "requires_capture" => {
                intent["status"] = json!(status);
                intent["amount_received"] = json!(taken);
                (StatusCode::OK, intent.clone())
            }
            Some(_) => wrong("payment_intent_unexpected_state"),
            None => wrong("resource_missing"),
        }
    }
}

fn wrong(code: &str) -> (StatusCode, Value) {
    (StatusCode::BAD_REQUEST, json!({"error": {"type": "invalid_request_error", "code": code}}))
}

fn local_stripe() -> Router {
    Router::new()
        .route("/v1/payment_intents", post(create))
        .route("/v1/payment_intents/search", get(search))
        .route("/v1/payment_intents/{id}", get(retrieve))
        .route("/v1/payment_intents/{id}/{verb}", post(change))
        .route("/v1/refunds", post(refund).get(refunds))
        .with_state(Books::default())
}

async fn create(State(books): State<Books>, headers: HeaderMap, Form(form): Form<Fields>) -> Answer {
    books.lock().unwrap().once(&headers, |kept| {
        let intent = json!({"id": format!("pi_{}", kept.intents.len()), "status": "requires_capture",
            "amount_received": 0, "metadata": {"key": form["metadata[key]"]}});
        kept.intents.push(intent.clone());
        (StatusCode::OK, intent)
    })
}

async fn change(
    State(books): State<Books>,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
    Form(form): Form<Fields>,
) -> Answer {
    books.lock().unwrap().once(&headers, |kept| match verb.as_str() {
        "capture" => kept.change(&id, "succeeded", form["amount_to_capture"].parse().unwrap()),
        _ => kept.change(&id, "canceled", 0),
    })
}

async fn refund(State(books): State<Books>, headers: HeaderMap, Form(form): Form<Fields>) -> Answer {
    books.lock().unwrap().once(&headers, |kept| {
        let amount: i64 = form["amount"].parse().unwrap();
        let refund = json!({"id": format!("re_{}", kept.refunds.len()), "amount": amount, "status": "succeeded",
            "payment_intent": form["payment_intent"], "metadata": {"key": form["metadata[key]"]}});
        kept.refunds.push(refund.clone());
        (StatusCode::OK, refund)
    })
}

async fn refunds(State(books): State<Books>, Query(query): Query<Fields>) -> Json<Value> {
    let books = books.lock().unwrap();
    let of = books.refunds.iter().filter(|r| r["payment_intent"] == query["payment_intent"].as_str());
    Json(json!({"object": "list", "has_more": false, "data": of.collect::<Vec<_>>()}))
}

async fn retrieve(State(books): State<Books>, Path(id): Path<String>) -> Answer {
    match books.lock().unwrap().intents.iter().find(|i| i["id"] == id.as_str()) {
        Some(intent) => (StatusCode::OK, Json(intent.clone())),
        None => (StatusCode::NOT_FOUND, Json(json!({"error": {"code": "resource_missing"}}))),
    }
}

async fn search(State(books): State<Books>, Query(query): Query<Fields>) -> Json<Value> {
    let books = books.lock().unwrap();
    let wanted = |i: &&Value| {
        query["query"] == format!("metadata['key']:'{}'", i["metadata"]["key"].as_str().unwrap())
    };
    Json(json!({"object": "search_result", "data": books.intents.iter().filter(wanted).collect::<Vec<_>>()}))
}
