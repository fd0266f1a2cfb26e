//! A cart as the bytes in its cookie: 26 bytes a line, so that a full cart fits into one.
//!
//! | field | bytes |
//! |---|---|
//! | format, 1 | 1 |
//! | id | 16 |
//! | version | 8 |
//! | attempt | 2 |
//! | marks: 1 unsettled, 2 with its order, 4 done | 1 |
//! | unsettled: version, and order when marked | 8 or 24 |
//! | done: version, order | 24 |
//! | lines: product 16, quantity 1, currency of the price seen 1 (0 none), amount 8 | 26 each |
//!
//! Integers are big-endian. Bytes of another format or length read as no cart.

use shop_contracts::{Currency, Money, OrderId, ProductId};
use uuid::Uuid;

use super::contents::{Cart, CartId, CartLine, MAX_LINES, MAX_QUANTITY};
use crate::checkout::{Done, Progress, Unsettled};

const FORMAT: u8 = 1;
const UNSETTLED: u8 = 1;
const UNSETTLED_ORDER: u8 = 2;
const DONE: u8 = 4;
const CURRENCIES: [Currency; 3] = [Currency::Eur, Currency::Gbp, Currency::Usd];

impl Cart {
    /// The bytes of this cart.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96 + 26 * self.lines.len());
        out.push(FORMAT);
        out.extend(self.id.0);
        out.extend(self.version.to_be_bytes());
        let Progress { attempt, unsettled, done } = self.progress;
        out.extend(attempt.to_be_bytes());
        let order = unsettled.and_then(|unsettled| unsettled.order);
        let mark = |set: bool, mark| if set { mark } else { 0 };
        out.push(
            mark(unsettled.is_some(), UNSETTLED)
                | mark(order.is_some(), UNSETTLED_ORDER)
                | mark(done.is_some(), DONE),
        );
        if let Some(unsettled) = unsettled {
            out.extend(unsettled.version.to_be_bytes());
            out.extend(order.iter().flat_map(|order| *order.uuid().as_bytes()));
        }
        if let Some(done) = done {
            out.extend(done.version.to_be_bytes());
            out.extend(done.order.uuid().as_bytes());
        }
        for line in &self.lines {
            out.extend(line.product_id.uuid().as_bytes());
            out.push(line.quantity as u8);
            let currency = line.seen.and_then(|seen| CURRENCIES.iter().position(|c| *c == seen.currency));
            out.push(currency.map_or(0, |at| at as u8 + 1));
            out.extend(line.seen.map_or(0, |seen| seen.amount_minor).to_be_bytes());
        }
        out
    }

    /// The cart of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        if rest.byte()? != FORMAT {
            return None;
        }
        let id = CartId(rest.take()?);
        let version = rest.integer()?;
        let attempt = u16::from_be_bytes(rest.take()?);
        let marks = rest.byte()?;
        let unsettled = if marks & UNSETTLED != 0 {
            let version = rest.integer()?;
            let order = if marks & UNSETTLED_ORDER != 0 { Some(rest.order()?) } else { None };
            Some(Unsettled { version, order })
        } else {
            None
        };
        let done = if marks & DONE != 0 {
            Some(Done { version: rest.integer()?, order: rest.order()? })
        } else {
            None
        };
        let mut lines = Vec::new();
        while !rest.0.is_empty() {
            lines.push(rest.line()?);
        }
        (lines.len() <= MAX_LINES).then_some(Self {
            id,
            version,
            lines,
            progress: Progress { attempt, unsettled, done },
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn integer(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn order(&mut self) -> Option<OrderId> {
        self.take().map(|bytes| OrderId::new(Uuid::from_bytes(bytes)))
    }

    fn line(&mut self) -> Option<CartLine> {
        let product_id = ProductId::new(Uuid::from_bytes(self.take()?));
        let quantity = u32::from(self.byte()?);
        let currency = self.byte()?;
        let amount = self.take().map(i64::from_be_bytes)?;
        let seen = match currency {
            0 => None,
            at => Some(Money::new(amount, *CURRENCIES.get(usize::from(at) - 1)?)),
        };
        (1..=MAX_QUANTITY).contains(&quantity).then_some(CartLine { product_id, quantity, seen })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full() -> Cart {
        let mut cart = Cart::new(CartId([7; 16]), 1_800_000_000_000_000);
        for n in 0..MAX_LINES {
            let product = ProductId::from_slug(&n.to_string());
            cart.add(product, 99, Money::new(i64::MAX, Currency::Usd), 0);
        }
        let order = OrderId::new(Uuid::from_bytes([9; 16]));
        cart.progress = Progress {
            attempt: 3,
            unsettled: Some(Unsettled { version: 1, order: Some(order) }),
            done: Some(Done { version: 2, order }),
        };
        cart
    }

    #[test]
    fn a_full_cart_survives_and_fits_into_a_cookie() {
        let cart = full();
        let bytes = cart.to_bytes();
        assert_eq!(Cart::from_bytes(&bytes), Some(cart));
        assert!(bytes.len() * 4 / 3 < 2_000, "{} bytes", bytes.len());
        let empty = Cart::new(CartId([7; 16]), 5);
        assert_eq!(Cart::from_bytes(&empty.to_bytes()), Some(empty));
    }

    #[test]
    fn cut_bytes_are_no_cart() {
        let bytes = full().to_bytes();
        for length in 0..100 {
            let whole_lines = length >= 76 && (length - 76) % 26 == 0;
            assert!(Cart::from_bytes(&bytes[..length]).is_none() || whole_lines, "{length}");
        }
        assert_eq!(Cart::from_bytes(&[&[2], &bytes[1..]].concat()), None, "another format");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(cart) = Cart::from_bytes(&bytes) {
                prop_assert_eq!(Cart::from_bytes(&cart.to_bytes()), Some(cart));
            }
        }
    }
}
