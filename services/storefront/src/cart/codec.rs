//! A cart as the bytes in its cookie: 26 bytes a line, so that a full cart fits into one.
//!
//! | field | bytes |
//! |---|---|
//! | format, 1 to 3 | 1 |
//! | id | 16 |
//! | version | 8 |
//! | attempt | 2 |
//! | marks: 4 done, 8 kept, 16 done without its order (1 and 2: see below) | 1 |
//! | done: version, order unless marked without | 8 or 24 |
//! | from format 2 on, when marked: account 16, revision 8, whether it is current 1 | 25 |
//! | from format 2 on: number of open orders, then each: cart 16, version 8, time 4, whether its order follows 1, order 16, number of pieces 1, each product 16 and quantity 1 | 1 and more |
//! | from format 2 on: number of carts that became part of it, then each: cart 16, version 8, in format 3 the version up to which its orders are accounted for 8 | 1 and more |
//! | lines: product 16, quantity 1, currency of the price seen 1 (0 none), amount 8 | 26 each |
//!
//! Integers are big-endian. A cart that is neither kept nor has open orders is written in format 1, which storefronts from
//! before format 2 read. Format 3 is written where it says more than format 2. In format 1 of storefronts from before, mark 1 says that an open order of a version of this cart follows the marks (version 8),
//! and mark 2 that its order follows (16). Bytes of another format or length read as no cart.

use shop_contracts::identity::KeptLine;
use shop_contracts::{AccountId, Currency, Money, OrderId, ProductId};
use uuid::Uuid;

use super::contents::{Cart, CartId, CartLine, MAX_LINES, MAX_QUANTITY};
use super::kept::{KeptBy, MOST_MERGED, Merged};
use crate::checkout::{Done, MOST_OPEN, Open, Progress};

const PLAIN: u8 = 1;
const FULL: u8 = 2;
const ACCOUNTED: u8 = 3;
const UNSETTLED: u8 = 1;
const UNSETTLED_ORDER: u8 = 2;
const DONE: u8 = 4;
const KEPT: u8 = 8;
const DONE_UNNAMED: u8 = 16;
const CURRENCIES: [Currency; 3] = [Currency::Eur, Currency::Gbp, Currency::Usd];

impl Cart {
    /// The bytes of this cart.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96 + 26 * self.lines.len());
        let Progress { attempt, open, done } = &self.progress;
        let unnamed = done.is_some_and(|done| done.order.is_none());
        let is_plain = self.kept.is_none() && open.is_empty() && self.merged.is_empty() && !unnamed;
        out.push(match (is_plain, self.merged.iter().any(|one| one.ordered > 0)) {
            (true, _) => PLAIN,
            (false, false) => FULL,
            (false, true) => ACCOUNTED,
        });
        out.extend(self.id.0);
        out.extend(self.version.to_be_bytes());
        out.extend(attempt.to_be_bytes());
        let mark = |set: bool, mark| if set { mark } else { 0 };
        out.push(mark(done.is_some(), DONE) | mark(self.kept.is_some(), KEPT) | mark(unnamed, DONE_UNNAMED));
        if let Some(done) = done {
            out.extend(done.version.to_be_bytes());
            out.extend(done.order.iter().flat_map(|order| *order.uuid().as_bytes()));
        }
        if !is_plain {
            self.write_full(&mut out);
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

    fn write_full(&self, out: &mut Vec<u8>) {
        if let Some(kept) = self.kept {
            out.extend(kept.account.uuid().as_bytes());
            out.extend(kept.revision.to_be_bytes());
            out.push(u8::from(kept.is_current));
        }
        out.push(self.progress.open.len() as u8);
        for open in &self.progress.open {
            out.extend(open.cart.0);
            out.extend(open.version.to_be_bytes());
            out.extend(open.asked_at.to_be_bytes());
            out.push(u8::from(open.order.is_some()));
            out.extend(open.order.iter().flat_map(|order| *order.uuid().as_bytes()));
            out.push(open.lines.len() as u8);
            for piece in &open.lines {
                out.extend(piece.product_id.uuid().as_bytes());
                out.push(piece.quantity as u8);
            }
        }
        out.push(self.merged.len() as u8);
        let is_accounted = out[0] == ACCOUNTED;
        for one in &self.merged {
            out.extend(one.id.0);
            out.extend(one.version.to_be_bytes());
            out.extend(is_accounted.then(|| one.ordered.to_be_bytes()).into_iter().flatten());
        }
    }

    /// The cart of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        let format = rest.byte().filter(|format| [PLAIN, FULL, ACCOUNTED].contains(format))?;
        let id = CartId(rest.take()?);
        let mut cart = Self::new(id, rest.integer()?);
        cart.progress.attempt = u16::from_be_bytes(rest.take()?);
        let marks = rest.byte()?;
        if marks & UNSETTLED != 0 {
            let version = rest.integer()?;
            let order = if marks & UNSETTLED_ORDER != 0 { Some(rest.order()?) } else { None };
            let is_present = version == cart.version;
            let open = Open { cart: id, version, order, asked_at: 0, lines: Vec::new() };
            // Of an older version those storefronts do not know the pieces any more.
            cart.progress.open.extend(is_present.then_some(open));
        }
        if marks & DONE != 0 {
            let version = rest.integer()?;
            let order = if marks & DONE_UNNAMED != 0 { None } else { Some(rest.order()?) };
            cart.progress.done = Some(Done { version, order });
        }
        if format != PLAIN {
            rest.full(&mut cart, marks & KEPT != 0, format == ACCOUNTED)?;
        }
        while !rest.0.is_empty() {
            cart.lines.push(rest.line()?);
        }
        (cart.lines.len() <= MAX_LINES).then_some(cart)
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

    /// A number that is at most `most`.
    fn count(&mut self, most: usize) -> Option<usize> {
        self.byte().map(usize::from).filter(|count| *count <= most)
    }

    fn order(&mut self) -> Option<OrderId> {
        self.take().map(|bytes| OrderId::new(Uuid::from_bytes(bytes)))
    }

    fn full(&mut self, cart: &mut Cart, is_kept: bool, is_accounted: bool) -> Option<()> {
        if is_kept {
            let account = AccountId::new(Uuid::from_bytes(self.take()?));
            cart.kept = Some(KeptBy { account, revision: self.integer()?, is_current: self.byte()? != 0 });
        }
        for _ in 0..self.count(MOST_OPEN)? {
            let (id, version) = (CartId(self.take()?), self.integer()?);
            let asked_at = u32::from_be_bytes(self.take()?);
            let order = if self.byte()? != 0 { Some(self.order()?) } else { None };
            let mut open = Open { cart: id, version, order, asked_at, lines: Vec::new() };
            for _ in 0..self.count(MAX_LINES)? {
                let piece = self.piece()?;
                open.lines.push(piece);
            }
            cart.progress.open.push(open);
        }
        for _ in 0..self.count(MOST_MERGED)? {
            let (id, version) = (CartId(self.take()?), self.integer()?);
            let ordered = if is_accounted { self.integer()? } else { 0 };
            cart.merged.push(Merged { id, version, ordered });
        }
        Some(())
    }

    fn piece(&mut self) -> Option<KeptLine> {
        let product_id = ProductId::new(Uuid::from_bytes(self.take()?));
        let quantity = u32::from(self.byte()?);
        (1..=MAX_QUANTITY).contains(&quantity).then_some(KeptLine { product_id, quantity })
    }

    fn line(&mut self) -> Option<CartLine> {
        let KeptLine { product_id, quantity } = self.piece()?;
        let currency = self.byte()?;
        let amount = self.take().map(i64::from_be_bytes)?;
        let seen = match currency {
            0 => None,
            at => Some(Money::new(amount, *CURRENCIES.get(usize::from(at) - 1)?)),
        };
        Some(CartLine { product_id, quantity, seen })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain() -> Cart {
        let mut cart = Cart::new(CartId([7; 16]), 1_800_000_000_000_000);
        for n in 0..MAX_LINES {
            let product = ProductId::from_slug(&n.to_string());
            cart.add(product, 99, Money::new(i64::MAX, Currency::Usd), 0);
        }
        let order = OrderId::new(Uuid::from_bytes([9; 16]));
        let done = Some(Done { version: 2, order: Some(order) });
        cart.progress = Progress { attempt: 3, open: Vec::new(), done };
        cart
    }

    fn full() -> Cart {
        let mut cart = plain();
        let pieces = cart.pieces();
        let open = |version, order, lines: &[KeptLine]| Open {
            cart: CartId([8; 16]),
            version,
            order,
            asked_at: 1_800_000_000,
            lines: lines.to_vec(),
        };
        let order = Some(OrderId::new(Uuid::from_bytes([9; 16])));
        cart.progress.open = vec![
            open(1, None, &pieces[..20]),
            open(2, order, &pieces[20..40]),
            open(3, order, &pieces[40..]),
            open(4, order, &[]),
        ];
        let account = AccountId::new(Uuid::from_bytes([5; 16]));
        cart.kept = Some(KeptBy { account, revision: 77, is_current: true });
        cart.merged = vec![Merged { id: CartId([6; 16]), version: 5, ordered: 4 }; MOST_MERGED];
        cart.progress.done = Some(Done { version: 2, order: None });
        cart
    }

    #[test]
    fn a_full_cart_survives_and_fits_into_a_cookie() {
        let cart = full();
        let bytes = cart.to_bytes();
        assert_eq!(Cart::from_bytes(&bytes), Some(cart));
        assert!(bytes.len() * 4 / 3 < 3_800, "{} bytes", bytes.len());
        let empty = Cart::new(CartId([7; 16]), 5);
        assert_eq!(Cart::from_bytes(&empty.to_bytes()), Some(empty));
    }

    #[test]
    fn a_guest_s_cart_is_written_as_storefronts_from_before_read_it() {
        let bytes = plain().to_bytes();
        assert_eq!((bytes[0], bytes.len()), (1, 28 + 24 + 26 * MAX_LINES));
        assert_eq!(Cart::from_bytes(&bytes), Some(plain()));
    }

    #[test]
    fn what_storefronts_from_before_can_read_is_written_as_they_read_it() {
        let mut cart = full();
        assert_eq!(cart.to_bytes()[0], 3);
        cart.merged.iter_mut().for_each(|one| one.ordered = 0);
        assert_eq!(cart.to_bytes()[0], 2);
        assert_eq!(Cart::from_bytes(&cart.to_bytes()), Some(cart));
    }

    #[test]
    fn an_open_order_of_storefronts_from_before_is_read() {
        let cart = Cart::new(CartId([7; 16]), 5);
        let mut bytes = cart.to_bytes();
        let marks = bytes.len() - 1;
        bytes[marks] = 3;
        bytes.extend(5_u64.to_be_bytes());
        bytes.extend([9; 16]);
        let read = Cart::from_bytes(&bytes).unwrap();
        assert_eq!(
            read.unsettled().and_then(|open| open.order),
            Some(OrderId::new(Uuid::from_bytes([9; 16])))
        );
    }

    #[test]
    fn cut_bytes_are_no_cart() {
        let bytes = plain().to_bytes();
        for length in 0..100 {
            let whole_lines = length >= 52 && (length - 52) % 26 == 0;
            assert!(Cart::from_bytes(&bytes[..length]).is_none() || whole_lines, "{length}");
        }
        assert_eq!(Cart::from_bytes(&[&[4], &bytes[1..]].concat()), None, "another format");
        let bytes = full().to_bytes();
        for length in 0..bytes.len() - 26 * MAX_LINES {
            assert_eq!(Cart::from_bytes(&bytes[..length]), None, "{length}");
        }
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
