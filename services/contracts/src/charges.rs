//! What an order costs: goods, less a voucher, plus delivery, with the tax that all of it contains. Pure arithmetic on
//! integers: orders charges by it, and pages show the same.
//!
//! What must always hold: goods − discount + delivery is the total and more than nothing; the lines' discounts add up to
//! the discount and their taxes, with delivery's, to the tax; no part is negative or larger than what it is a part of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::delivery::{DeliveryMethod, PICK_UP_COUNTRY};
use crate::tax::{TaxClass, contained};
use crate::vouchers::VoucherTerms;
use crate::{Money, MoneyError};

/// What an order's total is made of. Tax is contained in every amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Charges {
    /// The lines at their prices.
    pub goods: Money,
    /// What a voucher takes off the goods.
    pub discount: Money,
    /// The voucher's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<String>,
    /// How the parcel gets there.
    #[serde(default)]
    pub delivery_method: DeliveryMethod,
    /// What that costs.
    pub delivery: Money,
    /// All tax that the total contains.
    pub tax: Money,
    /// The tax by rate, lowest rate first.
    #[serde(default)]
    pub taxes: Vec<TaxShare>,
}

/// The tax at one rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaxShare {
    /// Hundredths of a percent.
    pub rate_bp: u32,
    /// Everything that is charged at this rate.
    pub gross: Money,
    /// The tax in it.
    pub tax: Money,
}

/// What is charged for one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineCharge {
    /// The line's share of the discount.
    pub discount: Money,
    /// Hundredths of a percent.
    pub tax_rate_bp: u32,
    /// The tax in what is paid for the line.
    pub tax: Money,
}

/// One line that is to be charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// All its pieces at their price.
    pub amount: Money,
    /// Which rate it has.
    pub tax_class: TaxClass,
}

/// Under which terms.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// How it is delivered; `None` is a page from before there was a choice, which said that standard is included.
    pub delivery: Option<DeliveryMethod>,
    /// Where it goes, ISO 3166 alpha-2.
    pub country: &'a str,
    /// A voucher that counts.
    pub voucher: Option<&'a VoucherTerms>,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// What is paid.
    pub total: Money,
    /// What that is made of.
    pub charges: Charges,
    /// The lines' shares, in their order.
    pub lines: Vec<LineCharge>,
}

/// Why nothing can be charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChargeError {
    /// No parcel goes there.
    #[error("nothing is delivered to that country")]
    Country,
    /// Amounts that do not add up.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// What these lines, all in one currency, cost under these terms.
pub fn charge(items: &[Item], terms: Terms<'_>) -> Result<Charged, ChargeError> {
    let currency = items.first().map(|item| item.amount.currency).unwrap_or_default();
    let money = |minor| Money::new(minor, currency);
    let goods = Money::sum(currency, items.iter().map(|item| item.amount))?;
    let method = terms.delivery.unwrap_or_default();
    let delivery = if terms.delivery.is_some() { method.price(goods) } else { money(0) };
    let discount = terms.voucher.map_or(money(0), |voucher| voucher.discount(goods));
    let total = money(goods.amount_minor - discount.amount_minor).checked_add(delivery)?;

    let amounts: Vec<i64> = items.iter().map(|item| item.amount.amount_minor).collect();
    let discounts = share_out(discount.amount_minor, &amounts);
    let country = if method == DeliveryMethod::PickUp { PICK_UP_COUNTRY } else { terms.country };
    let rate = |class: TaxClass| class.rate_bp(country).ok_or(ChargeError::Country);
    // The last part is delivery.
    let mut rates = items.iter().map(|item| rate(item.tax_class)).collect::<Result<Vec<u32>, _>>()?;
    rates.push(rate(TaxClass::Standard)?);
    let mut paid: Vec<i64> = amounts.iter().zip(&discounts).map(|(amount, off)| amount - off).collect();
    paid.push(delivery.amount_minor);
    let (taxes, parts) = taxed(&paid, &rates);

    let lines = discounts.iter().zip(&parts).zip(&rates);
    let lines = lines.map(|((off, tax), rate)| LineCharge {
        discount: money(*off),
        tax_rate_bp: *rate,
        tax: money(*tax),
    });
    let share = |(rate_bp, (gross, tax)): (u32, (i64, i64))| TaxShare {
        rate_bp,
        gross: money(gross),
        tax: money(tax),
    };
    Ok(Charged {
        total,
        lines: lines.collect(),
        charges: Charges {
            goods,
            discount,
            voucher: terms.voucher.map(|voucher| voucher.code.clone()),
            delivery_method: method,
            delivery,
            tax: money(parts.iter().sum()),
            taxes: taxes.into_iter().map(share).collect(),
        },
    })
}

/// Gross and tax by rate, and the tax of each part.
fn taxed(paid: &[i64], rates: &[u32]) -> (BTreeMap<u32, (i64, i64)>, Vec<i64>) {
    let (mut taxes, mut parts) = (BTreeMap::new(), vec![0; paid.len()]);
    for rate in rates {
        if taxes.contains_key(rate) {
            continue;
        }
        let at_rate = |(amount, its): (&i64, &u32)| if its == rate { *amount } else { 0 };
        let weights: Vec<i64> = paid.iter().zip(rates).map(at_rate).collect();
        let gross: i64 = weights.iter().sum();
        if gross == 0 {
            continue;
        }
        let tax = contained(gross, *rate);
        taxes.insert(*rate, (gross, tax));
        for (part, share) in parts.iter_mut().zip(share_out(tax, &weights)) {
            *part += share;
        }
    }
    (taxes, parts)
}

/// `total` in whole units by these weights: each gets what its weight deserves rounded down, and what is left goes, a unit
/// each, to those that lost the largest part of one (the first of equals). No share is larger than its weight as long as
/// the total is not larger than all weights.
pub fn share_out(total: i64, weights: &[i64]) -> Vec<i64> {
    let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let deserved = |weight: &i64| i128::from(total) * i128::from(*weight);
    let mut shares: Vec<i64> =
        weights.iter().map(|weight| i64::try_from(deserved(weight) / sum).unwrap_or_default()).collect();
    let mut by_loss: Vec<usize> = (0..weights.len()).collect();
    by_loss.sort_by_key(|at| (-(deserved(&weights[*at]) % sum), *at));
    let left = total - shares.iter().sum::<i64>();
    for at in by_loss.into_iter().take(usize::try_from(left).unwrap_or_default()) {
        shares[at] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Currency;
    use crate::tax::countries;
    use crate::vouchers::Benefit;

    const fn euro(minor: i64) -> Money {
        Money::new(minor, Currency::Eur)
    }

    fn item(minor: i64, tax_class: TaxClass) -> Item {
        Item { amount: euro(minor), tax_class }
    }

    fn voucher(benefit: Benefit) -> VoucherTerms {
        VoucherTerms { code: "SPRING".to_owned(), benefit, minimum: euro(0) }
    }

    fn terms(voucher: Option<&VoucherTerms>) -> Terms<'_> {
        Terms { delivery: Some(DeliveryMethod::Express), country: "DE", voucher }
    }

    #[test]
    fn lines_of_two_rates_a_voucher_and_delivery_add_up_to_the_cent() {
        let tenth = voucher(Benefit::Percent { percent: 10 });
        let items =
            [item(3_333, TaxClass::Standard), item(3_333, TaxClass::Printed), item(1, TaxClass::Standard)];
        let charged = charge(&items, terms(Some(&tenth))).unwrap();
        assert_eq!((charged.charges.goods, charged.charges.discount), (euro(6_667), euro(666)));
        assert_eq!(charged.total, euro(6_667 - 666 + 1_290));
        assert_eq!(
            charged.lines.iter().map(|line| line.discount.amount_minor).collect::<Vec<_>>(),
            [333, 333, 0]
        );
        let taxes: Vec<_> = charged
            .charges
            .taxes
            .iter()
            .map(|t| (t.rate_bp, t.gross.amount_minor, t.tax.amount_minor))
            .collect();
        assert_eq!(taxes, [(700, 3_000, 196), (1_900, 4_291, 685)]);
        assert_eq!(charged.charges.tax, euro(881));
    }

    #[test]
    fn a_request_without_a_method_is_standard_and_included() {
        let old = Terms { delivery: None, ..terms(None) };
        let charged = charge(&[item(500, TaxClass::Standard)], old).unwrap();
        assert_eq!((charged.total, charged.charges.delivery_method), (euro(500), DeliveryMethod::Standard));
    }

    #[test]
    fn what_is_picked_up_is_taxed_where_it_changes_hands() {
        let picked = Terms { delivery: Some(DeliveryMethod::PickUp), country: "NO", voucher: None };
        let charged = charge(&[item(11_900, TaxClass::Standard)], picked).unwrap();
        assert_eq!(charged.charges.taxes[0].rate_bp, 1_900);
        let nowhere = Terms { country: "XX", ..terms(None) };
        assert_eq!(charge(&[item(1, TaxClass::Standard)], nowhere), Err(ChargeError::Country));
    }

    #[test]
    fn amounts_that_do_not_fit_are_an_error() {
        let items = [item(i64::MAX, TaxClass::Standard), item(1, TaxClass::Standard)];
        assert_eq!(charge(&items, terms(None)), Err(ChargeError::Money(MoneyError::Overflow)));
        assert_eq!(charge(&items[..1], terms(None)), Err(ChargeError::Money(MoneyError::Overflow)));
    }

    fn any_items() -> impl Strategy<Value = Vec<Item>> {
        let amount = prop_oneof![3 => 1_i64..1_000_000, 1 => 1_i64..(i64::MAX / 64)];
        let class = prop_oneof![Just(TaxClass::Standard), Just(TaxClass::Printed)];
        proptest::collection::vec((amount, class).prop_map(|(minor, class)| item(minor, class)), 1..51)
    }

    fn any_voucher() -> impl Strategy<Value = Option<VoucherTerms>> {
        prop_oneof![
            Just(None),
            (1_u32..=90).prop_map(|percent| Some(voucher(Benefit::Percent { percent }))),
            (1_i64..i64::MAX).prop_map(|minor| Some(voucher(Benefit::Amount { amount: euro(minor) }))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_part_adds_up_and_none_is_negative(
            items in any_items(),
            voucher in any_voucher(),
            method in 0_usize..4,
            country in 0_usize..10,
        ) {
            let delivery = DeliveryMethod::ALL.get(method).copied();
            let country = countries().nth(country).unwrap();
            let charged = charge(&items, Terms { delivery, country, voucher: voucher.as_ref() }).unwrap();
            let Charges { goods, discount, delivery, tax, taxes, .. } = charged.charges;
            let minor = |money: Money| money.amount_minor;
            prop_assert_eq!(minor(charged.total), minor(goods) - minor(discount) + minor(delivery));
            prop_assert!(minor(charged.total) > 0 && minor(discount) >= 0 && minor(discount) < minor(goods));
            prop_assert_eq!(charged.lines.iter().map(|l| minor(l.discount)).sum::<i64>(), minor(discount));
            prop_assert_eq!(taxes.iter().map(|t| minor(t.gross)).sum::<i64>(), minor(charged.total));
            prop_assert_eq!(taxes.iter().map(|t| minor(t.tax)).sum::<i64>(), minor(tax));
            let of_lines: i64 = charged.lines.iter().map(|l| minor(l.tax)).sum();
            prop_assert!((0..=minor(delivery)).contains(&(minor(tax) - of_lines)));
            for (item, line) in items.iter().zip(&charged.lines) {
                prop_assert!((0..=minor(item.amount)).contains(&minor(line.discount)));
                prop_assert!((0..=minor(item.amount) - minor(line.discount)).contains(&minor(line.tax)));
            }
        }

        #[test]
        fn shares_add_up(total in 0_i64..1_000_000, weights in proptest::collection::vec(0_i64..1_000_000, 1..20)) {
            let sum: i64 = weights.iter().sum();
            let total = total.min(sum);
            let shares = share_out(total, &weights);
            prop_assert_eq!(shares.iter().sum::<i64>(), total);
            for (share, weight) in shares.iter().zip(&weights) {
                prop_assert!((0..=*weight).contains(share));
            }
        }
    }
}
