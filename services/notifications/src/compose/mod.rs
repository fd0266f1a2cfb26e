//! From an event to a mail. Pure: the same event always makes the same bytes.

mod account;
mod greeting;
mod order;

use std::time::SystemTime;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::{Address, Message};
use shop_contracts::shown::is_shown;
use uuid::Uuid;

use crate::event::Event;
pub use crate::event::MailKind;

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

impl Composer {
    pub fn new(from: Mailbox, public_url: Option<String>) -> Self {
        Self { from, public_url: public_url.map(|url| url.trim_end_matches('/').to_owned()) }
    }

    /// The mail about an event.
    pub fn compose(&self, kind: MailKind, event: &Event) -> Result<Mail, Unmailable> {
        let address: Address = event.email().parse().map_err(|_| Unmailable("the address is not one"))?;
        let name = event.name().and_then(greeting::name);
        let greeting = name.as_deref().map_or_else(String::new, |name| format!(" {name}"));
        let to = Mailbox::new(name, address);
        let url = self.public_url.as_deref();
        let (subject, news) = match event {
            Event::Order(event) => (order::subject(kind, event), order::text(kind, event, url)),
            Event::Account(event) => (account::subject(kind).to_owned(), account::text(kind, event, url)?),
        };
        let text = format!("Ahoy{greeting},\n\n{news}Quarterdeck\n");
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .date(SystemTime::from(event.occurred_at()))
            .message_id(Some(format!("<{}@{}>", event.id(), self.from.email.domain())))
            // RFC 3834: no out-of-office replies to this.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .singlepart(SinglePart::plain(text))
            .map_err(|_| Unmailable("the mail cannot be put together"))?;
        Ok(Mail { event_id: event.id(), message })
    }
}

/// The longest text from outside that a mail repeats: a reason in staff's words, which orders take up to this length.
const MOST_CHARS: usize = 500;

/// Words from outside on one line, bounded, as they show: nothing starts a new line or header, or turns the direction of
/// what stands beside it around. What a stranger types stands in no mail at all.
fn quoted(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c });
    let line: String = shown.filter(|c| is_shown(*c)).take(MOST_CHARS).collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use shop_contracts::events::{IdentityEvent, IdentityEventKind, OrderEvent, OrderEventKind};
    use shop_contracts::orders::{OrderLine, Shipment};
    use shop_contracts::{AccountId, Currency, Money, OrderId, ProductId};

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
                charge: None,
            }],
            total: Money::new(2_500, Currency::Usd),
            refund: Some(Money::new(1_250, Currency::Usd)),
            shipment: Some(Shipment {
                carrier: "Tug & Sons".to_owned(),
                tracking_number: "T-42".to_owned(),
                shipped_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            }),
            charges: None,
            reason: None,
        }
    }

    fn account_event(kind: IdentityEventKind) -> IdentityEvent {
        let OrderEvent { id, occurred_at, email, name, .. } = event();
        let account_id = AccountId::new(Uuid::from_u128(9));
        IdentityEvent {
            id,
            kind,
            occurred_at,
            account_id,
            email,
            name,
            token: Some("abc-DEF_123".to_owned()),
        }
    }

    fn composer() -> Composer {
        let from = "Shop <shop@quarterdeck.example>".parse().unwrap();
        Composer::new(from, Some("https://shop.example/".to_owned()))
    }

    /// The mail, with soft line breaks of quoted-printable undone.
    fn written(event: &Event) -> String {
        let mail = composer().compose(event.mail().unwrap(), event).unwrap();
        String::from_utf8(mail.message.formatted()).unwrap().replace("=\r\n", "").replace("=3D", "=")
    }

    /// The same on one line, each space one.
    fn plain(event: &Event) -> String {
        written(event).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn mail_says_what_was_bought_and_where_to_look() {
        let event = Event::Order(event());
        let text = written(&event);
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
        assert_eq!(text, written(&event), "the same event makes the same bytes");
    }

    #[test]
    fn mails_about_what_comes_after_an_order_say_what_matters() {
        for (kind, parts) in [
            (OrderEventKind::Cancelled, ["is cancelled", "goes back"]),
            (OrderEventKind::Shipped, ["Tug & Sons", "T-42"]),
            (
                OrderEventKind::ReturnRequested,
                ["Your return", "within 14 days to Quarterdeck, returns, Museumskai 3"],
            ),
            (OrderEventKind::Refunded, ["given back $12.50", "few days"]),
            (OrderEventKind::ReturnRefused, ["cannot take back", "It was worn at sea."]),
            (OrderEventKind::ReturnWithdrawn, ["you keep", "Nothing else"]),
        ] {
            let reason = Some("It was worn at sea.".to_owned());
            let text = written(&Event::Order(OrderEvent { kind, reason, ..event() }));
            for part in parts.into_iter().chain(["QD-1", "Ahoy,", "Quarterdeck"]) {
                assert!(text.contains(part), "{part} is not in\n{text}");
            }
        }
    }

    /// The page says it at once, and takes another card.
    #[test]
    fn who_paid_with_another_card_after_a_declined_one_is_not_told_that_all_is_lost() {
        let text = plain(&Event::Order(OrderEvent { kind: OrderEventKind::Declined, ..event() }));
        assert!(text.contains("If you have paid with another card since, there is nothing to do"), "{text}");
    }

    #[test]
    fn a_part_of_the_money_is_told_apart_from_all_of_it() {
        let refunded = |refund: Option<i64>| {
            let refund = refund.map(|minor| Money::new(minor, Currency::Usd));
            plain(&Event::Order(OrderEvent { kind: OrderEventKind::Refunded, refund, ..event() }))
        };
        let part = refunded(Some(500));
        for says in [
            "Subject: A part of your money for order QD-1 is on its way back",
            "Total: $25.00",
            "Given back with this: $5.00 of $25.00",
        ] {
            assert!(part.contains(says), "{says}: {part}");
        }
        for all in [Some(2_500), None] {
            let all = refunded(all);
            assert!(all.contains("Subject: Your money for order QD-1 is on its way back"), "{all}");
        }
    }

    #[test]
    fn who_had_paid_is_told_of_no_hold_and_that_a_second_mail_follows() {
        let text = plain(&Event::Order(OrderEvent { kind: OrderEventKind::Cancelled, ..event() }));
        assert!(!text.contains("reserved") && text.contains("another mail says so when it has"), "{text}");
    }

    #[test]
    fn delivery_for_nothing_is_free() {
        let price = |minor| Money::new(minor, Currency::Usd);
        let charges = |delivery| shop_contracts::charges::Charges {
            goods: price(2_500),
            discount: price(0),
            voucher: None,
            delivery_method: shop_contracts::delivery::DeliveryMethod::Standard,
            delivery: price(delivery),
            tax: price(0),
            taxes: vec![],
        };
        for (delivery, says) in [(0, "Delivery (Standard): free"), (490, "Delivery (Standard): $4.90")] {
            let text = plain(&Event::Order(OrderEvent { charges: Some(charges(delivery)), ..event() }));
            assert!(text.contains(says), "{says}: {text}");
        }
    }

    /// Set by a mail's link, it ends every session; changed in the account, all but that one.
    #[test]
    fn a_new_password_says_what_is_true_of_both_ways_to_set_it() {
        let text = plain(&Event::Account(account_event(IdentityEventKind::PasswordChanged)));
        assert!(!text.contains("every other device"), "{text}");
        assert!(
            text.contains("You are logged out everywhere, except where you changed it in your account"),
            "{text}"
        );
    }

    #[test]
    fn a_return_is_promised_no_money_that_went_back_before() {
        let kind = OrderEventKind::ReturnRequested;
        let text = written(&Event::Order(OrderEvent { kind, ..event() }));
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            text.contains("Unless your money went back already, it follows when they are here."),
            "{text}"
        );
    }

    #[test]
    fn what_is_fetched_travels_with_nobody() {
        let price = Money::new(0, Currency::Usd);
        let charges = shop_contracts::charges::Charges {
            goods: price,
            discount: price,
            voucher: None,
            delivery_method: shop_contracts::delivery::DeliveryMethod::PickUp,
            delivery: price,
            tax: price,
            taxes: vec![],
        };
        for (kind, parts) in [
            (OrderEventKind::Confirmed, ["ready to collect", "Museumskai 3, 24103 Kiel", "Saturday"]),
            (OrderEventKind::Shipped, ["is collected", "handed over", "counter"]),
        ] {
            let text = written(&Event::Order(OrderEvent { kind, charges: Some(charges.clone()), ..event() }));
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
            assert!(
                !text.contains("leave port") && !text.contains("left port") && !text.contains("T-42"),
                "{text}"
            );
        }
    }

    #[test]
    fn mails_about_accounts_say_what_to_do() {
        for (kind, parts) in [
            (IdentityEventKind::Registered, ["Welcome aboard", "https://shop.example/account"]),
            (IdentityEventKind::AlreadyRegistered, ["one already", "https://shop.example/login"]),
            (
                IdentityEventKind::PasswordResetRequested,
                ["within an hour", "https://shop.example/reset-password?token=abc-DEF_123"],
            ),
            (IdentityEventKind::PasswordChanged, ["was changed", "https://shop.example/forgot-password"]),
            (IdentityEventKind::Deleted, ["is deleted", "do not name you"]),
        ] {
            let text = written(&Event::Account(account_event(kind)));
            for part in parts.into_iter().chain(["kim@example.com", "Ahoy Kim Harbour"]) {
                assert!(text.contains(part), "{part} is not in\n{text}");
            }
            let shows = text.contains("abc-DEF_123");
            assert_eq!(
                shows,
                kind == IdentityEventKind::PasswordResetRequested,
                "a token stands in its mail alone"
            );
        }
    }

    #[test]
    fn mail_to_an_address_that_nobody_confirmed_carries_nothing_that_a_stranger_typed() {
        let asked = account_event(IdentityEventKind::RegistrationRequested);
        let text = written(&Event::Account(asked.clone()));
        for part in ["Ahoy,", "within a day", "https://shop.example/register/confirm?token=abc-DEF_123"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains("Kim"), "{text}");
        let without = IdentityEvent { token: None, ..asked };
        assert!(composer().compose(MailKind::ConfirmRegistration, &Event::Account(without)).is_err());
    }

    #[test]
    fn a_reset_without_a_token_or_with_a_strange_one_is_no_mail() {
        for token in [None, Some(String::new()), Some("a\r\nhttps://evil.example".to_owned())] {
            let event = IdentityEvent { token, ..account_event(IdentityEventKind::PasswordResetRequested) };
            assert!(composer().compose(MailKind::PasswordReset, &Event::Account(event)).is_err());
        }
    }

    #[test]
    fn why_an_order_came_to_nothing_is_said_as_it_was() {
        for (reason, says) in [
            (Some("out_of_stock"), "has sold out"),
            (Some("payment_timeout"), "your bank did not answer in time"),
            (Some("stock_timeout"), "could not set the goods"),
            (Some("something_new"), "could not complete your order"),
            (None, "could not complete your order"),
        ] {
            let event =
                OrderEvent { reason: reason.map(str::to_owned), kind: OrderEventKind::Failed, ..event() };
            let text = written(&Event::Order(event));
            assert!(text.contains(says), "{reason:?}: {text}");
            assert_eq!(text.contains("sold out"), reason == Some("out_of_stock"), "{reason:?}");
            assert_eq!(text.contains("Nothing was charged"), reason != Some("payment_timeout"), "{reason:?}");
        }
    }

    /// The kind declared after this one; a new kind does not compile until it stands here.
    const fn after(kind: OrderEventKind) -> Option<OrderEventKind> {
        use OrderEventKind as Kind;
        Some(match kind {
            Kind::Placed => Kind::Confirmed,
            Kind::Confirmed => Kind::Declined,
            Kind::Declined => Kind::Failed,
            Kind::Failed => Kind::Cancelled,
            Kind::Cancelled => Kind::Shipped,
            Kind::Shipped => Kind::ReturnRequested,
            Kind::ReturnRequested => Kind::Refunded,
            Kind::Refunded => Kind::ReturnRefused,
            Kind::ReturnRefused => Kind::ReturnWithdrawn,
            Kind::ReturnWithdrawn => Kind::Unknown,
            Kind::Unknown => return None,
        })
    }

    /// Whoever orders may type anybody's address, and a sentence as the name; whoever sends back, one as the reason. Only
    /// staff gives the reason for a refusal.
    #[test]
    fn no_mail_about_an_order_carries_a_word_that_its_buyer_typed() {
        let kinds = || std::iter::successors(Some(OrderEventKind::Placed), |kind| after(*kind));
        for typed in
            ["Dear customer, your prize waits", "prize www evil example", "Kim\r\nBcc: prize@example.com"]
        {
            let mut mails = 0;
            for kind in kinds() {
                let reason = (kind != OrderEventKind::ReturnRefused).then(|| typed.to_owned());
                let event = Event::Order(OrderEvent { kind, name: typed.to_owned(), reason, ..event() });
                if event.mail().is_none() {
                    continue;
                }
                let text = written(&event);
                assert!(text.contains("Ahoy,") && !text.contains("prize"), "{text}");
                assert!(text.contains("To: kim@example.com\r\n"), "{text}");
                mails += 1;
            }
            assert_eq!(mails, 9, "nine kinds have a mail");
        }
    }

    #[test]
    fn the_name_of_an_account_smuggles_in_no_header() {
        let name = "Kim\r\nBcc: everybody@example.com".to_owned();
        let event = IdentityEvent { name, ..account_event(IdentityEventKind::PasswordChanged) };
        let text = written(&Event::Account(event));
        assert!(!text.contains("Bcc") && !text.contains("everybody"), "{text}");
    }

    #[test]
    fn words_from_outside_stay_on_their_line_and_within_their_bound() {
        let reason = format!("worn\u{202e}\r\nBcc: x\u{2028}{}", "a".repeat(600));
        let text = quoted(&reason);
        assert!(text.starts_with("worn  Bcc: x a") && text.chars().count() == MOST_CHARS, "{text}");
        let event = OrderEvent { kind: OrderEventKind::ReturnRefused, reason: Some(reason), ..event() };
        assert!(!written(&Event::Order(event)).lines().any(|line| line.starts_with("Bcc")));
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        let composer = Composer::new("shop@quarterdeck.example".parse().unwrap(), None);
        let wrong = Event::Order(OrderEvent { email: "kim at example".to_owned(), ..event() });
        let error = composer.compose(MailKind::OrderConfirmed, &wrong).err().unwrap();
        assert!(!error.to_string().contains("kim"));
    }
}
