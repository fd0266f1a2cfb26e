//! Planted: levels and movements that do not add up.

use super::{
    Database::Inventory,
    finds,
    shop::{Shop, id},
};

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

/// The table books what nobody booked, so the level is the sum of its movements all the same.
#[tokio::test]
async fn pieces_that_came_from_nowhere() {
    let shop = Shop::with_every_kind_of_order().await;
    let by_a_person = format!(
        "UPDATE stock SET available = available + 1, movements = movements + 1 WHERE product_id = '{0}'; \
         INSERT INTO stock_movements (product_id, at, delta, reason, actor) VALUES ('{0}', now(), 1, 'count', 'robin')",
        id(2)
    );
    shop.execute(Inventory, &by_a_person).await;
    let report = shop.check().await;
    assert!(report.agrees(), "{report}");
    let plant = format!("UPDATE stock SET available = available + 50 WHERE product_id = '{}'", id(2));
    shop.execute(Inventory, &plant).await;
    shop.names("movement_owners", &["+50 of", &id(2), "(other), and nobody says why"]).await;
}
