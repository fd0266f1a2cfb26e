//! Value-added tax that prices contain, by the country that goods go to.
//!
//! Rates are in hundredths of a percent (1900 is 19 %). Rule of rounding, **half up per rate**: all that an order charges
//! at one rate is added up first, the tax in that sum is rounded once, half a cent upwards, and the lines share it out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which of a country's rates a product has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaxClass {
    /// Most things, and delivery.
    #[default]
    Standard,
    /// Books and charts.
    Printed,
}

/// A country that the shop delivers to: code, standard rate, rate of printed matter.
const RATES: [(&str, u32, u32); 10] = [
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
const WHOLE: i128 = 10_000;

impl TaxClass {
    /// Every class.
    pub const ALL: [Self; 2] = [Self::Standard, Self::Printed];

    /// Its name in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Printed => "printed",
        }
    }

    /// The class with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }

    /// Its rate in a country, in hundredths of a percent; `None` where nothing is delivered to.
    pub fn rate_bp(self, country: &str) -> Option<u32> {
        let (_, standard, printed) = RATES.iter().find(|(code, ..)| *code == country)?;
        Some(match self {
            Self::Standard => *standard,
            Self::Printed => *printed,
        })
    }
}

/// Codes of the countries that goods are delivered to.
pub fn countries() -> impl Iterator<Item = &'static str> {
    RATES.iter().map(|(code, ..)| *code)
}

/// The tax that an amount contains at a rate, in minor units, half a unit upwards. Between none and the amount.
pub fn contained(gross_minor: i64, rate_bp: u32) -> i64 {
    let (gross, rate) = (i128::from(gross_minor.max(0)), i128::from(rate_bp));
    let doubled = 2 * gross * rate + WHOLE + rate;
    i64::try_from(doubled / (2 * (WHOLE + rate))).unwrap_or(gross_minor)
}

/// A rate as people read it: `19 %`, `25.5 %`.
pub fn percent(rate_bp: u32) -> String {
    match (rate_bp / 100, rate_bp % 100) {
        (whole, 0) => format!("{whole} %"),
        (whole, part) if part % 10 == 0 => format!("{whole}.{} %", part / 10),
        (whole, part) => format!("{whole}.{part:02} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contained_tax_is_rounded_half_up() {
        // 119.00 at 19 % contains 19.00; 0.03 at 20 % contains half a cent.
        assert_eq!(contained(11_900, 1_900), 1_900);
        assert_eq!(contained(3, 2_000), 1);
        assert_eq!(contained(2, 2_000), 0);
        assert_eq!((contained(0, 1_900), contained(500, 0), contained(-5, 1_900)), (0, 0, 0));
        assert!(contained(i64::MAX, 2_550) < i64::MAX / 4);
    }

    #[test]
    fn rates_print_as_people_write_them() {
        assert_eq!([1_900, 550, 2_550, 0, 1_234].map(percent), ["19 %", "5.5 %", "25.5 %", "0 %", "12.34 %"]);
    }

    #[test]
    fn a_country_without_delivery_has_no_rate() {
        assert_eq!(TaxClass::Printed.rate_bp("DE"), Some(700));
        assert_eq!(TaxClass::Standard.rate_bp("XX"), None);
        for class in TaxClass::ALL {
            assert_eq!(TaxClass::parse(class.as_str()), Some(class));
        }
    }
}
