//! Vouchers: used as often as they say, by no more than they allow, for no more than they give.

use std::collections::BTreeMap;

use sqlx::types::Uuid;

use crate::invariants::{
    report::{Finding, Invariant},
    snapshot::{Benefit, Line, Order, Redemption, Snapshot, Voucher},
};

const USES: Invariant = Invariant {
    name: "voucher_uses",
    says: "a voucher counts exactly the orders that use it, and no more of all and of each person than it allows",
    rows: "vouchers",
};
const DISCOUNTS: Invariant = Invariant {
    name: "voucher_discounts",
    says: "an order that names a voucher uses it while it stands, within its terms, and no other order has one",
    rows: "orders with a voucher",
};

pub fn uses(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(USES, snapshot.begun);
    let orders = &snapshot.orders;
    let mut users = BTreeMap::<Uuid, Vec<(&Redemption, Option<&Order>)>>::new();
    for (order, redemption) in orders.redemptions.iter().filter(|(_, redemption)| redemption.counts) {
        users.entry(redemption.voucher).or_default().push((redemption, orders.orders.get(order)));
    }
    for (id, voucher) in &orders.vouchers {
        finding.look();
        let users = users.get(id).map_or(&[][..], Vec::as_slice);
        let counted = users.len() as i64;
        if counted != voucher.uses || counted > voucher.max_uses {
            let detail =
                format!("says {} uses of {}, {counted} orders use it", voucher.uses, voucher.max_uses);
            finding.disagree(voucher.created_at, name(voucher), detail);
        }
        let most = by_one_person(users);
        if let Some(allowed) = voucher.max_uses_per_person.filter(|allowed| most > *allowed) {
            let detail = format!("{most} orders of one person use it, allowed are {allowed}");
            finding.disagree(voucher.created_at, name(voucher), detail);
        }
    }
    finding
}

/// The most orders that one account, one address or one digest of an address has among these. Digests of one address under
/// two keys are told apart: less is seen after a rotation, and nobody is accused.
fn by_one_person(users: &[(&Redemption, Option<&Order>)]) -> i64 {
    let (mut accounts, mut addresses) = (BTreeMap::<Uuid, i64>::new(), BTreeMap::<&str, i64>::new());
    let mut digests = BTreeMap::<&[u8], i64>::new();
    for digest in users.iter().filter_map(|(redemption, _)| redemption.address_digest.as_deref()) {
        *digests.entry(digest).or_default() += 1;
    }
    for order in users.iter().filter_map(|(_, order)| *order) {
        if let Some(account) = order.buyer.account {
            *accounts.entry(account).or_default() += 1;
        }
        if order.names_a_person() {
            *addresses.entry(&order.buyer.email).or_default() += 1;
        }
    }
    let counts = accounts.into_values().chain(addresses.into_values()).chain(digests.into_values());
    counts.max().unwrap_or_default()
}

pub fn discounts(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(DISCOUNTS, snapshot.begun);
    for (id, order) in &snapshot.orders.orders {
        let redemption = snapshot.orders.redemptions.get(id);
        if order.charges.voucher.is_none() && redemption.is_none() {
            continue;
        }
        finding.look();
        let used = redemption.and_then(|it| snapshot.orders.vouchers.get(&it.voucher));
        let detail = match (used, redemption) {
            (Some(voucher), Some(it)) => wrong_use(order, voucher, it.counts),
            _ => Some("names a voucher that it does not use".to_owned()),
        };
        if let Some(detail) = detail {
            finding.disagree(order.placed_at, snapshot.name_of(*id), detail);
        }
    }
    finding
}

fn wrong_use(order: &Order, voucher: &Voucher, counts: bool) -> Option<String> {
    let called = order.charges.voucher.as_deref().unwrap_or("none");
    if called != voucher.code {
        return Some(format!("names {called} and uses {}", voucher.code));
    }
    if counts == order.is_void() {
        let counted = if counts { "counts" } else { "was given back" };
        return Some(format!("is {}, and its use of {called} {counted}", order.status.as_str()));
    }
    let goods: i128 = order.lines.iter().map(Line::amount).sum();
    let most = match voucher.benefit {
        Benefit::Percent(percent) => goods * i128::from(percent) / 100,
        Benefit::Amount(minor) => i128::from(minor),
    };
    let discount = i128::from(order.charges.discount);
    if discount > most || goods < i128::from(voucher.minimum) {
        return Some(format!(
            "{discount} off goods of {goods}; {called} gives {most} from {} on",
            voucher.minimum
        ));
    }
    let stands = (voucher.starts_at..voucher.ends_at).contains(&order.placed_at);
    (!stands).then(|| format!("was placed outside of the time of {called}"))
}

fn name(voucher: &Voucher) -> String {
    format!("voucher {}", voucher.code)
}
