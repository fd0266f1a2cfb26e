//! Planted: money that was taken for cancelled orders and goes nowhere.

use super::{
    Database::{Orders, Payments},
    finds,
    shop::{Shop, id, movement, operation},
};

/// A person walked the checkout back while the provider's answer to the capture was not known; the provider had taken
/// the money, the void and the refund were refused, and nobody goes on.
#[tokio::test]
async fn a_checkout_that_was_walked_back_while_its_capture_was_on_its_way() {
    let shop = Shop::with_every_kind_of_order().await;
    let waits = format!(
        "UPDATE give_backs SET step = 'refund', status = 'failed', review = 'failed' WHERE id = '{}'",
        id(408)
    );
    shop.execute(Orders, &waits).await;
    let taken = format!(
        "UPDATE authorisations SET state = 'captured' WHERE order_id = '{}'; \
         DELETE FROM payment_operations WHERE id = '{}'; DELETE FROM sandbox_movements \
         WHERE reference = 'sbx_8' AND kind = 'release'; {} {}",
        id(108),
        id(781),
        operation(8, 1, "capture", "succeeded", "capture", 2000),
        movement(8, "capture", 2000),
    );
    shop.execute(Payments, &taken).await;
    shop.names("cancelled_money", &["QD-8 ", "2000 was taken, 0 went back or goes; 1 refunds wait"]).await;
}

/// We have not heard of it yet, and nothing would give it back if we had.
#[tokio::test]
async fn money_that_only_the_provider_knows_of() {
    let shop = Shop::with_every_kind_of_order().await;
    let nothing = format!("UPDATE give_backs SET amount_minor = 0 WHERE id = '{}'", id(408));
    shop.execute(Orders, &nothing).await;
    shop.execute(Payments, &movement(8, "capture", 2000)).await;
    shop.names("cancelled_money", &["QD-8 ", "2000 was taken, 0 went back"]).await;
}

#[tokio::test]
async fn a_part_of_the_price_is_not_the_price() {
    let plant = format!("UPDATE give_backs SET amount_minor = 1999 WHERE id = '{}'", id(404));
    finds(Orders, &plant, "cancelled_money", &["QD-4 ", "2000 was taken, 1999 went back"]).await;
}

#[tokio::test]
async fn a_refund_that_a_program_goes_on_with_is_on_its_way() {
    let shop = Shop::with_every_kind_of_order().await;
    let unfinished = format!(
        "UPDATE give_backs SET step = 'refund', status = 'pending', lease_until = now() + interval '10 seconds' \
         WHERE id = '{}'",
        id(404)
    );
    shop.execute(Orders, &unfinished).await;
    let report = shop.check().await;
    let finding = report.findings.iter().find(|f| f.invariant.name == "cancelled_money").unwrap();
    assert_eq!((finding.total, finding.looked_at), (0, 2), "{report}");
}
