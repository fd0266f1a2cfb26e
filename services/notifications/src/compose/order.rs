//! Mails about orders.

use std::fmt::Write as _;

use shop_contracts::charges::Charges;
use shop_contracts::events::OrderEvent;
use shop_contracts::tax::percent;

use super::{MailKind, one_line};

pub(super) fn subject(kind: MailKind, event: &OrderEvent) -> String {
    let number = one_line(&event.number);
    match kind {
        MailKind::OrderDeclined => format!("Your order {number} could not be paid"),
        MailKind::OrderFailed => format!("Your order {number} cannot be delivered"),
        MailKind::OrderCancelled => format!("Your order {number} is cancelled"),
        MailKind::OrderShipped => format!("Your order {number} is on its way"),
        MailKind::ReturnRequested => format!("Your return for order {number}"),
        MailKind::ReturnRefused => format!("Your return for order {number} cannot be taken back"),
        MailKind::ReturnWithdrawn => format!("You keep what you bought with order {number}"),
        MailKind::OrderRefunded => format!("Your money for order {number} is on its way back"),
        _ => format!("Your order {number} is confirmed"),
    }
}

/// What follows the greeting.
pub(super) fn text(kind: MailKind, event: &OrderEvent, public_url: Option<&str>) -> String {
    let mut text = news(kind, event);
    text.push_str("\n\n");
    for line in &event.lines {
        let sum = line.unit_price.checked_mul(line.quantity).unwrap_or(line.unit_price);
        let _ = writeln!(text, "  {:>2} x {}  {sum}", line.quantity, one_line(&line.name));
    }
    text.push('\n');
    if let Some(charges) = &event.charges {
        parts(&mut text, charges);
    }
    let _ = writeln!(text, "Total: {}", event.total);
    if let Some(charges) = &event.charges {
        for share in &charges.taxes {
            let _ = writeln!(text, "  of which VAT {}: {}", percent(share.rate_bp), share.tax);
        }
    }
    text.push('\n');
    if let Some(url) = public_url {
        let _ = writeln!(text, "Your order: {url}/orders/{}\n", event.order_id);
    }
    text
}

/// What is added to the lines and taken off.
fn parts(text: &mut String, charges: &Charges) {
    if charges.discount.amount_minor > 0 {
        let code = one_line(charges.voucher.as_deref().unwrap_or_default());
        let _ = writeln!(text, "Voucher {code}: -{}", charges.discount);
    }
    let _ = writeln!(text, "Delivery ({}): {}", charges.delivery_method.title(), charges.delivery);
}

fn news(kind: MailKind, event: &OrderEvent) -> String {
    let number = one_line(&event.number);
    match kind {
        MailKind::OrderDeclined => format!(
            "your bank has declined the payment for your order {number}. Nothing was charged, and nothing will be \
             sent. You are welcome to order again with another card."
        ),
        MailKind::OrderFailed => format!(
            "we are sorry: something in your order {number} has sold out meanwhile. Nothing was charged, and \
             nothing will be sent."
        ),
        MailKind::OrderCancelled => format!(
            "your order {number} is cancelled, and nothing will be sent. What you paid goes back the way it came, \
             and what was only reserved is let go of; your bank may take a few days."
        ),
        MailKind::OrderShipped => format!("your order {number} has left port.{}", parcel(event)),
        MailKind::ReturnRequested => format!(
            "we have noted that pieces of your order {number} come back. Please send them within two weeks; your \
             money follows when they are here."
        ),
        MailKind::ReturnRefused => {
            let why = event.reason.as_deref().map_or_else(String::new, |why| format!(" {}", one_line(why)));
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
        _ => format!("thank you! Your order {number} is paid for and will leave port soon."),
    }
}

fn parcel(event: &OrderEvent) -> String {
    event.shipment.as_ref().map_or_else(String::new, |shipment| {
        let (carrier, tracking) = (one_line(&shipment.carrier), one_line(&shipment.tracking_number));
        format!(" It travels with {carrier}, under the number {tracking}.")
    })
}
