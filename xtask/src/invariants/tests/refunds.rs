//! Planted: money and parcels that went back otherwise than orders say.

use super::{
    Database::{Orders, Payments},
    finds,
    shop::{Shop, id, operation},
};

#[tokio::test]
async fn a_refund_that_was_promised_and_never_made() {
    let plant = format!("UPDATE payment_operations SET state = 'failed' WHERE id = '{}'", id(742));
    finds(Payments, &plant, "refunded_money", &["QD-4 ", "refunded for 2000, payments refunded 0"]).await;
}

#[tokio::test]
async fn a_refund_of_another_amount() {
    let plant = format!("UPDATE give_backs SET amount_minor = 900 WHERE id = '{}'", id(405));
    finds(Orders, &plant, "refunded_money", &["QD-5 ", "refunded for 900, payments refunded 1000"]).await;
}

#[tokio::test]
async fn a_refund_that_nobody_asked_for() {
    let plant = operation(1, 2, "refund", "succeeded", "by hand", 300);
    finds(Payments, &plant, "refunded_money", &["QD-1 ", "300 EUR was refunded", "gave nothing back"]).await;
}

#[tokio::test]
async fn a_refund_that_was_made_twice() {
    let plant = operation(4, 3, "refund", "succeeded", &format!("{}-1", id(404)), 2000);
    finds(Payments, &plant, "refunded_money", &["QD-4 ", "payments refunded 4000"]).await;
    finds(Payments, &plant, "refunded_money", &["QD-4 ", "taken 2000, refunded 4000"]).await;
}

#[tokio::test]
async fn a_checkout_that_was_walked_back_after_its_money_was_taken() {
    let plant = format!("UPDATE authorisations SET state = 'captured' WHERE order_id = '{}'", id(108));
    finds(Payments, &plant, "refunded_money", &["QD-8 ", "refunded for 2000, payments refunded 0"]).await;
}

#[tokio::test]
async fn a_return_that_came_back_and_gave_nothing_back() {
    let plant = format!("UPDATE give_backs SET idempotency_key = 'other' WHERE id = '{}'", id(405));
    finds(Orders, &plant, "returned_parcels", &["QD-5 ", "received with 1 of", "given back: []"]).await;
    finds(Orders, &plant, "returned_parcels", &["QD-5 ", "for a return that is not there"]).await;
}

#[tokio::test]
async fn a_return_of_other_pieces_or_for_more_than_their_price() {
    let pieces = format!("UPDATE give_backs SET restock = '[]' WHERE id = '{}'", id(405));
    finds(Orders, &pieces, "returned_parcels", &["QD-5 ", "1000 and nothing"]).await;
    let price = format!("UPDATE give_backs SET amount_minor = 1001 WHERE id = '{}'", id(405));
    finds(Orders, &price, "returned_parcels", &["QD-5 ", "1001 and 1 of"]).await;
}

#[tokio::test]
async fn money_back_for_a_parcel_that_never_came() {
    let plant = format!("UPDATE order_returns SET status = 'requested' WHERE id = '{}'", id(605));
    finds(Orders, &plant, "returned_parcels", &["QD-5 ", "announced with"]).await;
}

#[tokio::test]
async fn what_a_person_settled_by_hand_is_no_disagreement() {
    let shop = Shop::with_every_kind_of_order().await;
    let by_hand = format!(
        "UPDATE give_backs SET money_by_hand_at = now(), pieces_by_hand_at = now() WHERE id = '{}'",
        id(404)
    );
    shop.execute(Orders, &by_hand).await;
    let nothing = format!(
        "UPDATE payment_operations SET state = 'failed' WHERE id = '{}'; \
         DELETE FROM sandbox_movements WHERE reference = 'sbx_4' AND kind = 'refund'; \
         UPDATE authorisations SET refunded_minor = 0 WHERE order_id = '{}'",
        id(742),
        id(104)
    );
    shop.execute(Payments, &nothing).await;
    let report = shop.check().await;
    assert!(report.agrees(), "{report}");
}

#[tokio::test]
async fn a_hold_that_was_let_go_of_and_refunded_all_the_same() {
    let plant = format!("UPDATE give_backs SET amount_minor = 0 WHERE id = '{}'", id(408));
    let shop = Shop::with_every_kind_of_order().await;
    shop.execute(Orders, &plant).await;
    assert!(shop.check().await.agrees());
    shop.execute(Payments, &operation(8, 3, "refund", "succeeded", &id(408), 2000)).await;
    shop.names("refunded_money", &["QD-8 ", "refunded for 0, payments refunded 2000"]).await;
}
