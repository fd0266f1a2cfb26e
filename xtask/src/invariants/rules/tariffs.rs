//! What delivery costs and which tax a country takes, by a table of the check's own: what a shop charges is held against
//! something that it did not charge by.

use crate::invariants::{
    report::{Finding, Invariant},
    snapshot::{DeliveryMethod, Line, Order, Snapshot, TaxShare},
};

const DELIVERY: Invariant = Invariant {
    name: "delivery_prices",
    says: "delivery costs what its method costs for goods of that worth",
    rows: "orders with tax",
};
const RATES: Invariant = Invariant {
    name: "tax_rates",
    says: "lines and delivery have rates of the country that the goods change hands in",
    rows: "orders with tax",
};

/// Method, price and from which worth of goods on it is free, minor units. A price that changes gets another row: orders
/// from before keep theirs.
const PRICES: [(DeliveryMethod, i64, Option<i128>); 3] = [
    (DeliveryMethod::Standard, 490, Some(7_500)),
    (DeliveryMethod::Express, 1_290, None),
    (DeliveryMethod::PickUp, 0, Some(0)),
];
/// Country, standard rate and rate of printed matter in hundredths of a percent; another row where one changes.
const COUNTRIES: [(&str, i64, i64); 10] = [
    ("BE", 2_100, 600),
    ("DE", 1_900, 700),
    ("DK", 2_500, 2_500),
    ("FI", 2_550, 1_350),
    ("FR", 2_000, 550),
    ("GB", 2_000, 0),
    ("IE", 2_300, 0),
    ("NL", 2_100, 900),
    ("NO", 2_500, 0),
    ("SE", 2_500, 600),
];
/// Where goods that are picked up change hands.
const PICK_UP: &str = "DE";

pub fn delivery(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(DELIVERY, snapshot.begun);
    for (id, order) in &snapshot.orders.orders {
        // From before anything but goods was charged.
        if order.charges.taxes.is_none() {
            continue;
        }
        finding.look();
        let (method, charged) = (order.charges.method, order.charges.delivery);
        // Before any voucher.
        let goods: i128 = order.lines.iter().map(Line::amount).sum();
        if !is_price(method, charged, goods) {
            let detail = format!("{} for goods of {goods} does not cost {charged}", method.as_str());
            finding.disagree(order.placed_at, snapshot.name_of(*id), detail);
        }
    }
    finding
}

fn is_price(method: DeliveryMethod, charged: i64, goods: i128) -> bool {
    // Callers from before there was a choice say none, and standard is included: the row does not tell them apart.
    if method == DeliveryMethod::Standard && charged == 0 {
        return true;
    }
    let rows = PRICES.iter().filter(|(of, ..)| *of == method);
    rows.map(|(_, full, free_from)| if free_from.is_some_and(|least| goods >= least) { 0 } else { *full })
        .any(|price| price == charged)
}

pub fn rates(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(RATES, snapshot.begun);
    for (id, order) in &snapshot.orders.orders {
        let Some(shares) = &order.charges.taxes else { continue };
        finding.look();
        if let Some(detail) = wrong_rate(order, shares) {
            finding.disagree(order.placed_at, snapshot.name_of(*id), detail);
        }
    }
    finding
}

fn wrong_rate(order: &Order, shares: &[TaxShare]) -> Option<String> {
    let to = order.charges.country.as_deref().unwrap_or_default();
    let country = if order.charges.method == DeliveryMethod::PickUp { PICK_UP } else { to };
    let rows = || COUNTRIES.iter().filter(|(code, ..)| *code == country);
    let of_lines = order.lines.iter().filter_map(|line| line.tax).map(|(rate, _)| rate);
    let all = of_lines.chain(shares.iter().map(|share| share.rate_bp));
    let foreign = all
        .into_iter()
        .find(|rate| !rows().any(|(_, standard, printed)| rate == standard || rate == printed));
    if let Some(rate) = foreign {
        return Some(format!("{rate} bp is no rate of {country:?}"));
    }
    // Delivery has the standard rate, whatever is in the parcel.
    let is_there = |standard: i64| shares.iter().any(|share| share.rate_bp == standard);
    (order.charges.delivery > 0 && !rows().any(|(_, standard, _)| is_there(*standard)))
        .then(|| format!("delivery is not taxed at the standard rate of {country:?}"))
}

#[cfg(test)]
mod tests {
    use shop_contracts::{
        Currency, Money,
        delivery::{DeliveryMethod as Offered, PICK_UP_COUNTRY},
        tax::{TaxClass, countries},
    };

    use super::*;

    /// A price that changes in the shop and not here, or here alone.
    #[test]
    fn what_the_shop_charges_by_is_in_these_tables() {
        for offered in Offered::ALL {
            let method = DeliveryMethod::parse(offered.as_str()).expect("the check knows the method");
            for goods in [1, 7_499, 7_500, 100_000] {
                let price = offered.price(Money::new(goods, Currency::Eur)).amount_minor;
                assert!(is_price(method, price, goods.into()), "{method:?} {goods}");
                assert!(!is_price(method, price + 1, goods.into()), "{method:?} {goods}");
            }
        }
        let rate = |class: TaxClass, country| class.rate_bp(country).map(i64::from);
        for country in countries() {
            let now = (rate(TaxClass::Standard, country), rate(TaxClass::Printed, country));
            let known = COUNTRIES.iter().any(|(code, standard, printed)| {
                *code == country && now == (Some(*standard), Some(*printed))
            });
            assert!(known, "{country}: {now:?}");
        }
        assert_eq!(PICK_UP, PICK_UP_COUNTRY);
    }
}
