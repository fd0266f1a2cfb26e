//! What is in a cart, and its version.
//!
//! What must always hold: every change of the contents gives a version that is larger than all before, and two tabs that
//! change the same cart at once do not get the same one. So a version is the microsecond of its change, and one more than
//! the last where the clock did not move. Where two clocks differ, two changes may still get one version: so what an order
//! of it took is read from the order's lines (see [`Cart::learn`]), never from the version alone. Prices seen are no
//! contents.

use shop_contracts::identity::KeptLine;
use shop_contracts::orders::CartRef;
use shop_contracts::{Money, ProductId};

use super::kept::{KeptBy, Merged};
use crate::checkout::Progress;

/// Different products in a cart at most.
pub const MAX_LINES: usize = 50;
/// Pieces of one product in a cart at most.
pub const MAX_QUANTITY: u32 = 99;

/// The public name of a cart: it goes to orders and is no secret of anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CartId(pub [u8; 16]);

/// A product in a cart, with the price that the shopper last saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CartLine {
    /// Which.
    pub product_id: ProductId,
    /// How many.
    pub quantity: u32,
    /// At which price, as last shown.
    pub seen: Option<Money>,
}

/// A cart. Each product stands in it once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cart {
    /// Its public name.
    pub id: CartId,
    /// Grows with every change of the contents.
    pub version: u64,
    /// The contents.
    pub lines: Vec<CartLine>,
    /// How far its checkout has come.
    pub progress: Progress,
    /// The account that keeps it, if one does.
    pub kept: Option<KeptBy>,
    /// Other carts that became part of it, newest last; at most [`super::kept::MOST_MERGED`].
    pub merged: Vec<Merged>,
}

impl std::fmt::Display for CartId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl CartId {
    /// An id as orders and identity know it.
    pub fn parse(text: &str) -> Option<Self> {
        <[u8; 16]>::try_from(hex::decode(text).ok()?).ok().map(Self)
    }

    /// A version of this cart, as orders and identity know it.
    pub fn at(self, version: u64) -> CartRef {
        CartRef { id: self.to_string(), version }
    }
}

impl Cart {
    /// An empty cart; `now_us` is the present time in microseconds.
    pub fn new(id: CartId, now_us: u64) -> Self {
        let (progress, merged) = (Progress::default(), Vec::new());
        Self { id, version: now_us, lines: Vec::new(), progress, kept: None, merged }
    }

    /// Pieces in it.
    pub fn count(&self) -> u32 {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// What an order says that it was made from.
    pub fn reference(&self) -> CartRef {
        self.id.at(self.version)
    }

    /// Puts pieces in, up to the bound for one product. False, and no change, when the cart is full. Contents that may be
    /// an order already are set aside: what is put in now is another one.
    pub fn add(&mut self, product_id: ProductId, quantity: u32, price: Money, now_us: u64) -> bool {
        if !self.set_aside() {
            return false;
        }
        if let Some(line) = self.lines.iter_mut().find(|line| line.product_id == product_id) {
            line.quantity = line.quantity.saturating_add(quantity).min(MAX_QUANTITY);
            line.seen = Some(price);
        } else if self.lines.len() >= MAX_LINES {
            return false;
        } else {
            let quantity = quantity.clamp(1, MAX_QUANTITY);
            self.lines.push(CartLine { product_id, quantity, seen: Some(price) });
        }
        self.changed(now_us);
        true
    }

    /// Sets how many pieces of a product that is in it; none takes it out. Of contents that may be an order already only
    /// what is asked for beyond them stays in it. False, and no change, when pieces are asked for of a product that is not
    /// in it, or when there is no room to set aside what may be an order.
    pub fn set_quantity(&mut self, product_id: ProductId, quantity: u32, now_us: u64) -> bool {
        let quantity = quantity.min(MAX_QUANTITY);
        let Some(at) = self.lines.iter().position(|line| line.product_id == product_id) else {
            return quantity == 0;
        };
        let line = self.lines[at];
        if line.quantity == quantity {
            return true;
        }
        if self.is_unsettled(self.version) {
            if !self.set_aside() {
                return false;
            }
            let more = quantity.saturating_sub(line.quantity);
            self.lines.extend((more > 0).then_some(CartLine { quantity: more, ..line }));
            self.changed(now_us);
            return true;
        }
        if quantity == 0 {
            self.lines.remove(at);
        } else {
            self.lines[at].quantity = quantity;
        }
        self.changed(now_us);
        true
    }

    /// Remembers a price that the shopper has now seen. True when it was another one.
    pub fn saw_price(&mut self, product_id: ProductId, price: Money) -> bool {
        let line = self.lines.iter_mut().find(|line| line.product_id == product_id);
        line.is_some_and(|line| line.seen.replace(price) != Some(price))
    }

    /// Empties it: what was in it has been bought.
    pub(crate) fn clear(&mut self, now_us: u64) {
        self.lines.clear();
        self.changed(now_us);
    }

    /// Puts pieces in whose price nobody has seen here, without a new version. False when there is no room for another
    /// product.
    pub(crate) fn put(&mut self, piece: &KeptLine) -> bool {
        let quantity = piece.quantity.clamp(1, MAX_QUANTITY);
        if let Some(line) = self.lines.iter_mut().find(|line| line.product_id == piece.product_id) {
            line.quantity = (line.quantity + quantity).min(MAX_QUANTITY);
        } else if self.lines.len() >= MAX_LINES {
            return false;
        } else {
            self.lines.push(CartLine { product_id: piece.product_id, quantity, seen: None });
        }
        true
    }

    /// Takes pieces out as far as they are in it, without a new version. Answers what was taken out.
    pub(crate) fn take_out(&mut self, pieces: &[KeptLine]) -> Vec<KeptLine> {
        let mut taken = Vec::new();
        for piece in pieces {
            if let Some(line) = self.lines.iter_mut().find(|line| line.product_id == piece.product_id) {
                let quantity = line.quantity.min(piece.quantity);
                line.quantity -= quantity;
                taken.push(KeptLine { quantity, ..*piece });
            }
        }
        self.lines.retain(|line| line.quantity > 0);
        taken
    }

    /// Its lines without prices.
    pub(crate) fn pieces(&self) -> Vec<KeptLine> {
        let piece = |line: &CartLine| KeptLine { product_id: line.product_id, quantity: line.quantity };
        self.lines.iter().map(piece).collect()
    }

    pub(crate) fn changed(&mut self, now_us: u64) {
        self.version = now_us.max(self.version + 1);
        self.progress.cart_changed();
    }
}

#[cfg(test)]
mod tests {
    use shop_contracts::Currency;

    use super::*;

    fn product(name: &str) -> ProductId {
        ProductId::from_slug(name)
    }

    const PRICE: Money = Money::new(100, Currency::Eur);

    #[test]
    fn every_change_has_a_larger_version_even_when_the_clock_stands_or_goes_back() {
        let mut cart = Cart::new(CartId([1; 16]), 1_000);
        let mut last = cart.version;
        let mut grew = |cart: &Cart| {
            assert!(cart.version > last);
            last = cart.version;
        };
        assert!(cart.add(product("a"), 1, PRICE, 1_000));
        grew(&cart);
        assert!(cart.add(product("a"), 1, PRICE, 500));
        grew(&cart);
        cart.set_quantity(product("a"), 5, 2_000);
        grew(&cart);
        cart.set_quantity(product("a"), 0, 2_000);
        grew(&cart);
        assert!(cart.is_empty());
    }

    #[test]
    fn what_changes_nothing_keeps_the_version() {
        let mut cart = Cart::new(CartId([1; 16]), 1_000);
        cart.add(product("a"), 2, PRICE, 1_001);
        let version = cart.version;
        assert!(cart.set_quantity(product("a"), 2, 9_000), "it is so");
        assert!(cart.set_quantity(product("b"), 0, 9_000), "none is in it");
        assert!(!cart.set_quantity(product("b"), 2, 9_000), "it is not in the cart");
        assert!(cart.saw_price(product("a"), Money::new(120, Currency::Eur)));
        assert!(!cart.saw_price(product("a"), Money::new(120, Currency::Eur)));
        assert_eq!(cart.version, version);
    }

    #[test]
    fn pieces_and_products_have_their_bounds() {
        let mut cart = Cart::new(CartId([1; 16]), 0);
        for n in 0..MAX_LINES {
            assert!(cart.add(product(&n.to_string()), 1, PRICE, 0));
        }
        assert!(!cart.add(product("one more"), 1, PRICE, 0));
        assert!(cart.add(product("0"), u32::MAX, PRICE, 0));
        assert_eq!(cart.lines[0].quantity, MAX_QUANTITY);
    }
}
