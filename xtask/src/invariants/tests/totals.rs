//! Planted: orders that cost something else than their parts, and vouchers that count something else than orders.

use super::{
    Database::Orders,
    finds,
    shop::{Shop, id},
};

#[tokio::test]
async fn goods_for_a_hundredth_of_their_price() {
    let plant = "UPDATE order_lines SET unit_price_minor = unit_price_minor * 100";
    finds(Orders, plant, "order_totals", &["QD-1 ", "goods 200000", "the total 2000 EUR"]).await;
}

#[tokio::test]
async fn a_discount_and_a_delivery_that_the_total_does_not_know() {
    let plant =
        format!("UPDATE orders SET discount_minor = 999999, delivery_minor = 777 WHERE id = '{}'", id(101));
    finds(Orders, &plant, "order_totals", &["QD-1 ", "discount 999999, delivery 777"]).await;
}

#[tokio::test]
async fn lines_that_do_not_share_out_the_discount() {
    let plant = "UPDATE order_lines SET discount_minor = 199 WHERE discount_minor > 0";
    finds(Orders, plant, "order_totals", &["QD-9 ", "a discount of 200, of which its lines have 199"]).await;
}

#[tokio::test]
async fn a_discount_that_no_voucher_gives() {
    let plant = "DELETE FROM voucher_redemptions; UPDATE vouchers SET uses = 0; UPDATE orders SET voucher_code = NULL";
    finds(Orders, plant, "order_totals", &["QD-9 ", "200 without a voucher"]).await;
}

#[tokio::test]
async fn tax_that_is_not_in_the_amount_and_an_amount_that_is_not_taxed() {
    let set = |path: &str, to: u32| format!("UPDATE orders SET taxes = jsonb_set(taxes, '{path}', '{to}')");
    let tax = set("{0,tax,amount_minor}", 367);
    finds(Orders, &tax, "order_taxes", &["QD-9 ", "367 in 2290 is no tax of 1900 bp"]).await;
    let gross = set("{0,gross,amount_minor}", 2289);
    finds(Orders, &gross, "order_taxes", &["QD-9 ", "2289 is taxed of the total 2290"]).await;
}

#[tokio::test]
async fn lines_that_are_taxed_otherwise_than_their_sum() {
    let more = "UPDATE order_lines SET tax_minor = 400 WHERE tax_minor IS NOT NULL";
    finds(Orders, more, "order_taxes", &["QD-9 ", "for delivery of 490"]).await;
    let other = "UPDATE order_lines SET tax_rate_bp = 700 WHERE tax_minor IS NOT NULL";
    finds(Orders, other, "order_taxes", &["QD-9 ", "700: (-1800, -288)"]).await;
}

#[tokio::test]
async fn a_voucher_that_counts_other_than_its_orders() {
    finds(Orders, "UPDATE vouchers SET uses = 0", "voucher_uses", &["TENTH9", "says 0 uses of 5, 1 orders"])
        .await;
}

#[tokio::test]
async fn a_voucher_that_more_orders_use_than_it_allows() {
    let plant = format!(
        "ALTER TABLE vouchers DROP CONSTRAINT vouchers_uses; UPDATE vouchers SET max_uses = 1, uses = 2; \
         INSERT INTO voucher_redemptions (order_id, voucher_id) VALUES ('{}', '{}')",
        id(105),
        id(909)
    );
    finds(Orders, &plant, "voucher_uses", &["TENTH9", "says 2 uses of 1, 2 orders"]).await;
    finds(Orders, &plant, "voucher_uses", &["TENTH9", "2 orders of one person use it, allowed are 1"]).await;
    finds(Orders, &plant, "voucher_discounts", &["QD-5 ", "names none and uses TENTH9"]).await;
}

/// An order that was anonymised names nobody; the digest of its address says that it is of the same person.
#[tokio::test]
async fn a_voucher_that_a_person_used_again_after_an_order_was_anonymised() {
    let second = |digest: &str| {
        format!(
            "UPDATE vouchers SET uses = 2; UPDATE voucher_redemptions SET address_digest = 'one'; \
             UPDATE orders SET email = '', account_id = NULL WHERE id = '{order}'; \
             INSERT INTO voucher_redemptions (order_id, voucher_id, address_digest) \
             VALUES ('{order}', '{}', '{digest}')",
            id(909),
            order = id(105)
        )
    };
    let told = "2 orders of one person use it, allowed are 1";
    finds(Orders, &second("one"), "voucher_uses", &["TENTH9", told]).await;
    let shop = Shop::with_every_kind_of_order().await;
    shop.execute(Orders, &second("another")).await;
    let report = shop.check().await.to_string();
    assert!(!report.contains("of one person"), "{report}");
}

#[tokio::test]
async fn a_voucher_that_gave_more_than_its_terms_say() {
    let terms = "UPDATE vouchers SET benefit = '{\"kind\": \"percent\", \"percent\": 9}'";
    finds(Orders, terms, "voucher_discounts", &["QD-9 ", "200 off goods of 2000; TENTH9 gives 180"]).await;
    let minimum = "UPDATE vouchers SET minimum_minor = 2001";
    finds(Orders, minimum, "voucher_discounts", &["QD-9 ", "from 2001 on"]).await;
    let time = "UPDATE vouchers SET starts_at = now() + interval '1 hour'";
    finds(Orders, time, "voucher_discounts", &["QD-9 ", "outside of the time"]).await;
}

#[tokio::test]
async fn a_use_of_a_voucher_that_its_order_does_not_have_any_more() {
    let given_back = "UPDATE voucher_redemptions SET given_back_at = now(); UPDATE vouchers SET uses = 0";
    finds(
        Orders,
        given_back,
        "voucher_discounts",
        &["QD-9 ", "is confirmed, and its use of TENTH9 was given back"],
    )
    .await;
    let gone = "DELETE FROM voucher_redemptions; UPDATE vouchers SET uses = 0";
    finds(Orders, gone, "voucher_discounts", &["QD-9 ", "a voucher that it does not use"]).await;
}

/// A nine tenths voucher: the list price would be ten times what was paid.
#[tokio::test]
async fn a_return_for_the_list_price_of_what_cost_less() {
    let shop = Shop::with_every_kind_of_order().await;
    let cheap = format!(
        "UPDATE order_lines SET discount_minor = 1800 WHERE order_id = '{}'; \
         UPDATE give_backs SET amount_minor = 101 WHERE id = '{}'",
        id(105),
        id(405)
    );
    shop.execute(Orders, &cheap).await;
    shop.names("returned_parcels", &["QD-5 ", "101 and 1 of"]).await;
}

/// Each return by itself may be right; together they give more back than was paid.
#[tokio::test]
async fn two_returns_of_one_piece() {
    let shop = Shop::with_every_kind_of_order().await;
    let again = format!(
        "UPDATE order_lines SET quantity = 1, unit_price_minor = 2000 WHERE order_id = '{order}'; \
         INSERT INTO order_returns (id, order_id, idempotency_key, request_hash, lines, reason, status, created_at) \
         VALUES ('{back}', '{order}', 'again', '', '[{{\"product_id\": \"{lamp}\", \"quantity\": 1}}]', '', \
         'received', now()); \
         INSERT INTO give_backs (id, order_id, idempotency_key, request_hash, reason, amount_minor, restock, unwind, \
         step, status, lease_until, created_at, updated_at) VALUES ('{give}', '{order}', 'return:{back}', '', \
         'returned', 1500, '[{{\"product_id\": \"{lamp}\", \"quantity\": 1}}]', false, 'done', 'refunded', now(), \
         now(), now())",
        order = id(105),
        back = id(615),
        give = id(415),
        lamp = id(1),
    );
    shop.execute(Orders, &again).await;
    shop.names("returned_parcels", &["QD-5 ", "2500 was given back for 2 of", "paid were 2000"]).await;
}
