//! What becomes of a cart when its visitor logs in: it and the cart that the account kept become one. Pure.
//!
//! What must always hold: logging in, also twice, neither loses nor doubles what is in them. So two states of one cart
//! are told by its id, and the later one stays; the pieces of two carts are added, within the bounds of a cart.

use shop_contracts::identity::{KeptCart, KeptLine};

use super::contents::{Cart, CartId, CartLine, MAX_LINES, MAX_QUANTITY};

impl Cart {
    /// What an account keeps of it.
    pub fn to_kept(&self) -> KeptCart {
        let line = |line: &CartLine| KeptLine { product_id: line.product_id, quantity: line.quantity };
        KeptCart {
            id: self.id.to_string(),
            version: self.version,
            lines: self.lines.iter().map(line).collect(),
        }
    }

    /// The cart that an account kept, for a browser that has none: the same cart, so that of one of its versions there
    /// is at most one order, whichever browser sends it. Nothing when there is nothing in it.
    pub fn from_kept(kept: &KeptCart) -> Option<Self> {
        let id = <[u8; 16]>::try_from(hex::decode(&kept.id).ok()?).ok()?;
        let mut cart = Self::new(CartId(id), kept.version);
        for line in &kept.lines {
            cart.put(line);
        }
        (!cart.is_empty()).then_some(cart)
    }

    /// Takes in the cart that the account kept. Answers how many products found no room.
    pub fn take_in(&mut self, kept: &KeptCart, now_us: u64) -> usize {
        let is_later = kept.version > self.version;
        if kept.id != self.id.to_string() {
            let left_out = kept.lines.iter().filter(|line| !self.put(line)).count();
            if left_out < kept.lines.len() {
                self.changed(now_us);
            }
            return left_out;
        }
        if is_later {
            let seen = std::mem::take(&mut self.lines);
            for line in &kept.lines {
                self.put(line);
            }
            for line in &mut self.lines {
                line.seen =
                    seen.iter().find(|one| one.product_id == line.product_id).and_then(|one| one.seen);
            }
            self.version = kept.version;
            self.progress.cart_changed();
        }
        0
    }

    /// Puts pieces in whose price nobody has seen here. False when there is no room for another product.
    fn put(&mut self, kept: &KeptLine) -> bool {
        let quantity = kept.quantity.clamp(1, MAX_QUANTITY);
        if let Some(line) = self.lines.iter_mut().find(|line| line.product_id == kept.product_id) {
            line.quantity = (line.quantity + quantity).min(MAX_QUANTITY);
        } else if self.lines.len() >= MAX_LINES {
            return false;
        } else {
            self.lines.push(CartLine { product_id: kept.product_id, quantity, seen: None });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use shop_contracts::{Currency, Money, ProductId};

    use super::*;

    const PRICE: Money = Money::new(100, Currency::Eur);

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

    #[test]
    fn pieces_of_two_carts_are_added_and_a_second_log_in_adds_nothing() {
        let (mut guest, kept) = (cart(1, &[("lamp", 2), ("rope", 1)]), cart(2, &[("lamp", 3), ("sail", 1)]));
        let before = guest.clone();
        assert_eq!(guest.take_in(&kept.to_kept(), 2_000), 0);
        assert_eq!(contents(&guest), expected(&[("lamp", 5), ("rope", 1), ("sail", 1)]));
        assert!(guest.version > before.version && guest.id == before.id);
        // The second press comes with the cookie of the first.
        let mut again = before;
        again.take_in(&guest.to_kept(), 3_000);
        assert_eq!((contents(&again), again.version), (contents(&guest), guest.version));
        assert_eq!(again.lines[0].seen, Some(PRICE));
    }

    #[test]
    fn of_one_cart_the_later_contents_stay() {
        let mut here = cart(1, &[("lamp", 2)]);
        let mut there = here.clone();
        there.set_quantity(ProductId::from_slug("lamp"), 1, 5_000);
        let kept = there.to_kept();
        here.take_in(&kept, 9_000);
        assert_eq!((contents(&here), here.version), (expected(&[("lamp", 1)]), 5_000));
        here.add(ProductId::from_slug("rope"), 1, PRICE, 10_000);
        let before = here.clone();
        here.take_in(&kept, 11_000);
        assert_eq!(here, before, "what was kept is older");
    }

    #[test]
    fn bounds_hold_and_what_finds_no_room_is_counted() {
        let many: Vec<String> = (0..MAX_LINES).map(|n| n.to_string()).collect();
        let many: Vec<(&str, u32)> = many.iter().map(|name| (name.as_str(), 60)).collect();
        let mut full = cart(1, &many);
        assert_eq!(full.take_in(&cart(2, &[("0", 60), ("one more", 1)]).to_kept(), 2_000), 1);
        assert_eq!((full.lines.len(), full.lines[0].quantity), (MAX_LINES, MAX_QUANTITY));
    }

    #[test]
    fn a_browser_without_a_cart_gets_the_kept_one_as_it_was() {
        let kept = cart(3, &[("lamp", 2)]);
        let adopted = Cart::from_kept(&kept.to_kept()).unwrap();
        assert_eq!(
            (adopted.id, adopted.version, contents(&adopted)),
            (kept.id, kept.version, contents(&kept))
        );
        assert_eq!(adopted.key(), kept.key(), "one version is at most one order");
        assert_eq!(Cart::from_kept(&KeptCart::default()), None);
        assert_eq!(Cart::from_kept(&cart(4, &[]).to_kept()), None);
    }
}
