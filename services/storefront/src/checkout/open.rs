//! Orders of a cart whose end is not known, and what they do to it. Pure.
//!
//! What must always hold: pieces that are or may be an order are never ordered again from the same cart unsaid. As long as
//! the contents stay as they were ordered, a press is the same order (its key). Before they change, the pieces are set
//! aside with the order: they come back when it ends unsold, and are gone when it stands. An order that nobody told this
//! cart of takes its pieces out, and the cart's version is beyond it then: orders of one cart have growing versions, so
//! that one number says which of them a cart accounts for ([`Cart::known_orders`]).

use std::collections::BTreeMap;

use shop_contracts::OrderId;
use shop_contracts::identity::KeptLine;
use shop_contracts::orders::Order;

use super::{Done, Settled};
use crate::cart::{Cart, CartId, MAX_LINES};

/// Open orders of one cart at most.
pub const MOST_OPEN: usize = 4;
/// After so long a request that was sent to orders arrives no more: its deadline has passed there.
pub const ARRIVES_WITHIN_SECONDS: u32 = 60;

/// An order that may or may not stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// The cart that it was made from: this one, or one that became part of it.
    pub cart: CartId,
    /// The version that it was made from.
    pub version: u64,
    /// The order, if orders named it.
    pub order: Option<OrderId>,
    /// When it was asked for, seconds since 1970.
    pub asked_at: u32,
    /// Its pieces once they are set aside; empty while they are the cart's contents.
    pub lines: Vec<KeptLine>,
}

impl Open {
    /// Whether it was made from this version of this cart.
    pub fn is_of(&self, cart: CartId, version: u64) -> bool {
        (self.cart, self.version) == (cart, version)
    }
}

impl Cart {
    /// The open order of the present contents.
    pub fn unsettled(&self) -> Option<&Open> {
        self.progress.open.iter().find(|open| open.is_of(self.id, self.version))
    }

    /// Whether the present contents are an order that orders named: then there is nothing else in the cart.
    pub fn is_ordered(&self) -> bool {
        self.unsettled().is_some_and(|open| open.order.is_some())
    }

    /// Whether an order of this version may stand although nobody said so.
    pub fn is_unsettled(&self, version: u64) -> bool {
        self.progress.open.iter().any(|open| open.is_of(self.id, version))
    }

    /// Whether an order of the present contents can be remembered until its end is known.
    pub fn has_room_for_order(&self) -> bool {
        self.is_unsettled(self.version) || self.progress.open.len() < MOST_OPEN
    }

    /// Before a change: sets pieces aside that may be an order already. False, and no change, when there is no room.
    pub(crate) fn set_aside(&mut self) -> bool {
        let at = self.progress.open.iter().position(|open| open.is_of(self.id, self.version));
        let Some(at) = at else { return true };
        let others: usize = self.progress.open.iter().map(|open| open.lines.len()).sum();
        if others + self.lines.len() > MAX_LINES {
            return false;
        }
        self.progress.open[at].lines = self.pieces();
        self.lines.clear();
        true
    }

    /// Whether an order of this cart, or of one that became part of it, is not accounted for. Then there may be others, and
    /// they are to be learned oldest first.
    pub fn is_news(&self, order: &Order) -> bool {
        made_from(order).is_some_and(|of| {
            let is_known =
                of == (self.id, self.version) || self.progress.open.iter().any(|open| open.is_of(of.0, of.1));
            !is_known && Settled::of(order.status) != Settled::Over && self.is_beyond(of)
        })
    }

    /// Whether everything that an order holds is in it, to be ordered again.
    pub fn holds(&self, order: &Order) -> bool {
        let bought = bought(order);
        !bought.is_empty() && !self.is_unsettled(self.version) && without(&bought, &self.pieces()).is_empty()
    }

    /// Whether an order was made from this version of this cart, and from other contents: two clocks gave two changes one
    /// version.
    pub fn is_of_other_contents(&self, order: &Order) -> bool {
        made_from(order) == Some((self.id, self.version)) && !holds_the_same(&bought(order), &self.pieces())
    }

    /// Takes in how an order stands. True when it changed the cart.
    pub fn learn(&mut self, order: &Order, now_us: u64) -> bool {
        let Some(of) = made_from(order) else { return false };
        let is_open = self.progress.open.iter().any(|open| open.is_of(of.0, of.1));
        if of.0 != self.id && !is_open && !self.is_beyond(of) {
            return false;
        }
        let before = (self.version, self.progress.clone(), self.merged.clone());
        self.settle(of, order.id, Settled::of(order.status), &bought(order), now_us);
        before != (self.version, self.progress.clone(), self.merged.clone())
    }

    /// Gives up waiting for an order that orders does not know and that can arrive no more: its pieces come back. True when
    /// it changed the cart.
    pub fn give_up(&mut self, cart: CartId, version: u64, now_us: u64) -> bool {
        let is_late = |open: &Open| {
            open.order.is_none() && seconds(now_us).saturating_sub(open.asked_at) > ARRIVES_WITHIN_SECONDS
        };
        // Pieces of it may be a later order that another device made: its end comes first.
        let waits = |open: &Open| open.cart == cart && open.version > version && open.order.is_some();
        if self.progress.open.iter().any(waits) {
            return false;
        }
        let at = self.progress.open.iter().position(|open| open.is_of(cart, version) && is_late(open));
        let Some(at) = at else { return false };
        self.put_back(at, now_us);
        true
    }

    /// Notes that an order of the present contents was asked for.
    pub(super) fn asked(&mut self, order: Option<OrderId>, now_us: u64) {
        let (id, version) = (self.id, self.version);
        let asked_at = seconds(now_us);
        match self.progress.open.iter_mut().find(|open| open.is_of(id, version)) {
            Some(open) => {
                open.order = order.or(open.order);
                open.asked_at = asked_at;
            }
            None => {
                self.progress.open.push(Open { cart: id, version, order, asked_at, lines: Vec::new() });
            }
        }
    }

    /// Whether this is a version beyond those of which the orders are accounted for.
    fn is_beyond(&self, of: (CartId, u64)) -> bool {
        if of.0 == self.id {
            return self.progress.done.is_none_or(|done| done.version < of.1);
        }
        self.merged.iter().rev().find(|one| one.id == of.0).is_some_and(|one| one.ordered < of.1)
    }

    /// Notes that an order that stands is accounted for.
    fn account_for(&mut self, of: (CartId, u64), order: OrderId) {
        if of.0 == self.id {
            if self.progress.done.is_none_or(|done| done.version <= of.1) {
                self.progress.done = Some(Done { version: of.1, order: Some(order) });
            }
        } else if let Some(one) = self.merged.iter_mut().rev().find(|one| one.id == of.0) {
            one.ordered = one.ordered.max(of.1);
        }
    }

    /// After pieces were taken out for an order that nobody told of: another version, also where there were none of them.
    fn went_beyond(&mut self, of: (CartId, u64), now_us: u64) {
        if of.0 == self.id {
            self.version = self.version.max(of.1);
        }
        self.changed(now_us);
    }

    /// Takes in how the order of a version of this cart, or of one that became part of it, stands. `bought` are its
    /// pieces; empty means the contents of that version.
    pub(crate) fn settle(
        &mut self,
        of: (CartId, u64),
        order: OrderId,
        settled: Settled,
        bought: &[KeptLine],
        now_us: u64,
    ) {
        let at = self.progress.open.iter().position(|open| open.is_of(of.0, of.1));
        let is_present = of == (self.id, self.version);
        let is_news = at.is_none() && !is_present && self.is_beyond(of);
        // Two clocks gave two changes one version: it is the other's order.
        let is_another = is_present && !bought.is_empty() && !holds_the_same(bought, &self.pieces());
        match settled {
            Settled::Waits if is_another => {
                self.progress.open.retain(|open| !open.is_of(of.0, of.1));
                self.wait_for(of, order, bought, now_us);
            }
            // Nobody told this browser of it, and it put other things in meanwhile.
            Settled::Waits if is_news && self.progress.open.len() < MOST_OPEN && self.set_aside() => {
                self.wait_for(of, order, bought, now_us);
            }
            Settled::Waits => match at {
                Some(at) => self.progress.open[at].order = Some(order),
                None if is_present => self.asked(Some(order), now_us),
                None => {}
            },
            Settled::Stands => {
                if is_news && !self.set_aside() {
                    return;
                }
                let open = at.map(|at| self.progress.open.remove(at));
                if is_present && !is_another {
                    self.clear(now_us);
                } else if is_present || is_news {
                    let taken = self.take_out(bought);
                    self.take_out_of_asked(of.0, &without(bought, &taken));
                    self.went_beyond(of, now_us);
                } else if let Some(open) = open {
                    self.take_out_of_asked(of.0, &without(bought, &open.lines));
                    self.put_back_unbought(&open, bought, now_us);
                }
                self.account_for(of, order);
            }
            Settled::Over => {
                if let Some(at) = at {
                    self.put_back(at, now_us);
                }
            }
        }
    }

    /// Takes the pieces of an order out of the contents until its end is known.
    fn wait_for(&mut self, of: (CartId, u64), order: OrderId, bought: &[KeptLine], now_us: u64) {
        let lines = self.take_out(bought);
        let asked_at = seconds(now_us);
        self.progress.open.push(Open { cart: of.0, version: of.1, order: Some(order), asked_at, lines });
        self.went_beyond(of, now_us);
    }

    /// Takes pieces of an order that stands out of what was set aside with requests that no answer told of: what another
    /// device ordered does not come back when such a request turns out to be none.
    fn take_out_of_asked(&mut self, cart: CartId, pieces: &[KeptLine]) {
        let mut left = pieces.to_vec();
        let asked = self.progress.open.iter_mut().filter(|open| open.cart == cart && open.order.is_none());
        for open in asked.filter(|open| !open.lines.is_empty()) {
            let (before, remains) = (open.lines.clone(), without(&open.lines, &left));
            left = without(&left, &without(&before, &remains));
            open.lines = remains;
        }
    }

    /// What was set aside with an order and is none of its pieces: the order was another's of the same version.
    fn put_back_unbought(&mut self, open: &Open, bought: &[KeptLine], now_us: u64) {
        let left = without(&open.lines, bought);
        if !bought.is_empty() && !left.is_empty() && self.set_aside() {
            for piece in &left {
                self.put(piece);
            }
            self.changed(now_us);
        }
    }

    /// Forgets an open order; its pieces are in the cart again, within the bounds of a cart.
    fn put_back(&mut self, at: usize, now_us: u64) {
        let is_present = self.progress.open[at].is_of(self.id, self.version);
        if is_present {
            self.progress.open.remove(at);
            return;
        }
        // The present contents may be an order themselves: what comes back belongs to the next.
        if !self.set_aside() {
            return;
        }
        let open = self.progress.open.remove(at);
        for piece in &open.lines {
            self.put(piece);
        }
        self.changed(now_us);
    }
}

/// The version of a cart that an order was made from.
fn made_from(order: &Order) -> Option<(CartId, u64)> {
    let cart = order.cart.as_ref()?;
    Some((CartId::parse(&cart.id)?, cart.version))
}

fn bought(order: &Order) -> Vec<KeptLine> {
    let lines = order.lines.iter();
    lines.map(|line| KeptLine { product_id: line.product_id, quantity: line.quantity }).collect()
}

/// Pieces without others, each product once on both sides.
fn without(pieces: &[KeptLine], others: &[KeptLine]) -> Vec<KeptLine> {
    let count = |of: &KeptLine| -> u32 {
        others.iter().filter(|one| one.product_id == of.product_id).map(|one| one.quantity).sum()
    };
    let left =
        pieces.iter().map(|one| KeptLine { quantity: one.quantity.saturating_sub(count(one)), ..*one });
    left.filter(|one| one.quantity > 0).collect()
}

fn holds_the_same(one: &[KeptLine], other: &[KeptLine]) -> bool {
    let counted = |pieces: &[KeptLine]| {
        let mut counts = BTreeMap::<_, u32>::new();
        for piece in pieces {
            *counts.entry(piece.product_id.uuid()).or_default() += piece.quantity;
        }
        counts
    };
    counted(one) == counted(other)
}

fn seconds(now_us: u64) -> u32 {
    u32::try_from(now_us / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use shop_contracts::{Currency, Money, ProductId};
    use uuid::Uuid;

    use super::*;
    use crate::checkout::{Age, OrdersAnswer};

    const PRICE: Money = Money::new(100, Currency::Eur);
    const MINUTE_US: u64 = 60_000_000;

    fn order(n: u8) -> OrderId {
        OrderId::new(Uuid::from_bytes([n; 16]))
    }

    fn product(name: &str) -> ProductId {
        ProductId::from_slug(name)
    }

    /// One lamp, ordered, and then a rope put in.
    fn changed_after(answer: OrdersAnswer) -> Cart {
        let mut cart = Cart::new(CartId([3; 16]), 10);
        cart.add(product("lamp"), 1, PRICE, 20);
        cart.conclude(answer, 30);
        cart.add(product("rope"), 2, PRICE, 40);
        cart
    }

    fn waits(n: u8) -> OrdersAnswer {
        OrdersAnswer::Order(order(n), Settled::Waits, Age::ThisPress)
    }

    fn contents(cart: &Cart) -> Vec<(ProductId, u32)> {
        cart.lines.iter().map(|line| (line.product_id, line.quantity)).collect()
    }

    #[test]
    fn what_is_put_in_while_an_order_is_open_is_another_order() {
        let cart = changed_after(waits(1));
        assert_eq!(contents(&cart), [(product("rope"), 2)]);
        assert_eq!(cart.progress.open[0].lines, [KeptLine { product_id: product("lamp"), quantity: 1 }]);
        assert_eq!(cart.order_of(20), Some(order(1)));
    }

    #[test]
    fn an_order_that_stands_leaves_what_was_put_in_and_one_that_is_over_comes_back() {
        for (settled, expected) in [
            (Settled::Stands, vec![(product("rope"), 2)]),
            (Settled::Over, vec![(product("rope"), 2), (product("lamp"), 1)]),
        ] {
            let mut cart = changed_after(waits(1));
            let before = cart.version;
            cart.settle((cart.id, 20), order(1), settled, &[], 50);
            assert_eq!((contents(&cart), cart.progress.open.len()), (expected, 0));
            assert_eq!(cart.version > before, settled == Settled::Over, "other contents are another version");
        }
    }

    #[test]
    fn of_an_open_order_only_what_is_asked_for_beyond_it_is_in_the_cart() {
        for (quantity, expected) in [(3, vec![(product("lamp"), 2)]), (0, vec![])] {
            let mut cart = Cart::new(CartId([3; 16]), 10);
            cart.add(product("lamp"), 1, PRICE, 20);
            cart.conclude(waits(1), 30);
            cart.set_quantity(product("lamp"), quantity, 40);
            assert_eq!((contents(&cart), cart.progress.open[0].lines.len()), (expected, 1));
        }
    }

    #[test]
    fn a_quantity_is_not_set_when_there_is_no_room_to_set_aside_what_may_be_an_order() {
        let mut cart = Cart::new(CartId([3; 16]), 10);
        for n in 0..MAX_LINES {
            assert!(cart.add(product(&n.to_string()), 1, PRICE, 20));
        }
        cart.conclude(waits(1), 30);
        assert!(cart.add(product("rope"), 1, PRICE, 40));
        cart.conclude(waits(2), 50);
        let before = cart.clone();
        for quantity in [0, 3] {
            assert!(!cart.set_quantity(product("rope"), quantity, 60));
            assert_eq!(cart, before);
        }
    }

    #[test]
    fn an_order_that_never_arrived_comes_back_when_it_can_arrive_no_more() {
        let mut cart = changed_after(OrdersAnswer::Unknown);
        assert!(!cart.give_up(cart.id, 20, MINUTE_US), "it may still arrive");
        assert!(cart.give_up(cart.id, 20, 2 * MINUTE_US));
        assert_eq!(contents(&cart), [(product("rope"), 2), (product("lamp"), 1)]);
        let mut named = changed_after(waits(1));
        assert!(!named.give_up(named.id, 20, 9 * MINUTE_US), "orders knows it");
    }

    #[test]
    fn an_order_that_nobody_told_of_takes_its_pieces_out_once() {
        for settled in [Settled::Stands, Settled::Waits] {
            let mut cart = Cart::new(CartId([3; 16]), 10);
            cart.add(product("lamp"), 1, PRICE, 20);
            cart.add(product("lamp"), 2, PRICE, 40);
            let bought = [KeptLine { product_id: product("lamp"), quantity: 1 }];
            for _ in 0..2 {
                cart.settle((cart.id, 20), order(1), settled, &bought, 50);
                assert_eq!(contents(&cart), [(product("lamp"), 2)], "{settled:?}");
            }
        }
    }

    #[test]
    fn a_cart_is_beyond_each_order_that_it_learned_of() {
        let mut cart = Cart::new(CartId([3; 16]), 10);
        cart.add(product("sail"), 1, PRICE, 20);
        let bought = [KeptLine { product_id: product("lamp"), quantity: 1 }];
        cart.settle((cart.id, 70), order(1), Settled::Stands, &bought, 50);
        assert_eq!((contents(&cart), cart.version), (vec![(product("sail"), 1)], 71));
        assert_eq!(cart.known_orders().carts[0].version, 70);
    }

    /// Two storefronts whose clocks differ gave two changes of one cart the same version.
    #[test]
    fn an_order_of_the_same_version_takes_out_what_it_holds_and_nothing_else() {
        let bought = [("lamp", 1), ("sail", 1)]
            .map(|(name, quantity)| KeptLine { product_id: product(name), quantity });
        for settled in [Settled::Stands, Settled::Waits] {
            for is_asked in [false, true] {
                let mut cart = Cart::new(CartId([3; 16]), 10);
                cart.add(product("lamp"), 1, PRICE, 20);
                cart.add(product("rope"), 1, PRICE, 20);
                if is_asked {
                    cart.conclude(OrdersAnswer::Unknown, 30);
                }
                cart.settle((cart.id, 21), order(1), settled, &bought, 50);
                assert_eq!(contents(&cart), [(product("rope"), 1)], "{settled:?} {is_asked}");
                assert!(cart.version > 21 && cart.unsettled().is_none());
            }
        }
        let mut aside = Cart::new(CartId([3; 16]), 10);
        aside.add(product("rope"), 1, PRICE, 20);
        aside.conclude(OrdersAnswer::Unknown, 30);
        aside.add(product("oar"), 1, PRICE, 40);
        aside.settle((aside.id, 20), order(1), Settled::Stands, &bought, 50);
        assert_eq!(contents(&aside), [(product("oar"), 1), (product("rope"), 1)]);
    }

    /// Each press sends the request anew.
    #[test]
    fn a_press_that_is_repeated_may_arrive_for_as_long_again() {
        let mut cart = Cart::new(CartId([3; 16]), 10);
        cart.add(product("lamp"), 1, PRICE, 20);
        cart.conclude(OrdersAnswer::Unknown, 30);
        cart.conclude(OrdersAnswer::Unknown, MINUTE_US);
        assert!(!cart.give_up(cart.id, 20, MINUTE_US + MINUTE_US / 2));
        assert!(cart.give_up(cart.id, 20, 3 * MINUTE_US));
    }

    /// A later order that another device made may have the very pieces.
    #[test]
    fn an_order_that_never_arrived_waits_for_the_end_of_a_later_one() {
        let mut cart = changed_after(OrdersAnswer::Unknown);
        let bought = [KeptLine { product_id: product("lamp"), quantity: 1 }];
        cart.settle((cart.id, 60), order(2), Settled::Waits, &bought, 70);
        assert!(!cart.give_up(cart.id, 20, 9 * MINUTE_US));
        cart.settle((cart.id, 60), order(2), Settled::Over, &bought, 80);
        assert!(cart.give_up(cart.id, 20, 9 * MINUTE_US));
    }

    #[test]
    fn what_another_device_ordered_does_not_come_back_with_a_request_that_never_arrived() {
        let mut cart = changed_after(OrdersAnswer::Unknown);
        let bought = [KeptLine { product_id: product("lamp"), quantity: 1 }];
        cart.settle((cart.id, 60), order(2), Settled::Stands, &bought, 70);
        cart.give_up(cart.id, 20, 9 * MINUTE_US);
        assert_eq!((contents(&cart), cart.progress.open.len()), (vec![(product("rope"), 2)], 0));
    }

    #[test]
    fn what_comes_back_is_not_added_to_contents_that_may_be_an_order() {
        let mut cart = changed_after(waits(1));
        cart.conclude(waits(2), 50);
        cart.settle((cart.id, 20), order(1), Settled::Over, &[], 60);
        assert_eq!(contents(&cart), [(product("lamp"), 1)]);
        assert_eq!(cart.progress.open[0].lines, [KeptLine { product_id: product("rope"), quantity: 2 }]);
    }

    #[test]
    fn orders_are_told_which_open_ones_a_cart_knows() {
        let mut cart = changed_after(waits(1));
        cart.conclude(OrdersAnswer::Unknown, 50);
        let known = cart.known_orders();
        assert_eq!(known.open, [cart.id.at(20), cart.id.at(40)]);
        assert_eq!(known.carts, [cart.id.at(0)], "neither is accounted for");
    }

    #[test]
    fn open_orders_and_their_pieces_are_bounded() {
        let mut cart = Cart::new(CartId([3; 16]), 10);
        for n in 0..MOST_OPEN as u8 {
            assert!(cart.has_room_for_order());
            cart.add(product("lamp"), 1, PRICE, 100 + u64::from(n));
            cart.conclude(waits(n), 200);
        }
        assert!(cart.has_room_for_order(), "the present contents are one of them");
        cart.add(product("rope"), 1, PRICE, 300);
        assert!(!cart.has_room_for_order());
    }
}
