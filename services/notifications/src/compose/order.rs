//! Mails about orders.

use std::fmt::Write as _;

use shop_contracts::Money;
use shop_contracts::charges::Charges;
use shop_contracts::delivery::DeliveryMethod;
use shop_contracts::events::OrderEvent;
use shop_contracts::orders::RETURN_WITHIN_DAYS;
use shop_contracts::premises::{COUNTER, COUNTER_HOURS, RETURNS};
use shop_contracts::tax::percent;

use super::{MailKind, quoted};

pub(super) fn subject(kind: MailKind, event: &OrderEvent) -> String {
    let number = quoted(&event.number);
    match kind {
        MailKind::OrderDeclined => format!("Your order {number} could not be paid"),
        MailKind::OrderFailed => format!("Your order {number} cannot be delivered"),
        MailKind::OrderCancelled => format!("Your order {number} is cancelled"),
        MailKind::OrderShipped if is_fetched(event) => format!("Your order {number} is collected"),
        MailKind::OrderShipped => format!("Your order {number} is on its way"),
        MailKind::ReturnRequested => format!("Your return for order {number}"),
        MailKind::ReturnRefused => format!("Your return for order {number} cannot be taken back"),
        MailKind::ReturnWithdrawn => format!("You keep what you bought with order {number}"),
        MailKind::OrderRefunded if part(event).is_some() => {
            format!("A part of your money for order {number} is on its way back")
        }
        MailKind::OrderRefunded => format!("Your money for order {number} is on its way back"),
        _ => format!("Your order {number} is confirmed"),
    }
}

/// What follows the greeting.
pub(super) fn text(kind: MailKind, event: &OrderEvent, public_url: Option<&str>) -> String {
    let mut text = news(kind, event);
    text.push_str("\n\n");
    // Which pieces come back stands on the order's page; what was ordered would be taken for it.
    if kind != MailKind::ReturnRequested {
        bought(&mut text, event);
    }
    if let Some(part) = part(event).filter(|_| kind == MailKind::OrderRefunded) {
        let _ = writeln!(text, "Given back with this: {part} of {}\n", event.total);
    }
    if let Some(url) = public_url {
        let _ = writeln!(text, "Your order: {url}/orders/{}\n", event.order_id);
    }
    text
}

/// What was bought, and what it cost.
fn bought(text: &mut String, event: &OrderEvent) {
    for line in &event.lines {
        let sum = line.unit_price.checked_mul(line.quantity).unwrap_or(line.unit_price);
        let _ = writeln!(text, "  {:>2} x {}  {sum}", line.quantity, quoted(&line.name));
    }
    text.push('\n');
    if let Some(charges) = &event.charges {
        parts(text, charges);
    }
    let _ = writeln!(text, "Total: {}", event.total);
    if let Some(charges) = &event.charges {
        for share in &charges.taxes {
            let _ = writeln!(text, "  of which VAT {}: {}", percent(share.rate_bp), share.tax);
        }
    }
    text.push('\n');
}

/// What is added to the lines and taken off.
fn parts(text: &mut String, charges: &Charges) {
    if charges.discount.amount_minor > 0 {
        let code = quoted(charges.voucher.as_deref().unwrap_or_default());
        let _ = writeln!(text, "Voucher {code}: -{}", charges.discount);
    }
    let delivery =
        if charges.delivery.amount_minor == 0 { "free".to_owned() } else { charges.delivery.to_string() };
    let _ = writeln!(text, "Delivery ({}): {delivery}", charges.delivery_method.title());
}

/// The money that was given back, where it is less than all that the order cost.
fn part(event: &OrderEvent) -> Option<Money> {
    event.refund.filter(|refund| refund.amount_minor < event.total.amount_minor)
}

fn news(kind: MailKind, event: &OrderEvent) -> String {
    let number = quoted(&event.number);
    match kind {
        // The page said so at once, and whoever waited there may have paid since: that is an order of its own.
        MailKind::OrderDeclined => format!(
            "your bank has declined the card for your order {number}. Nothing was charged for it, and nothing of it will \
             be sent. If you have paid with another card since, there is nothing to do: that order has a number of its \
             own. Otherwise you are welcome to order again with another card."
        ),
        MailKind::OrderFailed => failed(&number, event.reason.as_deref()),
        MailKind::OrderCancelled => format!(
            "your order {number} is cancelled, and nothing will be sent. What you paid and have not got back yet \
             goes back the way it came; another mail says so when it has."
        ),
        MailKind::OrderShipped if is_fetched(event) => {
            format!("your order {number} was handed over at our counter in {}. Fair winds!", COUNTER.city)
        }
        MailKind::OrderShipped => format!("your order {number} has left port.{}", parcel(event)),
        MailKind::ReturnRequested => format!(
            "we have noted that pieces of your order {number} come back; its page says which. Please send them within \
             {RETURN_WITHIN_DAYS} days to {}, with the order's number in the parcel. \
             Unless your money went back already, it follows when they are here.",
            RETURNS.line()
        ),
        MailKind::ReturnRefused => {
            let why = event.reason.as_deref().map_or_else(String::new, |why| format!(" {}", quoted(why)));
            format!(
                "we are sorry: we cannot take back what you announced of your order {number}.{why} If you think that \
                 this is wrong, answer to this mail."
            )
        }
        MailKind::ReturnWithdrawn => format!(
            "you keep what you had announced to send back of your order {number}. Nothing else is to be done."
        ),
        MailKind::OrderRefunded => {
            let amount = event.refund.map_or_else(|| "your money".to_owned(), |refund| refund.to_string());
            format!(
                "we have given back {amount} for your order {number}. It goes the way it came; your bank may take a \
                 few days."
            )
        }
        _ if is_fetched(event) => format!(
            "thank you! Your order {number} is paid for. It is ready to collect on the next working day at the latest: \
             {}. {COUNTER_HOURS}. Please bring the order's number.",
            COUNTER.line()
        ),
        _ => format!("thank you! Your order {number} is paid for and will leave port soon."),
    }
}

/// Whether the buyer comes for it.
fn is_fetched(event: &OrderEvent) -> bool {
    event.charges.as_ref().is_some_and(|charges| charges.delivery_method == DeliveryMethod::PickUp)
}

fn parcel(event: &OrderEvent) -> String {
    event.shipment.as_ref().map_or_else(String::new, |shipment| {
        let (carrier, tracking) = (quoted(&shipment.carrier), quoted(&shipment.tracking_number));
        format!(" It travels with {carrier}, under the number {tracking}.")
    })
}

/// Why an order came to nothing. Versions of orders before this one do not say why.
fn failed(number: &str, reason: Option<&str>) -> String {
    let why = match reason {
        Some("out_of_stock") => format!("something in your order {number} has sold out meanwhile."),
        Some("payment_timeout") => {
            format!("your bank did not answer in time, so that we could not complete your order {number}.")
        }
        Some("stock_timeout") => {
            format!("we could not set the goods of your order {number} aside in time.")
        }
        _ => format!("we could not complete your order {number}."),
    };
    let charged = match reason {
        Some("payment_timeout") => {
            "We take no money for it; if your bank has set the amount aside, it lets go of it by itself."
        }
        _ => "Nothing was charged.",
    };
    format!("we are sorry: {why} {charged} Nothing will be sent. You are welcome to order again.")
}
