//! A cart with today's prices and stock, and what has changed since the shopper last looked. Pure.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use shop_contracts::catalog::Product;
use shop_contracts::{Currency, Money, ProductId};

use super::contents::CartLine;

/// One line as it would be bought now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub product: Product,
    /// How many.
    pub quantity: u32,
    /// All of them together.
    pub total: Money,
    /// The price last shown, if it was another one.
    pub was: Option<Money>,
    /// How many can be had, if that is too few.
    pub short: Option<u32>,
}

/// The whole cart as it would be bought now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// Its lines.
    pub lines: Vec<Line>,
    /// What it costs.
    pub total: Money,
    /// Products that are no longer sold.
    pub gone: Vec<ProductId>,
    /// Whether inventory could be asked.
    pub stock_known: bool,
}

impl Priced {
    /// Prices `entries` with what the catalogue and inventory say. An amount out of range drops the line as gone; two
    /// entries of one product are one line.
    pub fn new(
        entries: &[CartLine],
        products: Vec<Product>,
        stock: Option<&HashMap<ProductId, u32>>,
    ) -> Self {
        let mut products: HashMap<ProductId, Product> =
            products.into_iter().map(|product| (product.id, product)).collect();
        let (mut lines, mut gone, mut total) = (Vec::new(), Vec::new(), Money::zero(Currency::Eur));
        for entry in merged(entries) {
            let Some(product) = products.remove(&entry.product_id) else {
                gone.push(entry.product_id);
                continue;
            };
            let (Ok(line_total), Some(sum)) = (
                product.price.checked_mul(entry.quantity),
                product.price.checked_mul(entry.quantity).ok().and_then(|line| total.checked_add(line).ok()),
            ) else {
                gone.push(entry.product_id);
                continue;
            };
            total = sum;
            let available = stock.map(|levels| levels.get(&product.id).copied().unwrap_or(0));
            lines.push(Line {
                quantity: entry.quantity,
                total: line_total,
                was: entry.seen.filter(|seen| *seen != product.price),
                short: available.filter(|available| *available < entry.quantity),
                product,
            });
        }
        lines.sort_by(|a, b| a.product.name.cmp(&b.product.name));
        Self { lines, total, gone, stock_known: stock.is_some() }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether nothing stands in the way of buying it.
    pub fn can_be_bought(&self) -> bool {
        !self.is_empty() && self.lines.iter().all(|line| line.short.is_none())
    }

    /// The same for two carts with the same products, quantities and prices: what a shopper agreed to.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for line in &self.lines {
            let (id, price) = (line.product.id, line.product.price);
            hash.update(format!("{id} {} {} {}\n", line.quantity, price.amount_minor, price.currency));
        }
        hex::encode(&hash.finalize()[..12])
    }
}

/// One entry a product, in the order of their first mention.
fn merged(entries: &[CartLine]) -> Vec<CartLine> {
    let mut once: Vec<CartLine> = Vec::with_capacity(entries.len());
    for entry in entries {
        match once.iter_mut().find(|known| known.product_id == entry.product_id) {
            Some(known) => known.quantity = known.quantity.saturating_add(entry.quantity),
            None => once.push(*entry),
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(slug: &str, cents: i64) -> Product {
        Product {
            id: ProductId::from_slug(slug),
            slug: slug.to_owned(),
            name: slug.to_owned(),
            maker: String::new(),
            category: String::new(),
            category_name: String::new(),
            description: String::new(),
            attributes: vec![],
            price: Money::new(cents, Currency::Eur),
            picture_version: String::new(),
            tax_class: shop_contracts::tax::TaxClass::Standard,
            variants: None,
        }
    }

    fn entry(slug: &str, quantity: u32, seen: i64) -> CartLine {
        let seen = Some(Money::new(seen, Currency::Eur));
        CartLine { product_id: ProductId::from_slug(slug), quantity, seen }
    }

    #[test]
    fn changed_price_short_stock_and_gone_product_are_all_told() {
        let entries = [entry("a", 2, 100), entry("b", 5, 300), entry("c", 1, 1)];
        let stock = HashMap::from([(ProductId::from_slug("a"), 9), (ProductId::from_slug("b"), 4)]);
        let cart = Priced::new(&entries, vec![product("a", 120), product("b", 300)], Some(&stock));
        assert_eq!(cart.total.amount_minor, 1740);
        assert_eq!(cart.lines[0].was.map(|price| price.amount_minor), Some(100));
        assert_eq!((cart.lines[0].short, cart.lines[1].short), (None, Some(4)));
        assert_eq!(cart.gone, [ProductId::from_slug("c")]);
        assert!(!cart.can_be_bought());
    }

    #[test]
    fn unknown_stock_does_not_stop_a_sale() {
        let cart = Priced::new(&[entry("a", 2, 100)], vec![product("a", 100)], None);
        assert!(cart.can_be_bought() && !cart.stock_known);
    }

    #[test]
    fn fingerprint_follows_price_and_quantity() {
        let print = |quantity, cents| {
            Priced::new(&[entry("a", quantity, 1)], vec![product("a", cents)], None).fingerprint()
        };
        assert_eq!(print(1, 100), print(1, 100));
        assert_ne!(print(1, 100), print(2, 100));
        assert_ne!(print(1, 100), print(1, 101));
    }

    #[test]
    fn two_entries_of_one_product_are_one_line_and_not_sold_out() {
        let stock = HashMap::from([(ProductId::from_slug("a"), 3)]);
        let entries = [entry("a", 1, 100), entry("a", 2, 100)];
        let cart = Priced::new(&entries, vec![product("a", 100)], Some(&stock));
        assert_eq!((cart.lines.len(), cart.lines[0].quantity, cart.lines[0].short), (1, 3, None));
        assert!(cart.gone.is_empty() && cart.can_be_bought());
    }

    #[test]
    fn an_absurd_amount_is_left_out_instead_of_wrapping() {
        let cart = Priced::new(&[entry("a", 99, 1)], vec![product("a", i64::MAX)], None);
        assert!(cart.is_empty() && cart.gone.len() == 1);
    }
}
