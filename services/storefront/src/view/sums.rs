//! What a total is made of, as carts, checkouts and orders show it.

use maud::{Markup, html};
use shop_contracts::Money;
use shop_contracts::charges::Charges;
use shop_contracts::delivery::{DeliveryMethod, PICK_UP_COUNTRY};
use shop_contracts::orders::Order;
use shop_contracts::tax::percent;

use super::price;
use crate::form::country_name;

/// When it is there: `2 to 4 working days`.
pub fn promise(method: DeliveryMethod) -> &'static str {
    match method.promised_days() {
        (0, _) => "ready on the next working day at the latest",
        (1, 1) => "next working day",
        _ => "2 to 4 working days",
    }
}

/// What delivery costs, in words where it costs nothing.
pub fn delivery_price(amount: Money) -> String {
    if amount.amount_minor == 0 { "Free".to_owned() } else { price(amount) }
}

/// The parts of a total, and the tax that it contains in the country that the goods go to.
pub fn sums(charges: &Charges, total: Money, country: &str) -> Markup {
    let country = if charges.delivery_method == DeliveryMethod::PickUp { PICK_UP_COUNTRY } else { country };
    sums_with(charges, total, tax_lines(charges, country, ""))
}

/// The parts of a total, with these lines about the tax in it.
pub fn sums_with(charges: &Charges, total: Money, taxes: Markup) -> Markup {
    html! {
        dl.sums {
            dt { "Goods" } dd { (price(charges.goods)) }
            @if charges.discount.amount_minor > 0 {
                dt.discount { "Voucher " code { (charges.voucher.as_deref().unwrap_or_default()) } }
                dd.discount { "−" (price(charges.discount)) }
            }
            dt { "Delivery · " (charges.delivery_method.title()) } dd { (delivery_price(charges.delivery)) }
            dt.total { "Total" } dd.total { (price(total)) }
            (taxes)
        }
    }
}

/// The tax that a total contains, as it is in a country; `class` beside the lines' own.
pub fn tax_lines(charges: &Charges, country: &str, class: &str) -> Markup {
    html! {
        @for share in &charges.taxes {
            dt class={ "tax " (class) } { "of which VAT " (percent(share.rate_bp)) ", " (country_name(country)) }
            dd class={ "tax " (class) } { (price(share.tax)) }
        }
    }
}

/// The parts of an order's total; orders from before there were any show what they were.
pub fn order_sums(order: &Order) -> Markup {
    match &order.charges {
        Some(charges) => sums(charges, order.total, &order.ship_to.country),
        None => html! {
            dl.sums { dt { "Delivery" } dd { "Included" } dt.total { "Total" } dd.total { (price(order.total)) } }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_promise_says_what_the_table_says() {
        assert_eq!(DeliveryMethod::Standard.promised_days(), (2, 4));
        assert_eq!(DeliveryMethod::Express.promised_days(), (1, 1));
        assert_eq!(DeliveryMethod::PickUp.promised_days(), (0, 1));
    }
}
