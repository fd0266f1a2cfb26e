//! What an order's request must look like.

use std::collections::BTreeMap;

use shop_contracts::mail_address::is_mail_address;
use shop_contracts::orders::{CartRef, NewOrder, NewOrderLine};
use shop_contracts::shown;
use shop_instrumentation::{Code, Problem};

const MAX_LINES: usize = 50;
const MAX_QUANTITY: u32 = 99;
const MAX_TEXT_BYTES: usize = 200;
const MAX_CART_ID_BYTES: usize = 64;
const MAX_CODE_BYTES: usize = 64;
const MAX_KNOWN: usize = 8;

/// Lines of one product at one price are one line, in the order of first sight: stock and returns count by product.
pub fn merged(lines: Vec<NewOrderLine>) -> Vec<NewOrderLine> {
    let mut merged: Vec<NewOrderLine> = Vec::with_capacity(lines.len());
    let mut places = BTreeMap::new();
    for line in lines {
        let key = (line.product_id, line.unit_price.currency.code(), line.unit_price.amount_minor);
        match places.get(&key) {
            Some(&place) => {
                let known: &mut NewOrderLine = &mut merged[place];
                known.quantity = known.quantity.saturating_add(line.quantity);
            }
            None => {
                places.insert(key, merged.len());
                merged.push(line);
            }
        }
    }
    merged
}

fn invalid(field: String, detail: String) -> Result<(), Problem> {
    Err(Problem::new(Code::Invalid, "invalid order").field(field, detail))
}

fn check_cart(field: &str, cart: &CartRef) -> Result<(), Problem> {
    let visible = cart.id.bytes().all(|b| b.is_ascii_graphic());
    if !visible || !(1..=MAX_CART_ID_BYTES).contains(&cart.id.len()) {
        return invalid(format!("{field}.id"), format!("1 to {MAX_CART_ID_BYTES} visible ASCII characters"));
    }
    if i64::try_from(cart.version).is_err() {
        return invalid(format!("{field}.version"), format!("at most {}", i64::MAX));
    }
    Ok(())
}

/// Names the field that is wrong, and its limit.
pub fn check(request: &NewOrder) -> Result<(), Problem> {
    if request.lines.is_empty() || request.lines.len() > MAX_LINES {
        return invalid("lines".to_owned(), format!("1 to {MAX_LINES} lines, got {}", request.lines.len()));
    }
    for (i, line) in request.lines.iter().enumerate() {
        if !(1..=MAX_QUANTITY).contains(&line.quantity) {
            return invalid(
                format!("lines[{i}].quantity"),
                format!("1 to {MAX_QUANTITY}, got {}", line.quantity),
            );
        }
    }
    if let Some(cart) = &request.cart {
        check_cart("cart", cart)?;
    }
    if let Some(known) = &request.known {
        for (field, carts) in [("known.carts", &known.carts), ("known.open", &known.open)] {
            if carts.len() > MAX_KNOWN {
                return invalid(field.to_owned(), format!("at most {MAX_KNOWN}, got {}", carts.len()));
            }
            for (i, cart) in carts.iter().enumerate() {
                check_cart(&format!("{field}[{i}]"), cart)?;
            }
        }
    }
    let email = &request.email;
    if !is_mail_address(email) {
        return invalid("email".to_owned(), "is not an e-mail address".to_owned());
    }
    let to = &request.ship_to;
    let texts = [
        ("email", email),
        ("ship_to.name", &to.name),
        ("ship_to.address1", &to.address1),
        ("ship_to.city", &to.city),
        ("ship_to.postcode", &to.postcode),
        ("payment_token", &request.payment_token),
    ];
    for (field, text) in texts {
        if text.trim().is_empty() || text.len() > MAX_TEXT_BYTES || !shown::is_line(text) {
            return invalid(
                field.to_owned(),
                format!("1 to {MAX_TEXT_BYTES} bytes of text that shows as it is"),
            );
        }
    }
    if request.voucher.as_ref().is_some_and(|code| code.len() > MAX_CODE_BYTES) {
        return invalid("voucher".to_owned(), format!("at most {MAX_CODE_BYTES} bytes"));
    }
    if to.country.len() != 2 || !to.country.bytes().all(|b| b.is_ascii_uppercase()) {
        return invalid("ship_to.country".to_owned(), "two capital letters (ISO 3166)".to_owned());
    }
    Ok(())
}
