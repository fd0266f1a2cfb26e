//! What an order costs: the catalogue's prices, delivery, tax and a voucher, and whether the shopper agreed to that.

use std::collections::BTreeMap;

use shop_contracts::charges::{ChargeError, Charges, Item, Terms, charge};
use shop_contracts::orders::{NewOrder, OrderLine};
use shop_contracts::vouchers::VoucherTerms;
use shop_contracts::{Money, ProductId};
use shop_instrumentation::{Code, Problem};

use super::PlaceOrder;
use crate::vouchers::Person;

/// An order's lines and what they cost together.
pub struct Priced {
    pub lines: Vec<OrderLine>,
    pub total: Money,
    pub charges: Charges,
}

impl PlaceOrder {
    /// Prices an order; refuses a price, a voucher or a total that is not what the shopper saw.
    pub(super) async fn priced(&self, request: &NewOrder) -> Result<Priced, Problem> {
        let (mut lines, items) = self.lines(request).await?;
        let voucher = self.voucher(request, &items).await?;
        let terms = Terms {
            delivery: request.delivery,
            country: &request.ship_to.country,
            voucher: voucher.as_ref(),
        };
        let charged = charge(&items, terms).map_err(|e| match e {
            ChargeError::Country => {
                Problem::new(Code::Invalid, "invalid order").field("ship_to.country", e.to_string())
            }
            ChargeError::Money(e) => Problem::new(Code::Invalid, e.to_string()),
        })?;
        if request.expected_total.is_some_and(|expected| expected != charged.total) {
            let detail = format!("it is {} {}", charged.total.amount_minor, charged.total.currency);
            let problem = Problem::new(Code::TotalChanged, "the order costs something else by now");
            return Err(problem.field("expected_total", detail));
        }
        for (line, its) in lines.iter_mut().zip(charged.lines) {
            line.charge = Some(its);
        }
        Ok(Priced { lines, total: charged.total, charges: charged.charges })
    }

    /// Lines with the catalogue's names; refuses a price that is not the catalogue's any more.
    async fn lines(&self, request: &NewOrder) -> Result<(Vec<OrderLine>, Vec<Item>), Problem> {
        let wanted: Vec<ProductId> = request.lines.iter().map(|l| l.product_id).collect();
        let products = self.prices.products(&wanted).await.map_err(|e| {
            tracing::warn!(error = %e, "prices are not available");
            Problem::new(Code::Unavailable, "prices cannot be checked right now").retry_after(1)
        })?;
        let by_id: BTreeMap<ProductId, _> = products.into_iter().map(|p| (p.id, p)).collect();
        let (mut lines, mut items) = (Vec::new(), Vec::new());
        for (i, line) in request.lines.iter().enumerate() {
            let changed = |detail: &str| {
                Problem::new(Code::Conflict, "the cart is out of date").field(format!("lines[{i}]"), detail)
            };
            let product = by_id.get(&line.product_id).ok_or_else(|| changed("is not sold any more"))?;
            if product.price != line.unit_price {
                return Err(changed("its price has changed"));
            }
            let amount = product.price.checked_mul(line.quantity);
            let amount = amount.map_err(|e| Problem::new(Code::Invalid, e.to_string()))?;
            items.push(Item { amount, tax_class: product.tax_class });
            lines.push(OrderLine {
                product_id: product.id,
                name: product.name.clone(),
                quantity: line.quantity,
                unit_price: product.price,
                charge: None,
            });
        }
        Ok((lines, items))
    }

    /// The voucher that the request names, if it would be taken now. Redeemed is it only when the order is written.
    async fn voucher(&self, request: &NewOrder, items: &[Item]) -> Result<Option<VoucherTerms>, Problem> {
        let Some(code) = &request.voucher else { return Ok(None) };
        let currency = items.first().map(|item| item.amount.currency).unwrap_or_default();
        let goods = Money::sum(currency, items.iter().map(|item| item.amount));
        let goods = goods.map_err(|e| Problem::new(Code::Invalid, e.to_string()))?;
        let person = Person { account: request.account_id, email: Some(&request.email) };
        self.vouchers().check(code, &person, goods).await.map(Some)
    }
}
