//! From an event to a mail. Pure: the same event always makes the same bytes.

use std::fmt::Write as _;
use std::time::SystemTime;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::{Address, Message};
use shop_contracts::events::{OrderEvent, OrderEventKind};
use uuid::Uuid;

/// What a mail says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    OrderConfirmed,
    OrderDeclined,
    OrderFailed,
}

/// A mail, ready to go.
#[derive(Clone)]
pub struct Mail {
    /// The event that it tells of; what tells a repeated mail from another.
    pub event_id: Uuid,
    pub message: Message,
}

/// Writes mails in the shop's name.
#[derive(Debug, Clone)]
pub struct Composer {
    from: Mailbox,
    /// Where the shop is, without a slash at the end; without it mails have no link.
    public_url: Option<String>,
}

/// The event cannot be made into a mail, now or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unmailable(&'static str);

impl MailKind {
    /// What to say of an event; nothing is said of an order that was only placed.
    pub const fn of(event: OrderEventKind) -> Option<Self> {
        match event {
            OrderEventKind::Placed
            | OrderEventKind::Cancelled
            | OrderEventKind::Shipped
            | OrderEventKind::ReturnRequested
            | OrderEventKind::Refunded
            | OrderEventKind::Unknown => None,
            OrderEventKind::Confirmed => Some(Self::OrderConfirmed),
            OrderEventKind::Declined => Some(Self::OrderDeclined),
            OrderEventKind::Failed => Some(Self::OrderFailed),
        }
    }

    /// Its name in metrics and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderConfirmed => "order_confirmed",
            Self::OrderDeclined => "order_declined",
            Self::OrderFailed => "order_failed",
        }
    }
}

impl Composer {
    pub fn new(from: Mailbox, public_url: Option<String>) -> Self {
        Self { from, public_url: public_url.map(|url| url.trim_end_matches('/').to_owned()) }
    }

    /// The mail about an event.
    pub fn compose(&self, kind: MailKind, event: &OrderEvent) -> Result<Mail, Unmailable> {
        let address: Address = event.email.parse().map_err(|_| Unmailable("the address is not one"))?;
        let to = Mailbox::new(Some(one_line(&event.name)), address);
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject(kind, event))
            .date(SystemTime::from(event.occurred_at))
            .message_id(Some(format!("<{}@{}>", event.id, self.from.email.domain())))
            // RFC 3834: no out-of-office replies to this.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .singlepart(SinglePart::plain(self.text(kind, event)))
            .map_err(|_| Unmailable("the mail cannot be put together"))?;
        Ok(Mail { event_id: event.id, message })
    }

    fn text(&self, kind: MailKind, event: &OrderEvent) -> String {
        let number = one_line(&event.number);
        let mut text = format!("Ahoy {},\n\n", one_line(&event.name));
        text.push_str(&match kind {
            MailKind::OrderConfirmed => {
                format!("thank you! Your order {number} is paid for and will leave port soon.\n\n")
            }
            MailKind::OrderDeclined => format!(
                "your bank has declined the payment for your order {number}. Nothing was charged, and nothing \
                 will be sent. You are welcome to order again with another card.\n\n"
            ),
            MailKind::OrderFailed => format!(
                "we are sorry: something in your order {number} has sold out meanwhile. Nothing was charged, \
                 and nothing will be sent.\n\n"
            ),
        });
        for line in &event.lines {
            let sum = line.unit_price.checked_mul(line.quantity).unwrap_or(line.unit_price);
            let _ = writeln!(text, "  {:>2} x {}  {sum}", line.quantity, one_line(&line.name));
        }
        let _ = writeln!(text, "\nTotal: {}\n", event.total);
        if let Some(url) = &self.public_url {
            let _ = writeln!(text, "Your order: {url}/orders/{}\n", event.order_id);
        }
        text.push_str("Quarterdeck\n");
        text
    }
}

fn subject(kind: MailKind, event: &OrderEvent) -> String {
    let number = one_line(&event.number);
    match kind {
        MailKind::OrderConfirmed => format!("Your order {number} is confirmed"),
        MailKind::OrderDeclined => format!("Your order {number} could not be paid"),
        MailKind::OrderFailed => format!("Your order {number} cannot be delivered"),
    }
}

/// Nothing that a shopper typed starts a new line or header.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use shop_contracts::orders::OrderLine;
    use shop_contracts::{Currency, Money, OrderId, ProductId};

    use super::*;

    fn event() -> OrderEvent {
        OrderEvent {
            id: Uuid::from_u128(7),
            kind: OrderEventKind::Confirmed,
            occurred_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            order_id: OrderId::new(Uuid::from_u128(8)),
            number: "QD-1".to_owned(),
            account_id: None,
            email: "kim@example.com".to_owned(),
            name: "Kim Harbour".to_owned(),
            lines: vec![OrderLine {
                product_id: ProductId::from_slug("lamp"),
                name: "Lamp".to_owned(),
                quantity: 2,
                unit_price: Money::new(1_250, Currency::Usd),
            }],
            total: Money::new(2_500, Currency::Usd),
            refund: None,
            shipment: None,
        }
    }

    fn written(event: &OrderEvent) -> String {
        let from = "Shop <shop@quarterdeck.example>".parse().unwrap();
        let composer = Composer::new(from, Some("https://shop.example/".to_owned()));
        let mail = composer.compose(MailKind::OrderConfirmed, event).unwrap();
        String::from_utf8(mail.message.formatted()).unwrap()
    }

    #[test]
    fn mail_says_what_was_bought_and_where_to_look() {
        let text = written(&event());
        for part in [
            "kim@example.com",
            "Subject: Your order QD-1 is confirmed",
            "2 x Lamp  $25.00",
            "Total: $25.00",
            "https://shop.example/orders/00000000-0000-0000-0000-000000000008",
            "Message-ID: <00000000-0000-0000-0000-000000000007@quarterdeck.example>",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert_eq!(text, written(&event()), "the same event makes the same bytes");
    }

    #[test]
    fn no_name_smuggles_in_a_header() {
        let name = "Kim\r\nBcc: everybody@example.com".to_owned();
        let text = written(&OrderEvent { name, ..event() });
        assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        let composer = Composer::new("shop@quarterdeck.example".parse().unwrap(), None);
        let wrong = OrderEvent { email: "kim at example".to_owned(), ..event() };
        let error = composer.compose(MailKind::OrderConfirmed, &wrong).err().unwrap();
        assert!(!error.to_string().contains("kim"));
    }
}
