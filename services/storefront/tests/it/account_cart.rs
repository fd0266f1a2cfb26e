//! The cart that an account keeps from one device to the next.

use axum::http::StatusCode;
use shop_contracts::ProductId;
use shop_contracts::identity::{KeptCart, KeptLine};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::people::{kim, log_in};
use crate::stage::{Stage, lamp};

fn cart_path() -> String {
    format!("/v1/accounts/{}/cart", kim().id)
}

fn kept(lines: &[(ProductId, u32)]) -> KeptCart {
    let lines =
        lines.iter().map(|(product_id, quantity)| KeptLine { product_id: *product_id, quantity: *quantity });
    KeptCart { id: "ab".repeat(16), version: 7, lines: lines.collect() }
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
    assert_ne!(sent[0].id, kept(&[]).id, "it is the guest's cart still: its orders are known by it");
    shopper.open("/cart").await;
    assert!(shopper.page.contains("value=\"3\" selected"), "{}", shopper.page);
    // On another device whose session has run out: the same cart again.
    stage.identity.reset().await;
    stage.identity_knows_kim().await;
    stage.identity_takes_carts(204).await;
    stage.account_keeps(&sent[0]).await;
    shopper.cookies.remove("session");
    log_in(&mut shopper, "/login").await;
    assert_eq!(pieces(&stage.sent().await[0])[0], (lamp().id, 3), "not added once more");
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
