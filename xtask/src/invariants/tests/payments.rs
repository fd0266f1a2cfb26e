//! Planted: money that is not where orders, payments and the provider say.

use super::{
    Database::{Orders, Payments},
    finds,
    shop::{Shop, id, movement, operation},
};

#[tokio::test]
async fn a_sold_order_whose_money_was_never_taken() {
    let plant = format!("UPDATE authorisations SET state = 'open' WHERE order_id = '{}'", id(101));
    finds(Payments, &plant, "payment_states", &["QD-1 ", "confirmed", "open 2000 EUR"]).await;
}

#[tokio::test]
async fn another_amount_than_the_order_costs() {
    let plant = format!("UPDATE orders SET total_minor = 1999 WHERE id = '{}'", id(101));
    finds(Orders, &plant, "payment_states", &["QD-1 ", "for 1999 EUR", "captured 2000 EUR"]).await;
}

#[tokio::test]
async fn another_currency_than_the_order_has() {
    let plant = format!("UPDATE orders SET currency = 'USD' WHERE id = '{}'", id(101));
    finds(Orders, &plant, "payment_states", &["QD-1 ", "2000 USD", "2000 EUR"]).await;
}

#[tokio::test]
async fn money_held_for_an_order_that_was_not_sold() {
    let plant = format!("UPDATE authorisations SET outcome = 'approved' WHERE order_id = '{}'", id(102));
    finds(Payments, &plant, "payment_states", &["QD-2 ", "declined", "open 2000 EUR"]).await;
}

#[tokio::test]
async fn money_taken_before_stock_was_sold() {
    let plant = format!("UPDATE orders SET step = 'authorise' WHERE id = '{}'", id(106));
    let shop = Shop::with_every_kind_of_order().await;
    shop.execute(Orders, &plant).await;
    let taken = format!("UPDATE authorisations SET state = 'captured' WHERE order_id = '{}'", id(106));
    shop.execute(Payments, &taken).await;
    shop.names("payment_states", &["QD-6 ", "pending at authorise", "captured"]).await;
}

#[tokio::test]
async fn a_payment_and_an_operation_of_no_order() {
    let shop = Shop::with_every_kind_of_order().await;
    let plant = format!(
        "INSERT INTO authorisations (id, order_id, idempotency_key, amount_minor, currency, outcome, state, \
         created_at, updated_at) VALUES ('{}', '{}', 'k', 700, 'EUR', 'approved', 'captured', now(), now());",
        id(398),
        id(198)
    );
    shop.execute(Payments, &format!("{plant}{}", operation(99, 0, "void", "failed", "k", 700))).await;
    shop.names("payment_owners", &[&id(198), "captured 700 EUR"]).await;
    shop.names("payment_owners", &[&id(199), "void of 700 EUR"]).await;
}

#[tokio::test]
async fn an_operation_that_succeeded_and_left_the_payment_as_it_was() {
    let plant = operation(6, 1, "capture", "succeeded", "k", 2000);
    finds(Payments, &plant, "payment_operations", &["QD-6 ", "capture", "the payment is open"]).await;
}

#[tokio::test]
async fn a_capture_of_another_amount() {
    let plant = format!("UPDATE payment_operations SET amount_minor = 1 WHERE id = '{}'", id(711));
    finds(Payments, &plant, "payment_operations", &["QD-1 ", "capture of 1 EUR", "captured 2000"]).await;
}

#[tokio::test]
async fn an_operation_without_an_answer_for_too_long() {
    let plant = operation(6, 1, "capture", "unknown", "k", 2000)
        + "UPDATE payment_operations SET created_at = now() - interval '62 minutes' WHERE state = 'unknown'";
    finds(Payments, &plant, "payment_operations", &["QD-6 ", "no answer since"]).await;
}

#[tokio::test]
async fn two_holds_and_two_captures_at_the_provider() {
    finds(Payments, &movement(1, "hold", 2000), "provider_movements", &["QD-1 ", "held 4000 in 2"]).await;
    finds(Payments, &movement(1, "capture", 2000), "provider_movements", &["QD-1 ", "took 4000 in 2"]).await;
}

#[tokio::test]
async fn two_payments_of_one_order_at_the_provider() {
    let plant = format!(
        "INSERT INTO sandbox_payments (reference, idempotency_key, order_id, amount_minor, currency, outcome, \
         capture_fails, created_at) VALUES ('sbx_99', 'again', '{}', 2000, 'EUR', 'approved', false, now()); {}",
        id(101),
        movement(99, "hold", 2000)
    );
    finds(Payments, &plant, "provider_movements", &["QD-1 ", "held 4000 in 2"]).await;
    finds(Payments, &plant, "provider_rows", &["QD-1 ", "sbx_99"]).await;
}

#[tokio::test]
async fn more_refunded_than_taken_at_the_provider() {
    finds(Payments, &movement(4, "refund", 1), "provider_movements", &["QD-4 ", "gave back 2001"]).await;
}

#[tokio::test]
async fn a_payment_that_the_provider_sees_otherwise() {
    let lost = "DELETE FROM sandbox_movements WHERE reference = 'sbx_1' AND kind = 'capture'";
    finds(Payments, lost, "provider_rows", &["QD-1 ", "here captured", "there approved 2000 EUR: hold 2000"])
        .await;
    let refunded = movement(1, "refund", 500);
    finds(Payments, &refunded, "provider_rows", &["QD-1 ", "refunded 0", "refund 500"]).await;
    let unknown = format!("UPDATE authorisations SET provider_reference = NULL WHERE id = '{}'", id(301));
    finds(Payments, &unknown, "provider_rows", &["QD-1 ", "there none"]).await;
}
