//! Planted: orders that were charged by no table.

use super::{Database::Orders, finds, shop::id};

fn of_order_9(set: &str) -> String {
    format!("UPDATE orders SET {set} WHERE id = '{}'", id(109))
}

#[tokio::test]
async fn a_courier_for_the_price_of_a_letter() {
    let plant = of_order_9("delivery_method = 'express'");
    finds(Orders, &plant, "delivery_prices", &["QD-9 ", "express for goods of 2000 does not cost 490"]).await;
    let plant = of_order_9("delivery_method = 'pick_up'");
    finds(Orders, &plant, "delivery_prices", &["QD-9 ", "pick_up", "does not cost 490"]).await;
}

#[tokio::test]
async fn delivery_that_costs_although_it_is_free_for_goods_of_that_worth() {
    let plant = format!("UPDATE order_lines SET quantity = 8 WHERE order_id = '{}'", id(109));
    finds(Orders, &plant, "delivery_prices", &["QD-9 ", "standard for goods of 8000 does not cost 490"])
        .await;
}

#[tokio::test]
async fn tax_of_another_country() {
    let plant = of_order_9("ship_to = '{\"country\": \"NO\"}'");
    finds(Orders, &plant, "tax_rates", &["QD-9 ", "1900 bp is no rate of \"NO\""]).await;
    let nowhere = of_order_9("ship_to = '{}'");
    finds(Orders, &nowhere, "tax_rates", &["QD-9 ", "is no rate of \"\""]).await;
}

#[tokio::test]
async fn delivery_at_the_rate_of_printed_matter() {
    let plant = of_order_9("taxes = jsonb_set(taxes, '{0,rate_bp}', '700')");
    finds(Orders, &plant, "tax_rates", &["QD-9 ", "not taxed at the standard rate of \"DE\""]).await;
}
