//! How a parcel gets to its buyer, what that costs and how long it takes.
//!
//! One table for all: orders charges by it and pages show it. Prices are in cents of the goods' currency, tax contained.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Money;

/// How the parcel gets there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryMethod {
    /// By post.
    #[default]
    Standard,
    /// By courier.
    Express,
    /// The buyer fetches it in Kiel.
    PickUp,
}

/// Where goods that are picked up change hands: their tax is this country's.
pub const PICK_UP_COUNTRY: &str = "DE";

impl DeliveryMethod {
    /// Every method, in the order to offer them.
    pub const ALL: [Self; 3] = [Self::Standard, Self::Express, Self::PickUp];

    /// Its name in the database, in forms and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Express => "express",
            Self::PickUp => "pick_up",
        }
    }

    /// The method with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }

    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::Express => "Express",
            Self::PickUp => "Pick-up in Kiel",
        }
    }

    /// First and last working day after the order on which it is there.
    pub const fn promised_days(self) -> (u8, u8) {
        match self {
            Self::Standard => (2, 4),
            Self::Express => (1, 1),
            Self::PickUp => (0, 1),
        }
    }

    /// Goods worth this or more, before any voucher, travel for nothing; minor units.
    pub const fn free_from_minor(self) -> Option<i64> {
        match self {
            Self::Standard => Some(7_500),
            Self::Express => None,
            Self::PickUp => Some(0),
        }
    }

    /// What it costs for goods of this worth.
    pub const fn price(self, goods: Money) -> Money {
        let full = match self {
            Self::Standard => 490,
            Self::Express => 1_290,
            Self::PickUp => 0,
        };
        let is_free = match self.free_from_minor() {
            Some(least) => goods.amount_minor >= least,
            None => false,
        };
        Money::new(if is_free { 0 } else { full }, goods.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    #[test]
    fn standard_is_free_from_its_threshold_on_and_express_never() {
        let price =
            |method: DeliveryMethod, goods| method.price(Money::new(goods, Currency::Eur)).amount_minor;
        assert_eq!([7_499, 7_500].map(|goods| price(DeliveryMethod::Standard, goods)), [490, 0]);
        assert_eq!([1, 1_000_000].map(|goods| price(DeliveryMethod::Express, goods)), [1_290, 1_290]);
        assert_eq!(price(DeliveryMethod::PickUp, 1), 0);
    }

    #[test]
    fn names_are_read_back_and_are_the_wire_s() {
        for method in DeliveryMethod::ALL {
            assert_eq!(DeliveryMethod::parse(method.as_str()), Some(method));
            assert_eq!(serde_json::to_value(method).unwrap(), method.as_str());
        }
    }
}
