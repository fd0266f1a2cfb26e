//! Tells a repeated request from another request under the same key.

use std::collections::BTreeMap;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use shop_contracts::orders::NewOrder;
use shop_contracts::vouchers::normal_code;

/// SHA-256 of what an order means: who buys, what, at which prices, where it goes, and how it is delivered and paid, and with which voucher. What cannot
/// change that has no part in it: the order of lines, blanks around texts, the case of the address, which version
/// of a cart it was made from, and what that cart knows of other orders: a repeat may know more.
pub fn request_hash(request: &NewOrder) -> Vec<u8> {
    let mut lines: Vec<_> = request
        .lines
        .iter()
        .map(|l| {
            let price = &l.unit_price;
            (l.product_id.to_string(), price.currency.code(), price.amount_minor, l.quantity)
        })
        .collect();
    lines.sort();
    let to = &request.ship_to;
    let address = [&to.name, &to.address1, &to.city, &to.postcode, &to.country].map(|text| text.trim());
    // Sorted by name, whatever order a build of serde_json gives its own objects (`preserve_order`): the hash is stored, and
    // other builds compare theirs with it.
    let mut meaning = BTreeMap::from([
        ("account", json!(request.account_id)),
        ("email", json!(request.email.trim().to_lowercase())),
        ("lines", json!(lines)),
        ("ship_to", json!(address)),
        ("payment", json!(request.payment_token)),
    ]);
    // Absent is as before there was a choice: requests of that version keep their hash.
    if let Some(delivery) = request.delivery {
        meaning.insert("delivery", json!(delivery));
    }
    if let Some(voucher) = &request.voucher {
        meaning.insert("voucher", json!(normal_code(voucher)));
    }
    Sha256::digest(serde_json::to_vec(&meaning).expect("texts and values make an object")).to_vec()
}

#[cfg(test)]
mod tests {
    use shop_contracts::delivery::DeliveryMethod;
    use shop_contracts::orders::{Address, CartRef, KnownOrders, NewOrderLine};
    use shop_contracts::{Currency, Money, ProductId};

    use super::*;

    fn request() -> NewOrder {
        let line = |n: u128| NewOrderLine {
            product_id: ProductId::new(uuid::Uuid::from_u128(n)),
            quantity: 1,
            unit_price: Money::new(500, Currency::default()),
        };
        NewOrder {
            account_id: None,
            email: "kim@example.com".to_owned(),
            lines: vec![line(1), line(2)],
            ship_to: Address {
                name: "Kim".to_owned(),
                address1: "1 Quay".to_owned(),
                city: "Kiel".to_owned(),
                postcode: "24103".to_owned(),
                country: "DE".to_owned(),
            },
            payment_token: "tok_visa".to_owned(),
            cart: None,
            known: None,
            delivery: None,
            voucher: None,
            expected_total: None,
        }
    }

    /// A hash that another build or version stored is compared with this one's: what is hashed stays as it is.
    #[test]
    fn what_is_hashed_is_the_same_text_in_every_build() {
        let currency = Currency::default().code();
        let line = |n| format!("[\"00000000-0000-0000-0000-00000000000{n}\",\"{currency}\",500,1]");
        let text = format!(
            "{{\"account\":null,\"delivery\":\"express\",\"email\":\"kim@example.com\",\"lines\":[{},{}],\
             \"payment\":\"tok_visa\",\"ship_to\":[\"Kim\",\"1 Quay\",\"Kiel\",\"24103\",\"DE\"],\"voucher\":\"SPRING\"}}",
            line(1),
            line(2)
        );
        let request = NewOrder {
            delivery: Some(DeliveryMethod::Express),
            voucher: Some("SPRING".to_owned()),
            ..request()
        };
        assert_eq!(request_hash(&request), Sha256::digest(text).to_vec());
    }

    #[test]
    fn what_cannot_change_the_meaning_has_no_part_in_it() {
        let mut same = request();
        same.lines.reverse();
        same.email = " Kim@Example.com".to_owned();
        same.ship_to.city = "Kiel ".to_owned();
        same.cart = Some(CartRef { id: "c".to_owned(), version: 7 });
        same.known = Some(KnownOrders { carts: same.cart.iter().cloned().collect(), open: Vec::new() });
        assert_eq!(request_hash(&same), request_hash(&request()));
    }

    #[test]
    fn another_card_address_price_quantity_delivery_or_voucher_is_another_request() {
        let changes: [fn(&mut NewOrder); 6] = [
            |r| r.payment_token = "tok_slow".to_owned(),
            |r| r.ship_to.address1 = "2 Quay".to_owned(),
            |r| r.lines[0].unit_price.amount_minor += 1,
            |r| r.lines[1].quantity = 2,
            |r| r.delivery = Some(DeliveryMethod::Express),
            |r| r.voucher = Some("SPRING".to_owned()),
        ];
        for change in changes {
            let mut other = request();
            change(&mut other);
            assert_ne!(request_hash(&other), request_hash(&request()));
        }
    }
}
