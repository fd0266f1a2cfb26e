//! What the owner of an account can do with it.

use axum::http::StatusCode;
use chrono::DateTime;
use serde_json::{Value, json};
use shop_contracts::identity::{Addresses, SavedAddress, SessionSummary, Sessions};
use shop_contracts::orders::Address;
use uuid::Uuid;
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::people::{kim, log_in};
use crate::stage::{Shopper, Stage};

async fn logged_in(stage: &Stage) -> Shopper<'_> {
    stage.identity_knows_kim().await;
    let mut shopper = stage.shopper();
    log_in(&mut shopper, "/login").await;
    shopper
}

fn problem(status: u16, code: &str, field: &str) -> ResponseTemplate {
    let errors = json!([{"field": field, "detail": "is not good enough"}]);
    ResponseTemplate::new(status).set_body_json(json!({"status": status, "code": code, "errors": errors}))
}

async fn bodies(stage: &Stage, verb: &str, to: &str) -> Vec<Value> {
    let received = stage.identity.received_requests().await.unwrap();
    let wanted = received.iter().filter(|r| r.method.as_str() == verb && r.url.path() == to);
    wanted.map(|r| serde_json::from_slice(&r.body).unwrap_or(Value::Null)).collect()
}

impl Stage {
    async fn identity_answers(&self, verb: &str, to: &str, answer: ResponseTemplate) {
        Mock::given(method(verb)).and(path(to)).respond_with(answer).mount(&self.identity).await;
    }

    async fn kim_has_sessions(&self, sessions: Vec<SessionSummary>) {
        let to = format!("/v1/accounts/{}/sessions", kim().id);
        self.identity_answers("GET", &to, ResponseTemplate::new(200).set_body_json(Sessions { sessions }))
            .await;
    }
}

#[tokio::test]
async fn strangers_are_sent_to_log_in_and_come_back_to_the_page() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    for page in ["/account/addresses", "/account/security", "/account/delete"] {
        let answer = shopper.open(page).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{page}");
        let back = format!("/login?return_to={}", urlencoding::encode(page));
        assert_eq!(answer.headers["location"].to_str().unwrap(), back);
    }
}

#[tokio::test]
async fn password_is_changed_with_the_present_one_and_this_session_stays() {
    let stage = Stage::set().await;
    let mut shopper = logged_in(&stage).await;
    stage.kim_has_sessions(vec![]).await;
    let to = format!("/v1/accounts/{}/password", kim().id);
    stage.identity_answers("PUT", &to, ResponseTemplate::new(204)).await;
    shopper.open("/account/security").await;
    let fields = [("current", "a long enough one"), ("new", "another long one")];
    let changed = shopper.submit("/account/password", &fields).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    assert!(changed.text().contains("Your password is changed"));
    let sent = bodies(&stage, "PUT", &to).await;
    assert_eq!(sent[0]["current"], "a long enough one");
    assert_eq!(sent[0]["keep_session_token"], "t".repeat(43), "or the shopper would be logged out here too");
}

#[tokio::test]
async fn wrong_present_password_and_a_short_new_one_are_told_at_their_fields() {
    let stage = Stage::set().await;
    let mut shopper = logged_in(&stage).await;
    stage.kim_has_sessions(vec![]).await;
    let to = format!("/v1/accounts/{}/password", kim().id);
    shopper.open("/account/security").await;
    let short = shopper.submit("/account/password", &[("current", "x"), ("new", "short")]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(shopper.page.contains("Use 10 to 200 characters") && bodies(&stage, "PUT", &to).await.is_empty());
    stage.identity_answers("PUT", &to, problem(401, "unauthenticated", "current")).await;
    let wrong = shopper.submit("/account/password", &[("current", "x"), ("new", "another long one")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(shopper.page.contains("That is not your present password"));
    assert!(!shopper.page.contains("another long one"), "a password never comes back");
}

#[tokio::test]
async fn other_sessions_are_listed_and_can_be_ended_this_one_cannot() {
    let stage = Stage::set().await;
    let mut shopper = logged_in(&stage).await;
    let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let session = |n: u128, user_agent: &str, current| SessionSummary {
        id: Uuid::from_u128(n),
        created_at: at,
        last_seen_at: at,
        user_agent: user_agent.to_owned(),
        current,
    };
    let there = session(2, "Mozilla/5.0 (Android 16) Firefox/150.0", false);
    stage.kim_has_sessions(vec![session(1, "<b>", true), there.clone()]).await;
    let to = format!("/v1/accounts/{}/sessions/{}", kim().id, there.id);
    stage.identity_answers("DELETE", &to, ResponseTemplate::new(204)).await;
    shopper.open("/account/security").await;
    assert!(shopper.page.contains("Firefox on Android") && !shopper.page.contains("<b>"));
    assert_eq!(shopper.page.matches("action=\"/account/sessions/end\"").count(), 1);
    let ended = shopper.submit("/account/sessions/end", &[]).await;
    assert_eq!(ended.headers["location"], "/account/security");
    assert_eq!(bodies(&stage, "DELETE", &to).await.len(), 1);
}

fn home() -> SavedAddress {
    SavedAddress {
        label: "Home".to_owned(),
        address: Address {
            name: "Kim Harbour".to_owned(),
            address1: "1 Quay Street".to_owned(),
            city: "Kiel".to_owned(),
            postcode: "24103".to_owned(),
            country: "DK".to_owned(),
        },
    }
}

#[tokio::test]
async fn the_book_s_first_address_fills_the_checkout_and_none_keeps_nobody_from_buying() {
    let stage = Stage::set().await;
    let mut shopper = logged_in(&stage).await;
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    assert!(shopper.page.contains("id=\"checkout-form\""), "without an answer of identity");
    let boat = SavedAddress { label: "Boat".to_owned(), ..home() };
    let book = Addresses { addresses: vec![home(), boat], ..Addresses::default() };
    let to = format!("/v1/accounts/{}/addresses", kim().id);
    stage.identity_answers("GET", &to, ResponseTemplate::new(200).set_body_json(&book)).await;
    shopper.open("/checkout").await;
    for part in ["value=\"1 Quay Street\"", "value=\"24103\"", "value=\"DK\" selected"] {
        assert!(shopper.page.contains(part), "{part}: {}", shopper.page);
    }
}

#[tokio::test]
async fn addresses_are_added_in_front_replaced_by_name_and_removed() {
    let stage = Stage::set().await;
    let mut shopper = logged_in(&stage).await;
    let to = format!("/v1/accounts/{}/addresses", kim().id);
    let book = Addresses { addresses: vec![home()], ..Addresses::default() };
    stage.identity_answers("GET", &to, ResponseTemplate::new(200).set_body_json(&book)).await;
    stage.identity_answers("PUT", &to, ResponseTemplate::new(200).set_body_json(&book)).await;
    shopper.open("/account/addresses").await;
    assert!(shopper.page.contains("1 Quay Street") && shopper.page.contains("Fills the checkout"));
    let boat = [
        ("label", "Boat"),
        ("name", "Kim"),
        ("address1", "Pier 4"),
        ("city", "Bergen"),
        ("postcode", "5003"),
        ("country", "NO"),
        ("preferred", "yes"),
    ];
    assert_eq!(shopper.submit("/account/addresses", &boat).await.status, StatusCode::SEE_OTHER);
    let labels = |sent: &Value| -> Vec<String> {
        let list = sent["addresses"].as_array().unwrap();
        list.iter().map(|one| one["label"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(labels(&bodies(&stage, "PUT", &to).await[0]), ["Boat", "Home"]);
    let missing = shopper.submit("/account/addresses", &[("label", "X"), ("country", "DE")]).await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(shopper.page.contains("Enter street and number"));
    assert_eq!(shopper.submit("/account/addresses/remove", &[]).await.status, StatusCode::SEE_OTHER);
    assert!(labels(&bodies(&stage, "PUT", &to).await[1]).is_empty());
}

#[tokio::test]
async fn deleting_asks_for_the_password_and_logs_out() {
    let stage = Stage::set().await;
    let mut shopper = logged_in(&stage).await;
    let to = format!("/v1/accounts/{}/delete", kim().id);
    shopper.take_a_lamp().await;
    shopper.open("/account/delete").await;
    let without = shopper.submit("/account/delete", &[("password", "")]).await;
    assert_eq!(
        (without.status, bodies(&stage, "POST", &to).await.len()),
        (StatusCode::UNPROCESSABLE_ENTITY, 0)
    );
    stage.identity_answers("POST", &to, ResponseTemplate::new(204)).await;
    let gone = shopper.submit("/account/delete", &[("password", "a long enough one")]).await;
    assert_eq!(gone.status, StatusCode::OK, "{}", gone.text());
    assert!(gone.text().contains("Your account is gone"));
    assert_eq!(shopper.open("/account").await.headers["location"], "/login");
    shopper.open("/cart").await;
    assert!(shopper.page.contains("Nothing in it yet"), "whoever uses the browser next: {}", shopper.page);
}

/// What cannot be undone stands alone in the warning; what follows from it, under it.
#[tokio::test]
async fn deleting_warns_in_a_sentence_and_explains_below() {
    let stage = Stage::set().await;
    let mut shopper = logged_in(&stage).await;
    shopper.open("/account/delete").await;
    let at = shopper.page.find("class=\"notice bad\"").unwrap();
    let (warning, below) = shopper.page[at..].split_once("</div>").unwrap();
    assert!(warning.contains("This cannot be undone.") && warning.contains("removed at once"), "{warning}");
    assert!(!warning.contains("books") && !warning.contains("code"), "{warning}");
    let points = &below[..below.find("<form").unwrap()];
    assert_eq!(points.matches("<li>").count(), 2, "{points}");
    assert!(points.contains("Orders stay in our books") && points.contains("If you used a code"), "{points}");
    let to = format!("/v1/accounts/{}/delete", kim().id);
    stage.identity_answers("POST", &to, ResponseTemplate::new(204)).await;
    let gone = shopper.submit("/account/delete", &[("password", "a long enough one")]).await.text();
    assert!(gone.contains("keeps its name and address"), "an order still names somebody: {gone}");
    assert!(!gone.contains("Your name and saved addresses have been removed"), "{gone}");
}

/// A manager of passwords keeps one under the address, not under nothing.
#[tokio::test]
async fn forms_for_the_account_s_password_name_the_account() {
    let stage = Stage::set().await;
    let mut shopper = logged_in(&stage).await;
    for (page, form) in [("/account/security", "password-form"), ("/account/delete", "delete-form")] {
        shopper.open(page).await;
        let at = shopper.page.find(&format!("id=\"{form}\"")).unwrap();
        let form = shopper.page[at..].split("</form>").next().unwrap();
        let named = "autocomplete=\"username\" value=\"kim@example.com\" hidden";
        assert!(form.contains(named), "{page}: {form}");
    }
}

#[tokio::test]
async fn a_forgotten_password_is_answered_alike_for_every_address() {
    let stage = Stage::set().await;
    stage.identity_answers("POST", "/v1/password-resets", ResponseTemplate::new(204)).await;
    let mut shopper = stage.shopper();
    let mut answers = Vec::new();
    for email in ["kim@example.com", "nobody@example.com"] {
        shopper.open("/forgot-password").await;
        let sent = shopper.submit("/forgot-password", &[("email", email)]).await;
        assert_eq!(sent.status, StatusCode::OK);
        answers.push(sent.text().replace(email, "X"));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(bodies(&stage, "POST", "/v1/password-resets").await.len(), 2);
}

#[tokio::test]
async fn a_reset_link_sets_a_password_once_and_a_stale_one_says_so() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    for nonsense in ["", "a%20b", "%3Cscript%3E"] {
        let refused = shopper.open(&format!("/reset-password?token={nonsense}")).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{nonsense}");
    }
    stage.identity_answers("POST", "/v1/password-resets/confirm", problem(422, "invalid", "token")).await;
    // Nobody tells whether it works: the form is there.
    let shown = shopper.open("/reset-password?token=abc-123_X").await;
    assert_eq!(shown.headers["referrer-policy"], "no-referrer", "the address holds a secret");
    let page = shopper.page.clone();
    let stale = shopper.submit("/reset-password", &[("password", "another long one")]).await;
    assert_eq!(stale.status, StatusCode::GONE);
    assert_eq!(stale.headers["cache-control"], "no-store");
    assert!(
        shopper.page.contains("not valid any more") && shopper.page.contains("href=\"/forgot-password\"")
    );
    assert!(!shopper.page.contains("reset-form"), "no form that cannot work: {}", shopper.page);
    // Too many at once say nothing about the link.
    stage.identity.reset().await;
    let busy = problem(429, "rate_limited", "");
    stage.identity_answers("POST", "/v1/password-resets/confirm", busy).await;
    shopper.page.clone_from(&page);
    shopper.submit("/reset-password", &[("password", "another long one")]).await;
    assert!(shopper.page.contains("reset-form") && !shopper.page.contains("not valid"), "{}", shopper.page);
    stage.identity.reset().await;
    stage.identity_answers("POST", "/v1/password-resets/confirm", ResponseTemplate::new(204)).await;
    let set = shopper.submit("/reset-password", &[("password", "another long one")]).await;
    assert!(set.text().contains("Your new password is set"));
    assert_eq!(bodies(&stage, "POST", "/v1/password-resets/confirm").await[0]["token"], "abc-123_X");
}

#[tokio::test]
async fn a_link_that_is_over_says_so_when_it_is_opened_and_offers_another() {
    let links = [
        ("/reset-password", "/v1/password-resets/check", "reset-form", "href=\"/forgot-password\""),
        ("/register/confirm", "/v1/accounts/confirm/check", "confirm-form", "href=\"/register\""),
    ];
    for (page, check, form, way_on) in links {
        let stage = Stage::set().await;
        let address = format!("{page}?token=abc-123_X");
        let mut shopper = stage.shopper();
        stage
            .identity_answers("POST", check, ResponseTemplate::new(200).set_body_json(json!({"works": true})))
            .await;
        assert_eq!(shopper.open(&address).await.status, StatusCode::OK);
        assert!(shopper.page.contains(form) && !shopper.page.contains("not valid"), "{}", shopper.page);
        assert_eq!(bodies(&stage, "POST", check).await[0]["token"], "abc-123_X");
        stage.identity.reset().await;
        stage
            .identity_answers(
                "POST",
                check,
                ResponseTemplate::new(200).set_body_json(json!({"works": false})),
            )
            .await;
        let over = shopper.open(&address).await;
        assert_eq!(over.status, StatusCode::GONE, "{page}");
        assert_eq!(over.headers["cache-control"], "no-store");
        assert_eq!(over.headers["referrer-policy"], "no-referrer");
        assert!(
            shopper.page.contains("not valid any more") && shopper.page.contains(way_on),
            "{}",
            shopper.page
        );
        assert!(!shopper.page.contains(form), "no form that cannot work: {}", shopper.page);
        for (status, code) in [(503, "unavailable"), (429, "rate_limited"), (404, "not_found")] {
            stage.identity.reset().await;
            stage.identity_answers("POST", check, problem(status, code, "token")).await;
            assert_eq!(shopper.open(&address).await.status, StatusCode::OK, "{page}: {code}");
            assert!(shopper.page.contains(form), "{page}: while nobody can tell there is the form");
        }
    }
}

#[tokio::test]
async fn who_is_logged_in_is_not_asked_to_log_in_by_a_link_that_is_over() {
    let stage = Stage::set().await;
    let mut shopper = logged_in(&stage).await;
    let over = || ResponseTemplate::new(200).set_body_json(json!({"works": false}));
    stage.identity_answers("POST", "/v1/password-resets/check", over()).await;
    stage.identity_answers("POST", "/v1/accounts/confirm/check", over()).await;
    for page in ["/reset-password", "/register/confirm"] {
        let answer = shopper.open(&format!("{page}?token=abc-123_X")).await;
        assert_eq!(answer.status, StatusCode::GONE, "{page}");
        assert!(shopper.page.contains("To your account"), "{page}: {}", shopper.page);
        assert!(!shopper.page.contains("href=\"/login\""), "{page}: {}", shopper.page);
    }
}

#[tokio::test]
async fn a_password_that_is_guessed_first_is_told_at_its_field_wherever_it_is_chosen() {
    const TOLD: &str = "People guess that one first";
    let stage = Stage::set().await;
    let refused = || problem(422, "password_guessable", "password");
    stage.identity_answers("POST", "/v1/accounts", refused()).await;
    stage.identity_answers("POST", "/v1/password-resets/confirm", refused()).await;
    let typed = [("email", "mia@example.com"), ("name", "Mia"), ("password", "Password123")];
    let forms = [
        ("/register", "/register", &typed[..], "password-error"),
        ("/reset-password?token=abc-123_X", "/reset-password", &typed[2..], "password-error"),
    ];
    for (page, action, fields, field) in forms {
        let mut shopper = stage.shopper();
        shopper.open(page).await;
        let answer = shopper.submit(action, fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{page}");
        assert!(shopper.page.contains(TOLD) && shopper.page.contains(field), "{page}: {}", shopper.page);
        assert!(!shopper.page.contains("Password123"), "a password never comes back");
    }
    stage.identity.reset().await;
    let mut shopper = logged_in(&stage).await;
    stage.kim_has_sessions(vec![]).await;
    let to = format!("/v1/accounts/{}/password", kim().id);
    stage.identity_answers("PUT", &to, problem(422, "password_guessable", "new")).await;
    shopper.open("/account/security").await;
    let fields = [("current", "a long enough one"), ("new", "Password123")];
    let answer = shopper.submit("/account/password", &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(shopper.page.contains(TOLD) && shopper.page.contains("new-error"), "{}", shopper.page);
}
