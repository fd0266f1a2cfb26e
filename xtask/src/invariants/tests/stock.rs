//! Planted: levels and movements that do not add up.

use super::{Database::Inventory, finds, shop::id};

#[tokio::test]
async fn a_level_below_zero() {
    let plant = format!(
        "ALTER TABLE stock DROP CONSTRAINT stock_never_negative; \
         UPDATE stock SET available = -1 WHERE product_id = '{}'",
        id(2)
    );
    finds(Inventory, &plant, "stock_levels", &[&id(2), "-1 available", "make -1"]).await;
}

#[tokio::test]
async fn a_level_that_is_not_the_sum_of_its_movements() {
    let plant = format!(
        "UPDATE stock SET available = available + 3, movements = movements + 1 WHERE product_id = '{}'",
        id(2)
    );
    finds(Inventory, &plant, "stock_levels", &[&id(2), "53 available", "make 50"]).await;
}

#[tokio::test]
async fn pieces_that_were_taken_twice_for_one_order() {
    let plant = format!(
        "UPDATE stock SET available = available - 2, movements = movements + 1 WHERE product_id = '{0}'; \
         INSERT INTO stock_movements (product_id, at, delta, reason, order_id) \
         VALUES ('{0}', now(), -2, 'reserved', '{1}')",
        id(1),
        id(101)
    );
    finds(Inventory, &plant, "stock_movements", &["QD-1 ", "so -2", "booked are -4"]).await;
}

#[tokio::test]
async fn released_pieces_that_never_went_back() {
    let plant = format!("DELETE FROM stock_movements WHERE order_id = '{}' AND delta > 0", id(102));
    finds(Inventory, &plant, "stock_movements", &["QD-2 ", "released, so 0", "booked are -2"]).await;
}

#[tokio::test]
async fn pieces_that_moved_for_an_order_without_a_reservation() {
    let plant = format!(
        "INSERT INTO stock_movements (product_id, at, delta, reason, order_id) \
         VALUES ('{}', now(), -2, 'reserved', '{}')",
        id(1),
        id(103)
    );
    finds(Inventory, &plant, "stock_movements", &["QD-3 ", "there is no reservation"]).await;
}
