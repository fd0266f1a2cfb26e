//! The one place that decides about idempotency keys and about what becomes of a cart.
//!
//! A key is never stored and never travels in a form: it follows from the cart's id, the version of its contents and
//! the number of the attempt. So every tab, every reload, every second press of the same contents sends the same key.
//!
//! What must always hold: the attempt is counted up only by the answer to that very key, and only when the answer names
//! an order that is over without having taken money (declined, rejected). Everything else, above all no answer, keeps the
//! key. An order that stands consumes the version that it was made from, and that one only.

use sha2::{Digest as _, Sha256};
use shop_contracts::OrderId;
use shop_contracts::orders::OrderStatus;

use super::Open;
use crate::cart::{Cart, CartId};

/// How far the checkout of a cart has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Attempts at the present version that are over.
    pub attempt: u16,
    /// Orders of which the end is not known, oldest first; at most [`super::MOST_OPEN`].
    pub open: Vec<Open>,
    /// The newest order that consumed a version.
    pub done: Option<Done>,
}

/// An order that consumed a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// The version.
    pub version: u64,
    /// The order, if this browser was told which.
    pub order: Option<OrderId>,
}

/// What the shopper saw when the button was pressed: version and fingerprint, as the form carries them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Version of the contents.
    pub version: u64,
    /// Fingerprint of products, quantities and prices.
    pub fingerprint: String,
}

/// An order as far as keys are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It stands: the contents are bought.
    Stands,
    /// It is being worked on, by programs or by a person.
    Waits,
    /// It is over, and nothing was taken for it.
    Over,
}

/// When the order of an answer was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// By this press: keys follow each other, so there is no order under a later one.
    ThisPress,
    /// Perhaps by a press before, of which other presses may know more.
    Before,
}

/// Whether the page may say that nothing was charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// Nothing was, for these contents.
    None,
    /// An order of these contents may stand.
    Unsaid,
}

/// What orders answered to a press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrdersAnswer {
    /// This is the order of the key and of this request.
    Order(OrderId, Settled, Age),
    /// The key or the version belongs to this order already (`key_reused`, `already_ordered`).
    Existing(OrderId, Settled),
    /// Refused knowingly, and nothing was written: a price changed, a field is wrong, too many requests.
    Refused,
    /// No answer, or none that tells whether there is an order.
    Unknown,
}

/// What the page does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Goes on to this order.
    Show(OrderId),
    /// Says how the order ended that was just tried, and shows the form again.
    Over(OrderId, Charge),
    /// The key's order was over before this press: sends the same press again, under the next key.
    SendAgain,
    /// Shows the form again with the reason.
    Refused,
    /// Says that it is not known, and shows the form again.
    Unknown,
}

impl Settled {
    /// How an order stands.
    pub fn of(status: OrderStatus) -> Self {
        match status {
            OrderStatus::Confirmed | OrderStatus::Cancelled => Self::Stands,
            OrderStatus::Pending | OrderStatus::ManualReview => Self::Waits,
            OrderStatus::Declined | OrderStatus::Rejected => Self::Over,
        }
    }
}

impl Seen {
    /// As the form carries it.
    pub fn to_field(&self) -> String {
        format!("{}.{}", self.version, self.fingerprint)
    }

    /// From the form's field.
    pub fn parse(field: &str) -> Option<Self> {
        let (version, fingerprint) = field.split_once('.')?;
        let fine = fingerprint.len() == 24 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
        fine.then_some(())?;
        Some(Self { version: version.parse().ok()?, fingerprint: fingerprint.to_owned() })
    }
}

impl Progress {
    /// Other contents are another version: its attempts begin anew. What is unsettled stays so.
    pub(crate) fn cart_changed(&mut self) {
        self.attempt = 0;
    }
}

impl Cart {
    /// The key under which the present contents are ordered.
    pub fn key(&self) -> String {
        key(self.id, self.version, self.progress.attempt)
    }

    /// The order that is known to have come of this version.
    pub fn order_of(&self, version: u64) -> Option<OrderId> {
        let done = self.progress.done.filter(|done| done.version == version).and_then(|done| done.order);
        let mut open = self.progress.open.iter().filter(|open| open.is_of(self.id, version));
        done.or_else(|| open.find(|_| version != self.version).and_then(|open| open.order))
    }

    /// Takes in the answer to the present key.
    pub fn conclude(&mut self, answer: OrdersAnswer, now_us: u64) -> Verdict {
        let version = self.version;
        match answer {
            OrdersAnswer::Order(order, settled, _) | OrdersAnswer::Existing(order, settled) => {
                let was_unsettled = self.is_unsettled(version);
                self.settle((self.id, version), order, settled, &[], now_us);
                if settled != Settled::Over {
                    return Verdict::Show(order);
                }
                self.progress.attempt = self.progress.attempt.saturating_add(1);
                match answer {
                    OrdersAnswer::Order(.., Age::ThisPress) if !was_unsettled => {
                        Verdict::Over(order, Charge::None)
                    }
                    OrdersAnswer::Order(..) => Verdict::Over(order, Charge::Unsaid),
                    _ => Verdict::SendAgain,
                }
            }
            OrdersAnswer::Refused => Verdict::Refused,
            OrdersAnswer::Unknown => {
                self.asked(None, now_us);
                Verdict::Unknown
            }
        }
    }
}

fn key(id: CartId, version: u64, attempt: u16) -> String {
    let hash = Sha256::digest(format!("checkout {id} {version} {attempt}"));
    hex::encode(&hash[..16])
}

#[cfg(test)]
mod tests {
    use shop_contracts::{Currency, Money, ProductId};
    use uuid::Uuid;

    use super::*;

    fn cart() -> Cart {
        let mut cart = Cart::new(CartId([3; 16]), 10);
        cart.add(ProductId::from_slug("lamp"), 1, Money::new(100, Currency::Eur), 20);
        cart
    }

    fn order(n: u8) -> OrderId {
        OrderId::new(Uuid::from_bytes([n; 16]))
    }

    #[test]
    fn no_answer_and_refusals_keep_the_key() {
        let mut cart = cart();
        let key = cart.key();
        assert_eq!(cart.conclude(OrdersAnswer::Unknown, 30), Verdict::Unknown);
        assert!(cart.is_unsettled(20) && cart.key() == key);
        assert_eq!(cart.conclude(OrdersAnswer::Refused, 30), Verdict::Refused);
        assert!(cart.is_unsettled(20) && cart.key() == key, "a refusal does not settle what went before");
    }

    #[test]
    fn declined_order_gives_another_key_and_its_own_version_stays() {
        let mut cart = cart();
        let key = cart.key();
        let verdict = cart.conclude(OrdersAnswer::Order(order(1), Settled::Over, Age::ThisPress), 30);
        assert_eq!(verdict, Verdict::Over(order(1), Charge::None));
        assert!(cart.key() != key && cart.version == 20);
    }

    #[test]
    fn order_that_may_be_of_an_earlier_press_says_nothing_about_charges() {
        for (unsettled, age) in [(false, Age::Before), (true, Age::ThisPress)] {
            let mut cart = cart();
            if unsettled {
                cart.conclude(OrdersAnswer::Unknown, 30);
            }
            let verdict = cart.conclude(OrdersAnswer::Order(order(1), Settled::Over, age), 30);
            assert_eq!(verdict, Verdict::Over(order(1), Charge::Unsaid));
        }
    }

    #[test]
    fn key_of_an_order_that_is_over_is_followed_by_the_next_key_at_once() {
        let mut cart = cart();
        let verdict = cart.conclude(OrdersAnswer::Existing(order(1), Settled::Over), 30);
        assert_eq!((verdict, cart.progress.attempt), (Verdict::SendAgain, 1));
    }

    #[test]
    fn pending_order_keeps_the_cart_until_it_stands() {
        let mut cart = cart();
        cart.conclude(OrdersAnswer::Order(order(1), Settled::Waits, Age::ThisPress), 30);
        assert_eq!((cart.count(), cart.is_unsettled(20)), (1, true));
        cart.settle((cart.id, 20), order(1), Settled::Stands, &[], 50);
        assert!(cart.is_empty() && cart.progress.open.is_empty());
        assert_eq!(cart.order_of(20), Some(order(1)));
    }

    /// A person may still have it delivered.
    #[test]
    fn an_order_that_waits_for_a_person_is_not_over() {
        assert_eq!(Settled::of(OrderStatus::ManualReview), Settled::Waits);
    }

    #[test]
    fn what_was_seen_survives_the_form() {
        let seen = Seen { version: u64::MAX, fingerprint: "0123456789abcdef01234567".to_owned() };
        assert_eq!(Seen::parse(&seen.to_field()), Some(seen));
        for wrong in ["", "1", "1.", "x.0123456789abcdef01234567", "1.zz"] {
            assert_eq!(Seen::parse(wrong), None, "{wrong}");
        }
    }
}
