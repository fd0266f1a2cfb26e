//! What an account keeps of a cart, and what a browser remembers of that. Pure.

use shop_contracts::AccountId;
use shop_contracts::identity::{KeptCart, MergedCart, OpenOrder};
use shop_contracts::orders::KnownOrders;

use super::contents::{Cart, CartId};
use crate::checkout::{Done, Open, Progress};

/// Carts that became part of one and are remembered.
pub(super) const MOST_MERGED: usize = 4;

/// The account that keeps a cart, as far as the browser knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptBy {
    /// Whose it is.
    pub account: AccountId,
    /// The revision that the browser worked with.
    pub revision: u64,
    /// Whether the account keeps exactly this; otherwise it was changed here and has still to be kept.
    pub is_current: bool,
}

/// Another cart that became part of this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merged {
    /// Which.
    pub id: CartId,
    /// Its version then: up to it, its contents are in this cart.
    pub version: u64,
    /// Up to which version its orders are accounted for; 0 when none is.
    pub ordered: u64,
}

impl Cart {
    /// Whether it is another account's than this one: what one account keeps never becomes part of another's.
    pub fn is_of_another(&self, account: AccountId) -> bool {
        self.kept.is_some_and(|kept| kept.account != account)
    }

    /// Which of its orders it accounts for: what it holds is what they left.
    pub fn known_orders(&self) -> KnownOrders {
        let own = self.id.at(self.progress.done.map_or(0, |done| done.version));
        let merged = self.merged.iter().map(|one| one.id.at(one.ordered));
        let open = self.progress.open.iter().map(|open| open.cart.at(open.version));
        KnownOrders { carts: std::iter::once(own).chain(merged).collect(), open: open.collect() }
    }

    /// What an account keeps of it, if the account's cart is still of the revision that this browser worked with.
    pub fn to_kept(&self) -> KeptCart {
        let open = |open: &Open| OpenOrder {
            cart: open.cart.at(open.version),
            order: open.order,
            asked_at: open.asked_at,
            lines: open.lines.clone(),
        };
        let merged = |one: &Merged| MergedCart {
            id: one.id.to_string(),
            version: one.version,
            ordered_version: one.ordered,
        };
        KeptCart {
            id: self.id.to_string(),
            version: self.version,
            lines: self.pieces(),
            attempt: self.progress.attempt,
            ordered_version: self.progress.done.map_or(0, |done| done.version),
            open: self.progress.open.iter().map(open).collect(),
            merged: self.merged.iter().map(merged).collect(),
            revision: 0,
            if_revision: self.kept.map(|kept| kept.revision),
        }
    }

    /// The cart that an account keeps: the same cart in every browser, so that of one of its versions there is at most one
    /// order, whichever browser sends it. Nothing when the account never kept one.
    pub fn from_kept(kept: &KeptCart, account: AccountId) -> Option<Self> {
        let mut cart = Self::new(CartId::parse(&kept.id)?, kept.version);
        for line in &kept.lines {
            cart.put(line);
        }
        let open = |open: &OpenOrder| {
            Some(Open {
                cart: CartId::parse(&open.cart.id)?,
                version: open.cart.version,
                order: open.order,
                asked_at: open.asked_at,
                lines: open.lines.clone(),
            })
        };
        let done = Done { version: kept.ordered_version, order: None };
        cart.progress = Progress {
            attempt: kept.attempt,
            open: kept.open.iter().filter_map(open).collect(),
            done: (done.version > 0).then_some(done),
        };
        let merged = |one: &MergedCart| {
            let id = CartId::parse(&one.id)?;
            Some(Merged { id, version: one.version, ordered: one.ordered_version })
        };
        cart.merged = kept.merged.iter().filter_map(merged).collect();
        cart.forget_merged();
        cart.kept = Some(KeptBy { account, revision: kept.revision, is_current: true });
        Some(cart)
    }

    /// Whether the account keeps exactly this.
    pub fn is_kept(&self, account: AccountId) -> bool {
        self.kept.is_some_and(|kept| kept.account == account && kept.is_current)
    }

    /// Notes that the account keeps it now, under the next revision.
    pub fn was_kept(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.revision += 1;
            kept.is_current = true;
        }
    }

    /// Notes that it was changed since the account kept it.
    pub fn differs_from_kept(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.is_current = false;
        }
    }

    /// Whether two browsers hold the same, prices apart.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let versions = |cart: &Self| (cart.id, cart.version, cart.progress.attempt);
        versions(self) == versions(other)
            && self.pieces() == other.pieces()
            && self.progress.open == other.progress.open
    }

    /// Notes that another cart became part of it, of which orders up to `ordered` are accounted for.
    pub(super) fn took_in(&mut self, other: &Self) {
        if let Some(known) = self.merged.iter_mut().rev().find(|one| one.id == other.id) {
            // What only one side knows to be bought may still be among the other's lines: orders is asked again.
            known.version = known.version.max(other.version);
            return;
        }
        let ordered = other.progress.done.map_or(0, |done| done.version);
        self.merged.push(Merged { id: other.id, version: other.version, ordered });
        self.forget_merged();
    }

    /// Remembers the newest only.
    pub(super) fn forget_merged(&mut self) {
        let many = self.merged.len().saturating_sub(MOST_MERGED);
        self.merged.drain(..many);
    }
}
