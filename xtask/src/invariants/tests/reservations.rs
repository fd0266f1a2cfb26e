//! Planted: reservations that are not as their orders.

use super::{
    Database::{Inventory, Orders},
    finds,
    shop::id,
};

#[tokio::test]
async fn stock_of_a_sold_order_that_was_given_back() {
    let plant = format!("UPDATE reservations SET state = 'expired' WHERE order_id = '{}'", id(101));
    finds(Inventory, &plant, "reservation_states", &["QD-1 ", "confirmed", "expired"]).await;
}

#[tokio::test]
async fn stock_that_is_still_set_aside_for_a_declined_order() {
    let plant = format!("UPDATE reservations SET state = 'held' WHERE order_id = '{}'", id(102));
    finds(Inventory, &plant, "reservation_states", &["QD-2 ", "declined", "held"]).await;
}

#[tokio::test]
async fn a_sold_order_without_a_reservation() {
    let plant = format!(
        "DELETE FROM reservation_lines WHERE reservation_id = '{0}'; DELETE FROM reservations WHERE id = '{0}'",
        id(201)
    );
    finds(Inventory, &plant, "reservation_states", &["QD-1 ", "none"]).await;
}

#[tokio::test]
async fn an_order_that_means_another_reservation() {
    let plant = format!("UPDATE orders SET reservation_id = '{}' WHERE id = '{}'", id(299), id(101));
    finds(Orders, &plant, "reservation_states", &["QD-1 ", &id(299)]).await;
}

#[tokio::test]
async fn a_capture_whose_stock_is_only_held() {
    let plant = format!("UPDATE reservations SET state = 'held' WHERE order_id = '{}'", id(106));
    finds(Inventory, &plant, "reservation_states", &["QD-6 ", "pending at capture", "held"]).await;
}

#[tokio::test]
async fn fewer_pieces_than_were_ordered() {
    let plant = format!("UPDATE reservation_lines SET quantity = 1 WHERE reservation_id = '{}'", id(201));
    let words = ["QD-1 ", "ordered: 2 of", "reserved: 1 of"];
    finds(Inventory, &plant, "reservation_pieces", &words).await;
}

#[tokio::test]
async fn pieces_of_another_product() {
    let plant =
        format!("UPDATE reservation_lines SET product_id = '{}' WHERE reservation_id = '{}'", id(2), id(201));
    finds(Inventory, &plant, "reservation_pieces", &["QD-1 ", &format!("reserved: 2 of {}", id(2))]).await;
}

#[tokio::test]
async fn pieces_back_on_sale_that_no_order_gave_back() {
    let plant = format!("UPDATE reservation_lines SET returned = 1 WHERE reservation_id = '{}'", id(201));
    finds(Inventory, &plant, "returned_pieces", &["QD-1 ", "order: nothing", "sale: 1 of"]).await;
}

#[tokio::test]
async fn pieces_that_a_cancelled_order_gave_back_and_nobody_can_buy() {
    let plant = format!("UPDATE reservation_lines SET returned = 0 WHERE reservation_id = '{}'", id(204));
    finds(Inventory, &plant, "returned_pieces", &["QD-4 ", "order: 2 of", "sale: nothing"]).await;
}

#[tokio::test]
async fn a_reservation_of_no_order() {
    let plant = format!(
        "INSERT INTO reservations (id, order_id, state, expires_at, created_at, updated_at) \
         VALUES ('{}', '{}', 'held', now(), now(), now())",
        id(299),
        id(199)
    );
    finds(Inventory, &plant, "reservation_owners", &[&id(199), "held"]).await;
}
