//! Planted: orders that disagree with themselves.

use super::{Database::Orders, finds, shop::id};

#[tokio::test]
async fn two_orders_from_one_version_of_a_cart() {
    let plant = format!(
        "DROP INDEX orders_cart_consumed; UPDATE orders SET cart_id = 'cart-1' WHERE id = '{}'",
        id(105)
    );
    finds(Orders, &plant, "cart_versions", &["cart cart-1 version 1", "QD-1", "QD-5"]).await;
}

#[tokio::test]
async fn an_order_that_ended_twice() {
    let plant = format!(
        "INSERT INTO order_history (order_id, at, actor, action, detail) \
         VALUES ('{}', now(), 'system', 'confirmed', '')",
        id(101)
    );
    finds(Orders, &plant, "order_history", &["QD-1 ", "confirmed", "2"]).await;
}

#[tokio::test]
async fn an_order_whose_end_nobody_wrote_down() {
    let plant = format!("DELETE FROM order_history WHERE order_id = '{}' AND action = 'declined'", id(102));
    finds(Orders, &plant, "order_history", &["QD-2 ", "declined", "placed"]).await;
}

#[tokio::test]
async fn an_order_that_is_not_as_its_history_says() {
    let plant = format!("UPDATE orders SET status = 'rejected' WHERE id = '{}'", id(102));
    finds(Orders, &plant, "order_history", &["QD-2 ", "rejected; its history"]).await;
}

#[tokio::test]
async fn an_order_that_is_unfinished_for_too_long() {
    let plant = format!(
        "UPDATE orders SET updated_at = now() - interval '62 minutes', lease_until = now() + interval '10 seconds' \
         WHERE id = '{}'",
        id(106)
    );
    finds(Orders, &plant, "order_ages", &["QD-6 ", "at capture since"]).await;
}

#[tokio::test]
async fn an_order_that_nobody_takes_up() {
    let plant = format!(
        "UPDATE orders SET lease_until = now() - interval '2 minutes', updated_at = now() - interval '3 minutes' \
         WHERE id = '{}'",
        id(106)
    );
    finds(Orders, &plant, "order_ages", &["QD-6 ", "nobody's since"]).await;
}

#[tokio::test]
async fn a_refund_that_nobody_takes_up() {
    let plant = format!(
        "UPDATE give_backs SET step = 'restock', lease_until = now() - interval '2 minutes' WHERE id = '{}'",
        id(404)
    );
    finds(Orders, &plant, "order_ages", &["refund", "QD-4 ", "at restock since"]).await;
}

#[tokio::test]
async fn a_parcel_that_left_and_nobody_wrote_it_down() {
    let plant = format!(
        "UPDATE orders SET carrier = 'Tug', tracking_number = '7', shipped_at = now() WHERE id = '{}'",
        id(101)
    );
    finds(Orders, &plant, "order_history", &["QD-1 ", "confirmed, shipped; its history"]).await;
    let again = format!(
        "INSERT INTO order_history (order_id, at, actor, action, detail) VALUES ('{}', now(), 'robin', 'shipped', '')",
        id(101)
    );
    finds(Orders, &again, "order_history", &["QD-1 ", "\"shipped\": 1"]).await;
    // What the history says must have been told, too.
    finds(
        Orders,
        &format!("{plant}; {again}"),
        "event_outcomes",
        &["QD-1 ", "order.shipped: happened 1 times, 0"],
    )
    .await;
}
