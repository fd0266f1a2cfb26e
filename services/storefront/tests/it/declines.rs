//! Who tries one declined card after the other is held up before orders is asked.

use chrono::DateTime;
use shop_contracts::orders::{Order, OrderStatus};

use crate::buying::{FIELDS, check_out, order};
use crate::stage::{Leads as _, Stage};

#[tokio::test]
async fn a_declined_card_is_not_chosen_any_more_and_the_rest_stays() {
    let stage = Stage::set().await;
    let placed_at = DateTime::from_timestamp(9_000_000_000, 0).unwrap();
    stage.orders_answer(&Order { placed_at, ..order(OrderStatus::Declined, None) }).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    assert!(shopper.page.contains("value=\"tok_visa\" checked"), "{}", shopper.page);
    shopper.press(&[&FIELDS[..], &[("delivery", "express")]].concat()).await;
    assert!(shopper.page.contains("declined this card"), "{}", shopper.page);
    assert!(!shopper.page.contains("value=\"tok_visa\" checked"), "one more press declines again");
    assert!(!shopper.page.contains("Choose a card"), "nothing is marked before the next press");
    assert!(shopper.page.contains("value=\"1 Quay Street\""));
    assert!(shopper.page.contains("value=\"express\" checked"), "{}", shopper.page);
    let no_card: Vec<_> = FIELDS.into_iter().filter(|(name, _)| *name != "payment_token").collect();
    shopper.press(&[&no_card[..], &[("country", "XX")]].concat()).await;
    for part in [
        "<fieldset class=\"wrong\" id=\"payment\" aria-describedby=\"payment-error\">",
        "<p class=\"error\" id=\"payment-error\">Choose a card.",
        "aria-invalid=\"true\" aria-describedby=\"country-error\"",
        "<p class=\"error\" id=\"country-error\">",
    ] {
        assert!(shopper.page.contains(part), "{part}: {}", shopper.page);
    }
}

/// Presses of one cart with cards that are declined, before no other is tried.
const TRIES: usize = 8;

#[tokio::test]
async fn after_eight_declined_cards_no_other_is_tried_and_the_page_says_so() {
    let stage = Stage::set().await;
    let placed_at = DateTime::from_timestamp(9_000_000_000, 0).unwrap();
    stage.orders_answer(&Order { placed_at, ..order(OrderStatus::Declined, None) }).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    check_out(&mut shopper).await;
    for _ in 1..TRIES {
        assert!(shopper.page.contains("declined this card"), "{}", shopper.page);
        shopper.press(&FIELDS).await;
    }
    assert_eq!(stage.keys_sent().await.len(), TRIES);
    shopper.press(&FIELDS).await;
    assert_eq!(stage.keys_sent().await.len(), TRIES, "orders was asked once more");
    assert!(shopper.page.contains("Too many cards were declined") && shopper.page.contains("1 Quay Street"));

    let mut other = stage.shopper();
    other.forwarded = "198.51.100.7";
    other.take_a_lamp().await;
    check_out(&mut other).await;
    assert_eq!(stage.keys_sent().await.len(), TRIES + 1, "another shopper's cards are tried");
}

#[tokio::test]
async fn a_decline_that_comes_late_says_that_the_cart_is_kept_and_leads_to_another_card() {
    for (status, reason) in [(OrderStatus::Declined, None), (OrderStatus::Rejected, Some("payment_timeout"))]
    {
        let stage = Stage::set().await;
        let mut shopper = stage.shopper();
        shopper.take_a_lamp().await;
        let pending = order(OrderStatus::Pending, None);
        let there = format!("/orders/{}", pending.id);
        stage.orders_answer(&pending).await;
        assert!(check_out(&mut shopper).await.leads_to(&there));
        let (cart, reason) = (stage.placed().await.cart, reason.map(str::to_owned));
        stage.orders_answer(&Order { cart, reason, ..order(status, None) }).await;
        shopper.open(&there).await;
        assert!(shopper.page.contains("still in your cart"), "{}", shopper.page);
        assert!(shopper.page.contains("href=\"/checkout\""), "{}", shopper.page);
        let mut other = stage.shopper();
        other.open(&there).await;
        assert!(!other.page.contains("your cart"), "it has no cart: {}", other.page);
        let answer = shopper.open("/checkout").await;
        assert!(shopper.page.contains("id=\"place-order\""), "{}", answer.text());
        shopper.open("/cart").await;
        shopper.submit("/cart/remove", &[]).await;
        shopper.open(&there).await;
        assert!(!shopper.page.contains("still in your cart"), "it is not: {}", shopper.page);
    }
}
