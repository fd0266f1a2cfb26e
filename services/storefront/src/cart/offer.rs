//! What a cart costs, delivered in each way. Pure: the arithmetic is the one that orders charges by.

use sha2::{Digest, Sha256};
use shop_contracts::charges::{ChargeError, Charged, Item, Terms, charge};
use shop_contracts::delivery::DeliveryMethod;
use shop_contracts::vouchers::VoucherTerms;

use super::Priced;

/// The charges for each way of delivery, so that a page can show the total of whichever is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    ways: Vec<(DeliveryMethod, Charged)>,
}

impl Offer {
    /// What the cart costs in a country, with a voucher that counts.
    pub fn new(cart: &Priced, country: &str, voucher: Option<&VoucherTerms>) -> Result<Self, ChargeError> {
        let item = |line: &super::Line| Item { amount: line.total, tax_class: line.product.tax_class };
        let items: Vec<Item> = cart.lines.iter().map(item).collect();
        let way = |method| {
            let terms = Terms { delivery: Some(method), country, voucher };
            charge(&items, terms).map(|charged| (method, charged))
        };
        Ok(Self { ways: DeliveryMethod::ALL.into_iter().map(way).collect::<Result<_, _>>()? })
    }

    /// Every way, in the order to offer them.
    pub fn ways(&self) -> impl Iterator<Item = (DeliveryMethod, &Charged)> {
        self.ways.iter().map(|(method, charged)| (*method, charged))
    }

    /// Delivered in this way.
    pub fn by(&self, method: DeliveryMethod) -> &Charged {
        let found = self.ways.iter().find(|(way, _)| *way == method);
        &found.expect("an offer holds every method").1
    }

    /// The same for two offers with the same goods, prices, voucher and totals: what a shopper agreed to.
    pub fn fingerprint(&self, cart: &Priced) -> String {
        let mut hash = Sha256::new_with_prefix(cart.fingerprint());
        for (method, charged) in &self.ways {
            let (total, voucher) = (charged.total, charged.charges.voucher.as_deref().unwrap_or_default());
            hash.update(format!("{} {} {} {voucher}\n", method.as_str(), total.amount_minor, total.currency));
        }
        hex::encode(&hash.finalize()[..12])
    }
}

#[cfg(test)]
mod tests {
    use shop_contracts::catalog::Product;
    use shop_contracts::tax::TaxClass;
    use shop_contracts::vouchers::Benefit;
    use shop_contracts::{Currency, Money, ProductId};

    use super::*;
    use crate::cart::CartLine;

    fn cart(cents: i64) -> Priced {
        let price = Money::new(cents, Currency::Eur);
        let product_id = ProductId::from_slug("lamp");
        let product = Product {
            id: product_id,
            slug: "lamp".to_owned(),
            name: "Lamp".to_owned(),
            maker: String::new(),
            category: String::new(),
            category_name: String::new(),
            description: String::new(),
            attributes: vec![],
            price,
            picture_version: String::new(),
            tax_class: TaxClass::Standard,
            variants: None,
        };
        Priced::new(&[CartLine { product_id, quantity: 1, seen: Some(price) }], vec![product], None)
    }

    #[test]
    fn each_way_has_its_own_total() {
        let offer = Offer::new(&cart(1_000), "DE", None).unwrap();
        let totals: Vec<i64> = offer.ways().map(|(_, charged)| charged.total.amount_minor).collect();
        assert_eq!(totals, [1_490, 2_290, 1_000]);
        assert_eq!(offer.by(DeliveryMethod::Express).total.amount_minor, 2_290);
    }

    #[test]
    fn what_was_agreed_to_changes_with_the_voucher_but_not_with_the_country() {
        let cart = cart(10_000);
        let voucher = VoucherTerms {
            code: "SPRING".to_owned(),
            benefit: Benefit::Percent { percent: 10 },
            minimum: Money::new(0, Currency::Eur),
        };
        let print = |country, voucher| Offer::new(&cart, country, voucher).unwrap().fingerprint(&cart);
        assert_eq!(print("DE", None), print("SE", None), "prices contain the tax, whatever it is");
        assert_ne!(print("DE", None), print("DE", Some(&voucher)));
    }
}
