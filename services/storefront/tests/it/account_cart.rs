//! The cart that an account keeps from one device to the next.

use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::json;
use shop_contracts::ProductId;
use shop_contracts::identity::{KeptCart, KeptLine, Session};
use shop_contracts::orders::{CartRef, Order, OrderStatus};
use wiremock::matchers::{method, path};
use wiremock::{Mock, Request, Respond, ResponseTemplate};

use crate::buying::{check_out, order};
use crate::people::{kim, log_in};
use crate::stage::{Leads as _, Shopper, Stage, lamp};

fn cart_path() -> String {
    format!("/v1/accounts/{}/cart", kim().id)
}

fn kept(lines: &[(ProductId, u32)]) -> KeptCart {
    let lines =
        lines.iter().map(|(product_id, quantity)| KeptLine { product_id: *product_id, quantity: *quantity });
    KeptCart { id: "ab".repeat(16), version: 7, lines: lines.collect(), ..KeptCart::default() }
}

impl Stage {
    async fn account_keeps(&self, cart: &KeptCart) {
        let found = ResponseTemplate::new(200).set_body_json(cart);
        Mock::given(method("GET")).and(path(cart_path())).respond_with(found).mount(&self.identity).await;
    }

    async fn identity_takes_carts(&self, status: u16) {
        let answer = ResponseTemplate::new(status);
        Mock::given(method("PUT")).and(path(cart_path())).respond_with(answer).mount(&self.identity).await;
    }

    /// The carts that identity was to keep.
    async fn sent(&self) -> Vec<KeptCart> {
        let asked = self.identity.received_requests().await.unwrap();
        let puts = asked.iter().filter(|one| one.method.as_str() == "PUT" && one.url.path() == cart_path());
        puts.map(|one| serde_json::from_slice(&one.body).unwrap()).collect()
    }
}

fn pieces(cart: &KeptCart) -> Vec<(ProductId, u32)> {
    cart.lines.iter().map(|line| (line.product_id, line.quantity)).collect()
}

#[tokio::test]
async fn the_guest_s_cart_and_the_account_s_become_one_at_log_in_however_often_the_button_is_pressed() {
    let stage = Stage::set().await;
    stage.identity_knows_kim().await;
    stage.identity_takes_carts(204).await;
    let rope = ProductId::from_slug("rope");
    stage.account_keeps(&kept(&[(lamp().id, 2), (rope, 3)])).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    assert!(stage.sent().await.is_empty(), "nobody is logged in yet");
    log_in(&mut shopper, "/login?return_to=/cart").await;
    let sent = stage.sent().await;
    assert_eq!(pieces(&sent[0]), [(lamp().id, 3), (rope, 3)], "quantities are added and nothing is lost");
    assert_eq!(sent[0].id, kept(&[]).id, "the account's other devices order by it");
    shopper.open("/cart").await;
    assert!(shopper.page.contains("value=\"3\" selected"), "{}", shopper.page);
    // On another device whose session has run out: the same cart again.
    stage.identity.reset().await;
    stage.identity_knows_kim().await;
    stage.identity_takes_carts(204).await;
    stage.account_keeps(&sent[0]).await;
    shopper.cookies.remove("session");
    log_in(&mut shopper, "/login").await;
    assert!(stage.sent().await.is_empty(), "nothing is added, so nothing has to be kept");
    shopper.open("/cart").await;
    assert!(shopper.page.contains("value=\"3\" selected"), "{}", shopper.page);
}

#[tokio::test]
async fn another_device_finds_the_cart_and_changes_are_kept() {
    let stage = Stage::set().await;
    stage.identity_knows_kim().await;
    stage.identity_takes_carts(204).await;
    stage.account_keeps(&kept(&[(lamp().id, 2)])).await;
    let mut shopper = stage.shopper();
    log_in(&mut shopper, "/login").await;
    shopper.open("/cart").await;
    assert!(shopper.page.contains("value=\"2\" selected"));
    shopper.take_a_lamp().await;
    let sent = stage.sent().await;
    let last = sent.last().unwrap();
    assert_eq!((last.id.as_str(), pieces(last)), (kept(&[]).id.as_str(), vec![(lamp().id, 3)]));
    assert!(last.version > 7);
}

#[tokio::test]
async fn logging_out_leaves_the_cart_with_the_account_or_else_in_the_browser() {
    for (status, left) in [(204, false), (503, true)] {
        let stage = Stage::set().await;
        stage.identity_knows_kim().await;
        stage.account_keeps(&KeptCart::default()).await;
        stage.identity_takes_carts(status).await;
        let mut shopper = stage.shopper();
        log_in(&mut shopper, "/login").await;
        shopper.take_a_lamp().await;
        shopper.open("/account").await;
        assert_eq!(shopper.submit("/logout", &[]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(shopper.cookies.contains_key("cart"), left, "{status}");
    }
}

#[tokio::test]
async fn identity_that_keeps_nothing_takes_nothing_from_the_cart() {
    let stage = Stage::set().await;
    stage.identity_knows_kim().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    log_in(&mut shopper, "/login").await;
    shopper.take_a_lamp().await;
    shopper.open("/cart").await;
    assert!(shopper.page.contains("value=\"2\" selected"), "{}", shopper.page);
}

const LATE: DateTime<Utc> = DateTime::from_timestamp(1_900_000_000, 0).unwrap();

/// What identity does with an account's cart.
#[derive(Clone, Default)]
pub struct Keeper(Arc<Mutex<Account>>);

#[derive(Default)]
struct Account {
    kept: KeptCart,
    is_away: bool,
    /// What the next that ask for the cart find: they looked at it before others changed it.
    found_before: Vec<KeptCart>,
    /// Whether somebody else changes the cart before each that is to be kept.
    is_overtaken: bool,
}

impl Respond for Keeper {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut account = self.0.lock().unwrap();
        if account.is_away {
            return silent();
        }
        if request.method.as_str() == "GET" {
            let found = account.found_before.pop().unwrap_or_else(|| account.kept.clone());
            return ResponseTemplate::new(200).set_body_json(found);
        }
        account.kept.revision += u64::from(account.is_overtaken);
        let kept = &mut account.kept;
        let sent: KeptCart = request.body_json().unwrap();
        if sent.if_revision != Some(kept.revision) {
            let problem = json!({"status": 409, "code": "conflict", "existing": kept});
            return ResponseTemplate::new(409).set_body_json(problem);
        }
        *kept = KeptCart { revision: kept.revision + 1, if_revision: None, ..sent };
        ResponseTemplate::new(204)
    }
}

/// An answer of identity that says nothing, and opens no breaker.
pub fn silent() -> ResponseTemplate {
    ResponseTemplate::new(422).set_body_json(json!({"status": 422, "code": "invalid"}))
}

impl Stage {
    /// An account whose devices find one cart.
    pub async fn with_account() -> (Self, Keeper) {
        let (stage, keeper) = (Self::set().await, Keeper::default());
        stage.identity_knows_kim().await;
        // Each device has a session of its own.
        for n in 0..9 {
            let session = Session { token: n.to_string().repeat(43), account: kim(), expires_at: LATE };
            let opened = ResponseTemplate::new(201).set_body_json(session);
            let log_in = Mock::given(method("POST")).and(path("/v1/sessions")).respond_with(opened);
            log_in.up_to_n_times(1).with_priority(2).mount(&stage.identity).await;
        }
        Mock::given(path(cart_path()))
            .respond_with(keeper.clone())
            .with_priority(3)
            .mount(&stage.identity)
            .await;
        (stage, keeper)
    }
}

impl Keeper {
    pub fn kept(&self) -> KeptCart {
        self.0.lock().unwrap().kept.clone()
    }

    pub fn is_away(&self, is_away: bool) {
        self.0.lock().unwrap().is_away = is_away;
    }

    /// So many of the next that ask find this cart, whatever it is by then.
    pub fn next_find(&self, count: usize, cart: &KeptCart) {
        self.0.lock().unwrap().found_before = vec![cart.clone(); count];
    }

    pub fn is_overtaken(&self, is_overtaken: bool) {
        self.0.lock().unwrap().is_overtaken = is_overtaken;
    }

    pub fn pieces(&self) -> Vec<u32> {
        self.kept().lines.iter().map(|line| line.quantity).collect()
    }
}

pub async fn logged_in(stage: &Stage) -> Shopper<'_> {
    let mut shopper = stage.shopper();
    log_in(&mut shopper, "/login").await;
    shopper
}

#[tokio::test]
async fn logging_in_again_on_one_device_while_another_changes_the_cart_multiplies_nothing() {
    let (stage, keeper) = Stage::with_account().await;
    let mut phone = logged_in(&stage).await;
    phone.take_a_lamp().await;
    let mut laptop = stage.shopper();
    laptop.take_a_lamp().await;
    log_in(&mut laptop, "/login").await;
    assert_eq!(keeper.pieces(), [2], "one of each");
    for expected in [3, 4] {
        phone.take_a_lamp().await;
        assert_eq!(keeper.pieces(), [expected]);
        // The session on the laptop runs out.
        laptop.cookies.remove("session");
        log_in(&mut laptop, "/login").await;
        assert_eq!(keeper.pieces(), [expected]);
        laptop.open("/cart").await;
        assert!(laptop.page.contains(&format!("value=\"{expected}\" selected")), "{}", laptop.page);
    }
}

#[tokio::test]
async fn a_cart_that_was_left_with_the_account_is_found_again_whatever_other_devices_did() {
    let (stage, keeper) = Stage::with_account().await;
    let mut phone = logged_in(&stage).await;
    phone.take_a_lamp().await;
    let mut laptop = stage.shopper();
    laptop.take_a_lamp().await;
    log_in(&mut laptop, "/login").await;
    laptop.open("/account").await;
    laptop.submit("/logout", &[]).await;
    assert!(!laptop.cookies.contains_key("cart"));
    phone.take_a_lamp().await;
    log_in(&mut laptop, "/login").await;
    assert_eq!(keeper.pieces(), [3]);
    laptop.open("/cart").await;
    assert!(laptop.page.contains("value=\"3\" selected"), "{}", laptop.page);
}

#[tokio::test]
async fn what_one_device_takes_out_is_out_on_all() {
    let (stage, keeper) = Stage::with_account().await;
    let (mut phone, mut laptop) = (logged_in(&stage).await, logged_in(&stage).await);
    phone.take_a_lamp().await;
    laptop.open("/cart").await;
    assert!(laptop.page.contains("value=\"1\" selected"), "{}", laptop.page);
    laptop.submit("/cart/remove", &[]).await;
    assert!(keeper.pieces().is_empty());
    phone.open("/cart").await;
    assert!(phone.page.contains("Nothing in it yet"), "{}", phone.page);
}

#[tokio::test]
async fn a_log_in_whose_answer_was_lost_adds_nothing_when_it_is_repeated() {
    let (stage, keeper) = Stage::with_account().await;
    let mut phone = logged_in(&stage).await;
    phone.take_a_lamp().await;
    let mut laptop = stage.shopper();
    laptop.take_a_lamp().await;
    let before = laptop.cookies.clone();
    for _ in 0..2 {
        laptop.cookies.clone_from(&before);
        log_in(&mut laptop, "/login").await;
        assert_eq!(keeper.pieces(), [2]);
    }
}

#[tokio::test]
async fn what_is_being_ordered_on_one_device_is_not_sold_again_on_another() {
    let (stage, keeper) = Stage::with_account().await;
    let mut phone = logged_in(&stage).await;
    phone.take_a_lamp().await;
    let pending = order(OrderStatus::Pending, Some(kim().id));
    stage.orders_answer(&pending).await;
    check_out(&mut phone).await;
    let cart = stage.placed().await.cart;
    let pending = Order { cart, ..pending };
    stage.orders_answer(&pending).await;
    let mut laptop = stage.shopper();
    laptop.take_a_lamp().await;
    laptop.take_a_lamp().await;
    log_in(&mut laptop, "/login").await;
    assert_eq!(keeper.pieces(), [2], "the lamps of here, not the one under way");
    laptop.open("/cart").await;
    assert!(laptop.page.contains("Being confirmed"), "{}", laptop.page);
    stage.orders_answer(&Order { status: OrderStatus::Confirmed, ..pending }).await;
    laptop.open("/cart").await;
    assert!(!laptop.page.contains("Being confirmed") && laptop.page.contains("value=\"2\" selected"));
    // The phone, which knew nothing but its own order, has the rest too.
    phone.open("/cart").await;
    assert!(phone.page.contains("value=\"2\" selected"), "{}", phone.page);
}

#[tokio::test]
async fn an_order_of_which_no_device_was_told_is_asked_for_when_carts_become_one() {
    let (stage, keeper) = Stage::with_account().await;
    let mut phone = logged_in(&stage).await;
    phone.take_a_lamp().await;
    let kept = keeper.kept();
    let cart = CartRef { id: kept.id.clone(), version: kept.version };
    let placed = Order { cart: Some(cart), ..order(OrderStatus::Confirmed, Some(kim().id)) };
    stage.orders_answer(&placed).await;
    let page = json!({"orders": [placed], "page": 1, "has_more": false});
    let of_cart = format!("/v1/carts/{}/orders", kept.id);
    let found = ResponseTemplate::new(200).set_body_json(page);
    Mock::given(method("GET")).and(path(of_cart)).respond_with(found).mount(&stage.orders).await;
    let mut laptop = stage.shopper();
    laptop.take_a_lamp().await;
    log_in(&mut laptop, "/login").await;
    assert_eq!(keeper.pieces(), [1]);
}

#[tokio::test]
async fn a_cart_whose_order_is_pending_is_found_pending_on_another_device() {
    let (stage, keeper) = Stage::with_account().await;
    let mut here = logged_in(&stage).await;
    here.take_a_lamp().await;
    let placed = order(OrderStatus::Pending, Some(kim().id));
    stage.orders_answer(&placed).await;
    check_out(&mut here).await;
    assert_eq!(keeper.kept().open[0].order, Some(placed.id));
    let mut there = logged_in(&stage).await;
    let checkout = there.open("/checkout").await;
    assert_eq!(checkout.headers["location"].to_str().unwrap(), format!("/orders/{}", placed.id));
}

#[tokio::test]
async fn what_was_changed_while_identity_was_away_is_brought_together_with_what_others_did() {
    let (stage, keeper) = Stage::with_account().await;
    let mut phone = logged_in(&stage).await;
    phone.take_a_lamp().await;
    keeper.is_away(true);
    phone.take_a_lamp().await;
    phone.take_a_lamp().await;
    keeper.is_away(false);
    assert_eq!(keeper.pieces(), [1]);
    let mut laptop = logged_in(&stage).await;
    laptop.take_a_lamp().await;
    assert_eq!(keeper.pieces(), [2]);
    phone.open("/cart").await;
    assert_eq!(keeper.pieces(), [3], "the larger number, neither lost nor counted twice");
}

#[tokio::test]
async fn a_session_that_is_over_orders_nothing_and_keeps_what_was_typed() {
    let (stage, _) = Stage::with_account().await;
    let mut shopper = logged_in(&stage).await;
    shopper.take_a_lamp().await;
    stage.orders_answer(&order(OrderStatus::Confirmed, Some(kim().id))).await;
    shopper.open("/checkout").await;
    // Ended elsewhere, or the account deleted in another tab, a moment ago.
    let over = ResponseTemplate::new(404).set_body_json(json!({"status": 404, "code": "not_found"}));
    let session = Mock::given(path("/v1/sessions/current")).respond_with(over).with_priority(1);
    session.mount(&stage.identity).await;
    let fields = [("name", "Kim Harbour"), ("address1", "9 Mole Road"), ("country", "DE")];
    let answer = shopper.press(&fields).await;
    assert!(answer.leads_to("/checkout"), "{}", answer.text());
    assert!(shopper.page.contains("not logged in any more, so nothing was ordered"), "{}", shopper.page);
    assert!(shopper.page.contains("href=\"/login?return_to=/checkout\""));
    assert!(shopper.page.contains("value=\"9 Mole Road\""));
    let asked = stage.orders.received_requests().await.unwrap();
    assert!(asked.iter().all(|request| request.url.path() != "/v1/orders"));
    // Who wants to may go on as a guest.
    let placed = check_out(&mut shopper).await;
    assert!(!placed.leads_to("/checkout"), "{}", shopper.page);
    assert_eq!(stage.placed().await.account_id, None);
}
