//! Vouchers as they travel: codes that take something off an order's goods.
//!
//! | route | request | answer |
//! |---|---|---|
//! | `POST /v1/vouchers/check` | [`CheckVoucher`] | [`VoucherTerms`]; 409 `voucher_refused` says why at `voucher` |
//! | `GET /v1/staff/vouchers?page=&per_page=` | | [`VoucherPage`], newest first |
//! | `POST /v1/staff/vouchers` | [`NewVoucher`] | 201 [`Voucher`]; the same again answers the same; 409 `conflict` for another with this code |
//! | `POST /v1/staff/vouchers/{id}/end` | [`crate::orders::StaffNote`] | [`Voucher`]: nobody uses it any more |
//!
//! Orders is the one that decides: a check promises nothing, placing the order redeems.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{AccountId, Money};

/// Fewest and most characters of a code.
pub const CODE_LENGTH: std::ops::RangeInclusive<usize> = 4..=24;
/// Most that a voucher takes off, in percent: an order always costs something.
pub const MAX_PERCENT: u32 = 90;

/// What a voucher takes off the goods; never off delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Benefit {
    /// A part, rounded down to whole minor units.
    Percent {
        /// 1 to 90.
        #[schema(minimum = 1, maximum = 90)]
        percent: u32,
    },
    /// An amount, smaller than the voucher's minimum.
    Amount {
        /// How much.
        amount: Money,
    },
}

/// A code as it is compared: without blanks, in capitals. `None` when it can be none: other characters than letters,
/// digits and dashes, too short or too long.
pub fn normal_code(typed: &str) -> Option<String> {
    let code: String = typed.split_whitespace().collect::<String>().to_ascii_uppercase();
    let fine = code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-');
    (fine && CODE_LENGTH.contains(&code.len())).then_some(code)
}

/// A voucher as far as the arithmetic goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VoucherTerms {
    /// Its code.
    pub code: String,
    /// What it takes off.
    pub benefit: Benefit,
    /// The goods must be worth this or more.
    pub minimum: Money,
}

impl VoucherTerms {
    /// What it takes off goods of this worth: always less than all. Nothing in another currency.
    pub fn discount(&self, goods: Money) -> Money {
        let worth = goods.amount_minor.max(0);
        let off = match self.benefit {
            Benefit::Percent { percent } => {
                let off = i128::from(worth) * i128::from(percent.min(MAX_PERCENT)) / 100;
                i64::try_from(off).unwrap_or_default()
            }
            Benefit::Amount { amount } if amount.currency == goods.currency => amount.amount_minor.max(0),
            Benefit::Amount { .. } => 0,
        };
        Money::new(off.min((worth - 1).max(0)), goods.currency)
    }
}

/// Asks whether a code could be used now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckVoucher {
    /// As typed; at most 64 bytes.
    #[schema(min_length = 1, max_length = 64)]
    pub code: String,
    /// What the goods are worth.
    pub goods: Money,
    /// Who buys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// Where mails go, if that is known by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 254)]
    pub email: Option<String>,
}

/// Staff makes a voucher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVoucher {
    /// The staff member.
    #[schema(min_length = 1, max_length = 100)]
    pub actor: String,
    /// 4 to 24 letters, digits and dashes.
    #[schema(min_length = 4, max_length = 24)]
    pub code: String,
    /// What it takes off.
    pub benefit: Benefit,
    /// The goods must be worth this or more; more than an amount that is taken off.
    pub minimum: Money,
    /// From when on it counts.
    pub starts_at: DateTime<Utc>,
    /// Until when; at most 732 days from now where a person has a limit.
    pub ends_at: DateTime<Utc>,
    /// How many orders may use it, 1 to 1,000,000.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_uses: u32,
    /// How many orders of one account or e-mail address may, if that is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses_per_person: Option<u32>,
    /// What for; at most 500 bytes.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub note: String,
}

/// A voucher as staff sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Voucher {
    /// Its id.
    pub id: Uuid,
    /// Code, benefit and minimum.
    #[serde(flatten)]
    pub terms: VoucherTerms,
    /// From when on it counts.
    pub starts_at: DateTime<Utc>,
    /// Until when.
    pub ends_at: DateTime<Utc>,
    /// How many orders may use it.
    pub max_uses: u32,
    /// How many of one person may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses_per_person: Option<u32>,
    /// How many do.
    pub uses: u32,
    /// What for.
    #[serde(default)]
    pub note: String,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Who ended it before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// Why.
    #[serde(default)]
    pub end_note: String,
}

/// A page of vouchers, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VoucherPage {
    /// The vouchers.
    pub vouchers: Vec<Voucher>,
    /// The page, from 1.
    pub page: u32,
    /// Whether another page follows.
    pub has_more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    #[test]
    fn codes_are_compared_without_blanks_and_case() {
        assert_eq!(normal_code(" spring-26 ").as_deref(), Some("SPRING-26"));
        assert_eq!(normal_code("SPR ING").as_deref(), Some("SPRING"));
        for wrong in ["", "abc", "ÄPFEL", "a;b;c;d", &"A".repeat(25)] {
            assert_eq!(normal_code(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_voucher_takes_off_everything() {
        let euro = |minor| Money::new(minor, Currency::Eur);
        let off = |benefit, goods| {
            VoucherTerms { code: "CODE".to_owned(), benefit, minimum: euro(0) }
                .discount(euro(goods))
                .amount_minor
        };
        assert_eq!(off(Benefit::Percent { percent: 15 }, 999), 149);
        assert_eq!(off(Benefit::Percent { percent: 900 }, 1), 0);
        assert_eq!(off(Benefit::Amount { amount: euro(500) }, 300), 299);
        assert_eq!(off(Benefit::Amount { amount: Money::new(500, Currency::Usd) }, 3_000), 0);
    }
}
