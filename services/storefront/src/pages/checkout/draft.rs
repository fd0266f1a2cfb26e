//! A checkout form between its sending and its being shown again: in a sealed cookie, so that neither an address nor the
//! browser's history holds what was typed, and the page that follows can be loaded again and gone back to.

use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use shop_contracts::AccountId;

use super::super::Shop;
use super::outcome::Outcome;
use super::{FIELDS, voucher};
use crate::form::Typed;
use crate::visitor::{Kind, Visitor};

/// For how long what was typed is kept.
const SECONDS: u64 = 30 * 60;
/// Longest value that is kept, characters: one more than the longest that is taken, so that it is still said to be too long.
const LONGEST: usize = 255;
/// All values together, so that the cookie is one that browsers take; bytes.
const MOST_BYTES: usize = 2_400;

/// What was typed, and what came of it.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Draft {
    /// Whose session it was typed in.
    pub account: Option<AccountId>,
    /// Whether that session was over when it was sent. Without its cookie nobody knows whose it was.
    #[serde(default)]
    pub is_logged_out: bool,
    pub fields: Vec<(String, String)>,
    /// Whether wrong fields are to be marked.
    pub is_checked: bool,
    /// What orders said of the voucher's code.
    pub voucher: Option<voucher::Said>,
    /// What the page says above the form, once.
    pub outcome: Option<Outcome>,
}

impl Draft {
    /// What this visitor typed.
    pub(super) fn new(visitor: &Visitor, typed: &Typed) -> Self {
        let mut left = MOST_BYTES;
        let mut fields = Vec::new();
        for field in FIELDS {
            let value: String = typed.value(field).chars().take(LONGEST).collect();
            if value.is_empty() || value.len() > left {
                continue;
            }
            left -= value.len();
            fields.push((field.to_owned(), value));
        }
        Self { account: visitor.owner(), fields, ..Self::default() }
    }

    /// What the visitor's cookie holds, unless it was typed in another account's session.
    pub(super) fn read(headers: &HeaderMap, shop: &Shop, visitor: &Visitor) -> Option<Self> {
        let draft: Self = serde_json::from_slice(&shop.cookies.read(headers, Kind::Checkout)?).ok()?;
        let reader = visitor.account.as_ref().map(|who| who.account_id);
        let is_theirs = draft.account.is_none() || reader.is_none() || draft.account == reader;
        is_theirs.then_some(draft)
    }

    /// Whether it was typed in a session that is over.
    pub(super) fn is_left(&self) -> bool {
        self.is_logged_out || self.account.is_some()
    }

    /// Fills in what was typed.
    pub(super) fn fill(&self, typed: &mut Typed) {
        for field in FIELDS {
            let value = self.fields.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str());
            typed.set(field, value.unwrap_or_default());
        }
    }

    /// Whether this was typed there.
    pub(super) fn is_of(&self, field: &str, value: &str) -> bool {
        self.fields.iter().any(|(name, typed)| name == field && typed == value)
    }

    pub(super) fn keep(&self, response: &mut Response, shop: &Shop) {
        // Texts and numbers always serialise.
        let plain = serde_json::to_vec(self).unwrap_or_default();
        shop.cookies.set(response, Kind::Checkout, &plain, SECONDS);
    }
}

/// Once the order is placed, or its account logged out.
pub(in crate::pages) fn forget(response: &mut Response, shop: &Shop) {
    shop.cookies.remove(response, Kind::Checkout);
}
