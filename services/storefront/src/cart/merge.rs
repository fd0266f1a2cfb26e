//! What becomes of a visitor's cart and of the one that the account keeps: they become one. Pure.
//!
//! What must always hold: logging in, also twice and from several devices, neither loses nor doubles what is in them. So a
//! browser remembers which revision of the account's cart it worked with: what it did not change since is the account's,
//! and what nobody else changed since is the browser's. A guest's cart is added once: the account's remembers in which
//! version it took it in, and keeps its own name: the account's other devices, which may not be able to ask, order by it.
//! Where both sides changed and neither knows of the other (identity was away), of each product the
//! larger number stays. What may be an order already is set aside first and never added; where the larger number stays it
//! counts, because one side's contents may be the very pieces that the other set aside.

use std::collections::BTreeMap;

use shop_contracts::AccountId;
use shop_contracts::identity::{KeptCart, KeptLine};
use uuid::Uuid;

use super::contents::{Cart, CartLine, MAX_QUANTITY};
use super::kept::KeptBy;
use crate::checkout::MOST_OPEN;

/// Pieces of each product.
type Held = BTreeMap<Uuid, u32>;

/// What the pieces of two carts are to each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pieces {
    /// Put in apart: both are wanted.
    Others,
    /// Once the same, and both changed since: of each product the larger number stays.
    Same,
}

impl Cart {
    /// The visitor's cart once it and the account's are one, and how many products found no room. `mine` is the browser's;
    /// whether the result has to be kept says [`Cart::is_kept`]. Nothing when there is nothing on either side.
    pub fn bring_together(
        mine: Option<Self>,
        kept: &KeptCart,
        account: AccountId,
        now_us: u64,
    ) -> (Option<Self>, usize) {
        let theirs = Self::from_kept(kept, account);
        let mine = mine.filter(|mine| !mine.is_of_another(account));
        let (mut mine, theirs) = match (mine, theirs) {
            (None, theirs) => return (theirs, 0),
            (Some(mut mine), None) => {
                mine.kept = Some(KeptBy { account, revision: kept.revision, is_current: false });
                return (Some(mine), 0);
            }
            (Some(mine), Some(theirs)) => (mine, theirs),
        };
        let worked_with = mine.kept.filter(|kept| kept.account == account);
        let known = theirs.merged.iter().rev().find(|one| one.id == mine.id).map(|one| one.version);
        let (cart, left_out) = match (worked_with, known) {
            (Some(by), _) if by.revision >= kept.revision => (mine, 0),
            (Some(by), _) if by.is_current || mine.is_same_as(&theirs) => (theirs.seen_as_in(&mine), 0),
            (Some(_), _) => theirs.joined(mine, now_us, Pieces::Same),
            (None, Some(version)) if mine.version <= version => (theirs.seen_as_in(&mine), 0),
            (None, Some(_)) => theirs.joined(mine, now_us, Pieces::Same),
            (None, None) if mine.id == theirs.id && mine.version <= theirs.version => {
                (theirs.seen_as_in(&mine), 0)
            }
            (None, None) if mine.id == theirs.id => {
                mine.kept = theirs.kept;
                mine.differs_from_kept();
                (mine, 0)
            }
            (None, None) => theirs.joined(mine, now_us, Pieces::Others),
        };
        (Some(cart), left_out)
    }

    /// Whether this browser's cart and the account's do not know of each other.
    pub fn are_to_be_joined(&self, kept: &KeptCart, account: AccountId) -> bool {
        let worked_with = self.kept.filter(|by| by.account == account);
        !self.is_of_another(account)
            && worked_with.is_none_or(|by| !by.is_current && by.revision < kept.revision)
    }

    /// Whether this browser's cart and the account's were both changed and neither knows of the other. Of each product the
    /// larger number stays then: of pieces that were put in on both sides some are lost, so it is to be told.
    pub fn changed_apart_from(&self, kept: &KeptCart, account: AccountId) -> bool {
        let Some(theirs) = Self::from_kept(kept, account).filter(|_| !self.is_of_another(account)) else {
            return false;
        };
        match self.kept {
            Some(by) => !by.is_current && by.revision < kept.revision && !self.is_same_as(&theirs),
            None => theirs.merged.iter().any(|one| one.id == self.id && one.version < self.version),
        }
    }

    /// Pieces in it and set aside with its open orders.
    fn held(&self) -> Held {
        let mut held = Held::new();
        count(&mut held, &self.pieces());
        self.progress.open.iter().for_each(|open| count(&mut held, &open.lines));
        held
    }

    /// With the prices that were seen in another browser state.
    fn seen_as_in(mut self, other: &Self) -> Self {
        self.take_over_seen(&other.lines);
        if self.id == other.id && self.progress.done.is_some_and(|done| done.order.is_none()) {
            let known = other
                .progress
                .done
                .filter(|done| Some(done.version) == self.progress.done.map(|d| d.version));
            self.progress.done = known.or(self.progress.done);
        }
        self
    }

    fn take_over_seen(&mut self, lines: &[CartLine]) {
        for line in self.lines.iter_mut().filter(|line| line.seen.is_none()) {
            line.seen = lines.iter().find(|one| one.product_id == line.product_id).and_then(|one| one.seen);
        }
    }

    /// Both in one. Answers how many products found no room.
    fn joined(mut self, mut mine: Self, now_us: u64, pieces: Pieces) -> (Self, usize) {
        self.set_aside();
        mine.set_aside();
        let (here, there) = (self.held(), mine.held());
        let mut set_aside = Held::new();
        for open in std::mem::take(&mut mine.progress.open) {
            let known = &mut self.progress.open;
            match known.iter().position(|one| one.is_of(open.cart, open.version)) {
                Some(at) => known[at].order = known[at].order.or(open.order),
                None if known.len() < MOST_OPEN => known.push(open),
                // It may be an order all the same: its pieces are not in the cart.
                None => count(&mut set_aside, &open.lines),
            }
        }
        self.progress.open.iter().for_each(|open| count(&mut set_aside, &open.lines));
        let mut left_out = 0;
        for KeptLine { product_id, quantity } in mine.pieces() {
            let is_in = self.lines.iter().any(|line| line.product_id == product_id);
            let more = if is_in && pieces == Pieces::Same { 0 } else { quantity };
            if more > 0 && !self.put(&KeptLine { product_id, quantity: more }) {
                left_out += 1;
            }
        }
        if pieces == Pieces::Same {
            for line in &mut self.lines {
                let of = |held: &Held| held.get(&line.product_id.uuid()).copied().unwrap_or_default();
                line.quantity = of(&here).max(of(&there)).saturating_sub(of(&set_aside)).min(MAX_QUANTITY);
            }
            self.lines.retain(|line| line.quantity > 0);
        }
        self.take_over_seen(&mine.lines);
        if self.id == mine.id {
            // What only one side knows to be bought may still be among the other's lines: orders is asked again.
            self.progress.done = self
                .progress
                .done
                .zip(mine.progress.done)
                .map(|(a, b)| if a.version <= b.version { a } else { b });
        } else {
            self.took_in(&mine);
        }
        self.version = self.version.max(mine.version);
        self.changed(now_us);
        self.differs_from_kept();
        (self, left_out)
    }
}

fn count(held: &mut Held, pieces: &[KeptLine]) {
    for piece in pieces {
        *held.entry(piece.product_id.uuid()).or_default() += piece.quantity;
    }
}

#[cfg(test)]
mod tests {
    use shop_contracts::{Currency, Money, OrderId, ProductId};

    use super::*;
    use crate::cart::{CartId, MAX_LINES};
    use crate::checkout::{Age, OrdersAnswer, Settled};

    const PRICE: Money = Money::new(100, Currency::Eur);

    fn kim() -> AccountId {
        AccountId::new(Uuid::from_bytes([7; 16]))
    }

    fn cart(id: u8, lines: &[(&str, u32)]) -> Cart {
        let mut cart = Cart::new(CartId([id; 16]), 1_000);
        for (product, quantity) in lines {
            cart.add(ProductId::from_slug(product), *quantity, PRICE, 1_000);
        }
        cart
    }

    fn contents(cart: &Cart) -> Vec<(ProductId, u32)> {
        cart.lines.iter().map(|line| (line.product_id, line.quantity)).collect()
    }

    fn expected(lines: &[(&str, u32)]) -> Vec<(ProductId, u32)> {
        lines.iter().map(|(product, quantity)| (ProductId::from_slug(product), *quantity)).collect()
    }

    /// What the account keeps once it took this one in.
    fn kept(cart: &Cart, revision: u64) -> KeptCart {
        KeptCart { revision, if_revision: None, ..cart.to_kept() }
    }

    fn together(mine: &Cart, kept: &KeptCart) -> Cart {
        Cart::bring_together(Some(mine.clone()), kept, kim(), 5_000).0.unwrap()
    }

    #[test]
    fn pieces_of_two_carts_are_added_and_a_second_log_in_adds_nothing() {
        let (guest, phone) = (cart(1, &[("lamp", 2), ("rope", 1)]), cart(2, &[("lamp", 3), ("sail", 1)]));
        assert!(!guest.changed_apart_from(&kept(&phone, 1), kim()), "they are added");
        let mut both = together(&guest, &kept(&phone, 1));
        assert_eq!(contents(&both), expected(&[("lamp", 5), ("sail", 1), ("rope", 1)]));
        let mut more = guest.clone();
        more.add(ProductId::from_slug("lamp"), 1, PRICE, 2_000);
        assert!(more.changed_apart_from(&kept(&both, 2), kim()), "it was taken in before");
        assert!(!guest.changed_apart_from(&kept(&both, 2), kim()));
        assert!(both.version > guest.version && both.id == phone.id && !both.is_kept(kim()));
        both.was_kept();
        // The second press comes with the cookie of the first, and so does one after a third device took over.
        for account in [kept(&both, 2), kept(&together(&cart(3, &[("oar", 1)]), &kept(&both, 2)), 3)] {
            let again = together(&guest, &account);
            assert_eq!(again.count(), account.lines.iter().map(|line| line.quantity).sum::<u32>());
            assert!(again.is_kept(kim()), "nothing is to be kept");
            assert_eq!(again.lines[0].seen, Some(PRICE));
        }
    }

    /// Its log-in was answered, the answer was lost, and the guest went on.
    #[test]
    fn a_cart_that_was_taken_in_and_changed_since_is_not_added_again() {
        let (guest, phone) = (cart(1, &[("lamp", 2)]), cart(2, &[("lamp", 3)]));
        let both = together(&guest, &kept(&phone, 1));
        let mut more = guest;
        more.add(ProductId::from_slug("rope"), 1, PRICE, 2_000);
        assert_eq!(contents(&together(&more, &kept(&both, 2))), expected(&[("lamp", 5), ("rope", 1)]));
    }

    /// The browser has the account's cart from a session that is over.
    #[test]
    fn the_account_s_own_cart_is_not_added_to_itself() {
        let phone = cart(2, &[("lamp", 3)]);
        assert_eq!(contents(&together(&phone, &kept(&phone, 1))), expected(&[("lamp", 3)]));
    }

    #[test]
    fn an_order_that_only_the_browser_knows_of_stays_known() {
        let order = OrderId::new(Uuid::from_bytes([9; 16]));
        let mut guest = cart(1, &[("rope", 1)]);
        guest.conclude(OrdersAnswer::Order(order, Settled::Waits, Age::ThisPress), 2_000);
        let both = together(&guest, &kept(&cart(2, &[("lamp", 1)]), 1));
        assert_eq!(contents(&both), expected(&[("lamp", 1)]));
        let open = &both.progress.open[0];
        assert_eq!((open.cart, open.order, open.lines.len()), (guest.id, Some(order), 1));
    }

    /// What one side does not know to be bought may still be among its lines.
    #[test]
    fn where_both_changed_only_orders_that_both_know_are_accounted_for() {
        let stands =
            |n| OrdersAnswer::Order(OrderId::new(Uuid::from_bytes([n; 16])), Settled::Stands, Age::ThisPress);
        let mut base = cart(1, &[("lamp", 2)]);
        let first = base.version;
        base.conclude(stands(1), 1_500);
        base.add(ProductId::from_slug("lamp"), 1, PRICE, 1_600);
        base.kept = Some(KeptBy { account: kim(), revision: 4, is_current: true });
        let (mut here, mut there) = (base.clone(), base);
        here.conclude(stands(2), 2_000);
        here.differs_from_kept();
        there.add(ProductId::from_slug("rope"), 1, PRICE, 2_500);
        let both = together(&here, &kept(&there, 5));
        assert_eq!(both.known_orders().carts[0].version, first, "orders is asked again");
    }

    /// A storefront whose clock is ahead changed one of them.
    #[test]
    fn both_in_one_is_a_version_beyond_both() {
        let mut guest = cart(1, &[("rope", 1)]);
        guest.add(ProductId::from_slug("sail"), 1, PRICE, 9_000);
        assert!(together(&guest, &kept(&cart(2, &[("lamp", 1)]), 1)).version > 9_000);
    }

    #[test]
    fn a_cart_comes_back_from_the_account_as_it_was() {
        let order = OrderId::new(Uuid::from_bytes([9; 16]));
        let mut phone = cart(2, &[("lamp", 1)]);
        phone.conclude(OrdersAnswer::Order(order, Settled::Stands, Age::ThisPress), 2_000);
        phone.add(ProductId::from_slug("rope"), 1, PRICE, 3_000);
        phone.conclude(OrdersAnswer::Existing(order, Settled::Over), 4_000);
        let again = Cart::from_kept(&kept(&phone, 7), kim()).unwrap();
        assert_eq!((again.key(), again.known_orders()), (phone.key(), phone.known_orders()));
        assert_eq!((again.progress.attempt, again.to_kept().if_revision), (1, Some(7)));
    }

    #[test]
    fn of_carts_that_became_part_of_one_the_newest_are_remembered() {
        let mut both = cart(1, &[("lamp", 1)]);
        for n in 0..6 {
            both = together(&cart(2 + n, &[("rope", 1)]), &kept(&both, 1));
        }
        let ids: Vec<u8> = both.merged.iter().map(|one| one.id.0[0]).collect();
        assert_eq!(ids, [4, 5, 6, 7]);
    }

    #[test]
    fn what_one_account_keeps_never_becomes_part_of_another_s() {
        let mut left = cart(1, &[("lamp", 1)]);
        let other = AccountId::new(Uuid::from_bytes([8; 16]));
        left.kept = Some(KeptBy { account: other, revision: 3, is_current: false });
        let account = kept(&cart(2, &[("rope", 1)]), 1);
        assert!(!left.are_to_be_joined(&account, kim()));
        assert_eq!(contents(&together(&left, &account)), expected(&[("rope", 1)]));
        let none = KeptCart::default();
        assert_eq!(Cart::bring_together(Some(left), &none, kim(), 5_000), (None, 0));
    }

    #[test]
    fn a_cart_that_was_taken_in_has_its_later_orders_accounted_for_once() {
        let mut guest = cart(1, &[("lamp", 2)]);
        let (bought, order) = (guest.pieces(), OrderId::new(Uuid::from_bytes([9; 16])));
        guest.add(ProductId::from_slug("rope"), 1, PRICE, 1_500);
        let mut both = together(&guest, &kept(&cart(2, &[("lamp", 3)]), 1));
        let through =
            |cart: &Cart| cart.known_orders().carts.iter().map(|one| one.version).collect::<Vec<_>>();
        assert_eq!(through(&both), [0, 0]);
        for _ in 0..2 {
            both.settle((guest.id, 1_001), order, Settled::Stands, &bought, 6_000);
            assert_eq!(contents(&both), expected(&[("lamp", 3), ("rope", 1)]));
            assert_eq!(through(&both), [0, 1_001]);
        }
        assert_eq!(together(&both, &kept(&both, 2)).merged, both.merged, "the account keeps it");
    }

    #[test]
    fn a_device_follows_what_others_changed_and_logging_in_again_adds_nothing() {
        let phone = cart(2, &[("lamp", 1)]);
        let mut laptop = together(&cart(1, &[("rope", 1)]), &kept(&phone, 1));
        laptop.was_kept();
        // The phone follows, then puts something in.
        let by = KeptBy { account: kim(), revision: 1, is_current: true };
        let mut phone = together(&Cart { kept: Some(by), ..phone }, &kept(&laptop, 2));
        assert_eq!(contents(&phone), expected(&[("lamp", 1), ("rope", 1)]));
        phone.add(ProductId::from_slug("sail"), 1, PRICE, 6_000);
        phone.differs_from_kept();
        assert_eq!(together(&phone, &kept(&laptop, 2)), phone, "nobody else changed it");
        let again = together(&laptop, &kept(&phone, 3));
        assert_eq!(contents(&again), expected(&[("lamp", 1), ("rope", 1), ("sail", 1)]));
    }

    #[test]
    fn where_both_changed_unseen_the_larger_number_stays() {
        let mut base = cart(1, &[("lamp", 2)]);
        base.kept = Some(KeptBy { account: kim(), revision: 4, is_current: true });
        let (mut here, mut there) = (base.clone(), base);
        here.add(ProductId::from_slug("rope"), 1, PRICE, 2_000);
        here.differs_from_kept();
        there.set_quantity(ProductId::from_slug("lamp"), 3, 2_500);
        assert!(here.changed_apart_from(&kept(&there, 5), kim()));
        let both = together(&here, &kept(&there, 5));
        assert_eq!(contents(&both), expected(&[("lamp", 3), ("rope", 1)]));
        assert!(both.version > here.version.max(there.version) && !both.is_kept(kim()));
        // What was kept although the answer was lost is no change of somebody else.
        assert!(!here.changed_apart_from(&kept(&here, 5), kim()));
        let lost = together(&here, &kept(&here, 5));
        assert_eq!((contents(&lost), lost.is_kept(kim())), (contents(&here), true));
    }

    /// A press of one device without an answer, while another changed the account's cart.
    #[test]
    fn what_one_side_set_aside_is_not_among_the_contents_of_both() {
        let minute = 60_000_000;
        for (more, left) in [(0, &[("rope", 1)][..]), (1, &[("lamp", 1), ("rope", 1)])] {
            let mut base = cart(1, &[("lamp", 2)]);
            base.kept = Some(KeptBy { account: kim(), revision: 4, is_current: true });
            let (mut here, mut there) = (base.clone(), base);
            here.conclude(OrdersAnswer::Unknown, 2_000);
            here.differs_from_kept();
            there.set_quantity(ProductId::from_slug("lamp"), 2 + more, 2_500);
            there.add(ProductId::from_slug("rope"), 1, PRICE, 2_500);
            let mut both = together(&here, &kept(&there, 5));
            assert_eq!(contents(&both), expected(left), "{more} more");
            assert!(both.give_up(here.id, here.version, 2 * minute));
            let mut pieces: Vec<_> = both.lines.iter().map(|line| line.quantity).collect();
            pieces.sort_unstable();
            assert_eq!(pieces, [1, 2 + more], "what was put in, once");
        }
    }

    #[test]
    fn what_is_being_ordered_is_set_aside_and_not_added() {
        let order = OrderId::new(Uuid::from_bytes([9; 16]));
        let mut phone = cart(2, &[("lamp", 1)]);
        phone.conclude(OrdersAnswer::Order(order, Settled::Waits, Age::ThisPress), 2_000);
        let both = together(&cart(1, &[("rope", 1)]), &kept(&phone, 1));
        assert_eq!(contents(&both), expected(&[("rope", 1)]));
        let open = &both.progress.open[0];
        assert_eq!((open.cart, open.version, open.order), (phone.id, phone.version, Some(order)));
        assert_eq!(open.lines, phone.pieces());
    }

    #[test]
    fn bounds_hold_and_what_finds_no_room_is_counted() {
        let many: Vec<String> = (0..MAX_LINES).map(|n| n.to_string()).collect();
        let many: Vec<(&str, u32)> = many.iter().map(|name| (name.as_str(), 60)).collect();
        let guest = cart(2, &[("0", 60), ("one more", 1)]);
        let (full, left_out) = Cart::bring_together(Some(guest), &kept(&cart(1, &many), 1), kim(), 2_000);
        let full = full.unwrap();
        assert_eq!((full.lines.len(), full.lines[0].quantity, left_out), (MAX_LINES, MAX_QUANTITY, 1));
    }

    #[test]
    fn a_browser_without_a_cart_gets_the_kept_one_as_it_was() {
        let phone = cart(3, &[("lamp", 2)]);
        let adopted = Cart::bring_together(None, &kept(&phone, 1), kim(), 9).0.unwrap();
        assert!(adopted.is_same_as(&phone) && adopted.is_kept(kim()));
        assert_eq!(adopted.key(), phone.key(), "one version is at most one order");
        assert_eq!(Cart::bring_together(None, &KeptCart::default(), kim(), 9), (None, 0));
    }
}
