//! Delivery and vouchers at the checkout: what is agreed to is what is ordered.

use serde_json::json;
use shop_contracts::orders::{NewOrder, OrderStatus};
use wiremock::matchers::{body_partial_json, method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::buying::order;
use crate::stage::{Leads as _, Shopper, Stage};

const FIELDS: [(&str, &str); 7] = [
    ("name", "Kim Harbour"),
    ("email", "kim@example.com"),
    ("address1", "1 Quay Street"),
    ("city", "Kiel"),
    ("postcode", "24103"),
    ("country", "SE"),
    ("payment_token", "tok_visa"),
];

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    FIELDS.iter().copied().chain(more.iter().copied()).collect()
}

async fn at_the_checkout(stage: &Stage) -> Shopper<'_> {
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    shopper
}

impl Stage {
    /// Orders now takes the code SPRING, ten percent off.
    async fn spring_counts(&self) {
        let terms = json!({
            "code": "SPRING", "benefit": {"kind": "percent", "percent": 10},
            "minimum": {"amount_minor": 0, "currency": "EUR"},
        });
        self.voucher_answer(ResponseTemplate::new(200).set_body_json(terms)).await;
    }

    async fn voucher_answer(&self, answer: ResponseTemplate) {
        let mock = Mock::given(method("POST")).and(path("/v1/vouchers/check")).respond_with(answer);
        mock.with_priority(1).mount(&self.orders).await;
    }

    async fn ordered(&self) -> Vec<NewOrder> {
        let asked = self.orders.received_requests().await.unwrap();
        let posts = asked.iter().filter(|request| request.url.path() == "/v1/orders");
        posts.map(|request| request.body_json().unwrap()).collect()
    }
}

fn refusal(code: &str) -> ResponseTemplate {
    let error = json!({"field": "voucher", "detail": "This code’s time is over."});
    ResponseTemplate::new(409).set_body_json(json!({"status": 409, "code": code, "errors": [error]}))
}

#[tokio::test]
async fn courier_is_ordered_at_the_total_that_the_page_showed_for_it() {
    let stage = Stage::set().await;
    let mut shopper = at_the_checkout(&stage).await;
    assert!(shopper.page.contains("€1,311.90") && shopper.page.contains("€12.90"), "{}", shopper.page);
    let answer = shopper.press(&with(&[("delivery", "express")])).await;
    assert!(!answer.leads_to("/checkout"), "{}", shopper.page);
    let sent = stage.ordered().await;
    assert_eq!(sent[0].expected_total.map(|total| total.amount_minor), Some(131_190));
    assert_eq!(serde_json::to_value(sent[0].delivery).unwrap(), json!("express"));
}

#[tokio::test]
async fn code_that_is_applied_is_shown_in_the_total_before_it_is_ordered() {
    let stage = Stage::set().await;
    let mut shopper = at_the_checkout(&stage).await;
    stage.spring_counts().await;
    let shown = shopper.press(&with(&[("voucher", "spring"), ("do", "show")])).await;
    assert!(shown.leads_to("/checkout"));
    assert!(shopper.page.contains("−€129.90") && shopper.page.contains("€1,169.10"), "{}", shopper.page);
    assert!(shopper.page.contains("value=\"1 Quay Street\"") && shopper.page.contains("VAT 25 %, Sweden"));
    assert!(stage.ordered().await.is_empty());
    let placed = shopper.press(&with(&[("voucher", "spring")])).await;
    assert!(!placed.leads_to("/checkout"), "{}", shopper.page);
    let sent = stage.ordered().await;
    assert_eq!(sent[0].expected_total.map(|total| total.amount_minor), Some(116_910));
    assert_eq!(sent[0].voucher.as_deref(), Some("spring"));
}

#[tokio::test]
async fn code_that_was_typed_but_not_applied_never_changes_the_total_silently() {
    let stage = Stage::set().await;
    let mut shopper = at_the_checkout(&stage).await;
    stage.spring_counts().await;
    let first = shopper.press(&with(&[("voucher", "spring")])).await;
    assert!(first.leads_to("/checkout") && shopper.page.contains("Your voucher is taken off now"));
    assert!(stage.ordered().await.is_empty() && shopper.page.contains("€1,169.10"));
    let second = shopper.press(&with(&[("voucher", "spring")])).await;
    assert!(!second.leads_to("/checkout") && stage.ordered().await.len() == 1);
}

#[tokio::test]
async fn code_that_cannot_be_used_says_why_at_its_field_and_nothing_is_ordered() {
    let stage = Stage::set().await;
    let mut shopper = at_the_checkout(&stage).await;
    stage.voucher_answer(refusal("voucher_refused")).await;
    let answer = shopper.press(&with(&[("voucher", "OLD-1")])).await;
    assert!(answer.leads_to("/checkout"));
    assert!(shopper.page.contains("id=\"voucher-error\">This code’s time is over."), "{}", shopper.page);
    assert!(stage.ordered().await.is_empty());
}

#[tokio::test]
async fn code_that_the_typed_address_has_used_up_is_refused_at_the_first_press() {
    let stage = Stage::set().await;
    let mut shopper = at_the_checkout(&stage).await;
    stage.spring_counts().await;
    let used = Mock::given(method("POST"))
        .and(path("/v1/vouchers/check"))
        .and(body_partial_json(json!({"email": "kim@example.com"})))
        .respond_with(refusal("voucher_refused"));
    // Of mocks of one priority the first that was mounted answers.
    stage.orders.reset().await;
    used.with_priority(1).mount(&stage.orders).await;
    stage.spring_counts().await;
    let spring = with(&[("voucher", "spring"), ("email", "kim@example.com")]);
    assert!(shopper.press(&spring).await.leads_to("/checkout"));
    assert!(shopper.page.contains("id=\"voucher-error\""), "{}", shopper.page);
    assert!(!shopper.page.contains("taken off now") && !shopper.page.contains("−€129.90"));
    assert!(stage.ordered().await.is_empty());
    // "Apply" asks about the code alone: an address that is typed may be anybody's.
    shopper.press(&with(&[("voucher", "spring"), ("do", "show")])).await;
    assert!(shopper.page.contains("−€129.90"), "{}", shopper.page);
}

#[tokio::test]
async fn code_that_was_used_up_meanwhile_is_refused_with_the_total_without_it() {
    let stage = Stage::set().await;
    let mut shopper = at_the_checkout(&stage).await;
    stage.spring_counts().await;
    shopper.press(&with(&[("voucher", "spring"), ("do", "show")])).await;
    let mock = Mock::given(method("POST")).and(path("/v1/orders")).respond_with(refusal("voucher_refused"));
    mock.with_priority(1).mount(&stage.orders).await;
    let answer = shopper.press(&with(&[("voucher", "spring")])).await;
    assert!(answer.leads_to("/checkout"));
    assert!(
        shopper.page.contains("does not count any more") && shopper.page.contains("id=\"voucher-error\"")
    );
    assert!(!shopper.page.contains("−€129.90"));
}

#[tokio::test]
async fn guessing_codes_is_slowed_down() {
    let stage = Stage::set().await;
    let mut shopper = at_the_checkout(&stage).await;
    stage.voucher_answer(refusal("voucher_refused")).await;
    for n in 0..40 {
        let code = format!("GUESS-{n}");
        shopper.press(&with(&[("voucher", code.as_str()), ("do", "show")])).await;
    }
    let asked = stage.orders.received_requests().await.unwrap();
    let checks = asked.iter().filter(|request| request.url.path() == "/v1/vouchers/check").count();
    assert_eq!(checks, 30);
    assert!(shopper.page.contains("Too many tries."), "{}", shopper.page);
}

#[tokio::test]
async fn press_after_a_lost_answer_finds_its_order_although_the_code_is_used_up_by_it() {
    let stage = Stage::set().await;
    let mut shopper = at_the_checkout(&stage).await;
    stage.orders.reset().await;
    stage.spring_counts().await;
    let lost = ResponseTemplate::new(500);
    Mock::given(method("POST")).and(path("/v1/orders")).respond_with(lost).mount(&stage.orders).await;
    let spring = with(&[("voucher", "spring")]);
    shopper.press(&with(&[("voucher", "spring"), ("do", "show")])).await;
    let unsure = shopper.press(&spring).await;
    assert!(unsure.leads_to("/checkout"), "{}", unsure.text());
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    stage.voucher_answer(refusal("voucher_refused")).await;
    let found = shopper.press(&spring).await;
    assert!(!found.leads_to("/checkout"), "{}", found.text());
    assert_eq!(stage.ordered().await[0].voucher.as_deref(), Some("spring"));
}

#[tokio::test]
async fn guessing_codes_is_slowed_down_also_once_an_answer_was_lost() {
    let stage = Stage::set().await;
    let mut shopper = at_the_checkout(&stage).await;
    stage.orders.reset().await;
    let lost = ResponseTemplate::new(500);
    Mock::given(method("POST")).and(path("/v1/orders")).respond_with(lost).mount(&stage.orders).await;
    shopper.press(&with(&[])).await;
    stage.orders.reset().await;
    stage.voucher_answer(refusal("voucher_refused")).await;
    let mock = Mock::given(method("POST")).and(path("/v1/orders")).respond_with(refusal("voucher_refused"));
    mock.mount(&stage.orders).await;
    for n in 0..40 {
        let code = format!("GUESS-{n}");
        shopper.press(&with(&[("voucher", code.as_str())])).await;
    }
    assert_eq!(stage.ordered().await.len(), 30, "each code that reaches orders is a try");
    assert!(shopper.page.contains("Too many tries."), "{}", shopper.page);
    // The same cookie from before tries no more either, and who sends no code is not kept from ordering.
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    assert!(!shopper.press(&with(&[])).await.leads_to("/checkout"));
}

#[tokio::test]
async fn nobody_learns_at_the_checkout_whether_an_address_used_a_code() {
    let stage = Stage::set().await;
    let mut shopper = at_the_checkout(&stage).await;
    stage.spring_counts().await;
    shopper.press(&with(&[("voucher", "spring"), ("do", "show")])).await;
    let asked = stage.orders.received_requests().await.unwrap();
    let checks = asked.iter().filter(|request| request.url.path() == "/v1/vouchers/check");
    let bodies: Vec<serde_json::Value> = checks.map(|request| request.body_json().unwrap()).collect();
    assert!(!bodies.is_empty());
    assert!(bodies.iter().all(|body| body["email"].is_null()), "{bodies:?}");
}

#[tokio::test]
async fn tax_is_told_for_each_country_and_none_is_told_for_another() {
    let stage = Stage::set().await;
    let shopper = at_the_checkout(&stage).await;
    for (country, line) in [("DE", "VAT 19 %, Germany"), ("NO", "VAT 25 %, Norway")] {
        let line = format!("<dt class=\"tax tax-in tax-in-{country}\">of which {line}</dt>");
        assert!(shopper.page.contains(&line), "{}", shopper.page);
    }
    assert!(shopper.page.contains("VAT included"), "where the style sheet cannot follow the country");
}
