//! Money: integer minor units and a currency. Never a float, and never a sum over two currencies.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An amount in minor units (cents) of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Money {
    /// Minor units: 1999 is 19.99 of a currency with two decimals.
    pub amount_minor: i64,
    /// The currency that the amount is in.
    pub currency: Currency,
}

/// The currencies the shop can sell in (ISO 4217).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Euro, the shop's default.
    #[default]
    Eur,
    /// Pound sterling.
    Gbp,
    /// United States dollar.
    Usd,
}

/// Why an arithmetic step on money was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The two amounts are in different currencies.
    #[error("cannot combine {0} with {1}")]
    CurrencyMismatch(Currency, Currency),
    /// The result does not fit 64 bits.
    #[error("amount out of range")]
    Overflow,
}

impl Currency {
    /// ISO 4217 code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
            Self::Usd => "USD",
        }
    }

    /// Sign used in front of an amount.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Eur => "€",
            Self::Gbp => "£",
            Self::Usd => "$",
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A text that is not the code of a currency the shop sells in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown currency '{0}'")]
pub struct UnknownCurrency(pub String);

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "EUR" => Ok(Self::Eur),
            "GBP" => Ok(Self::Gbp),
            "USD" => Ok(Self::Usd),
            other => Err(UnknownCurrency(other.to_owned())),
        }
    }
}

impl Money {
    /// An amount of minor units.
    pub const fn new(amount_minor: i64, currency: Currency) -> Self {
        Self { amount_minor, currency }
    }

    /// Nothing, in this currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Sum, if both are in one currency and the sum fits.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch(self.currency, other.currency));
        }
        let amount = self.amount_minor.checked_add(other.amount_minor).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(amount, self.currency))
    }

    /// This amount `quantity` times.
    pub fn checked_mul(self, quantity: u32) -> Result<Self, MoneyError> {
        let amount = self.amount_minor.checked_mul(i64::from(quantity)).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(amount, self.currency))
    }

    /// Sum of amounts that must all be in `currency`.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }
}

/// `€19.99`; negative amounts as `-€19.99`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.amount_minor < 0 { "-" } else { "" };
        let minor = self.amount_minor.unsigned_abs();
        write!(f, "{sign}{}{}.{:02}", self.currency.symbol(), minor / 100, minor % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_print_with_symbol_and_two_decimals() {
        assert_eq!(Money::new(1999, Currency::Eur).to_string(), "€19.99");
        assert_eq!(Money::new(-5, Currency::Usd).to_string(), "-$0.05");
        assert_eq!(Money::new(i64::MIN, Currency::Gbp).to_string(), "-£92233720368547758.08");
    }

    #[test]
    fn currencies_never_mix() {
        let mixed = Money::new(1, Currency::Eur).checked_add(Money::new(1, Currency::Usd));
        assert_eq!(mixed, Err(MoneyError::CurrencyMismatch(Currency::Eur, Currency::Usd)));
    }

    #[test]
    fn overflow_is_an_error_and_not_a_wrong_amount() {
        assert_eq!(Money::new(i64::MAX, Currency::Eur).checked_mul(2), Err(MoneyError::Overflow));
        assert_eq!(
            Money::sum(Currency::Eur, [Money::new(i64::MAX, Currency::Eur), Money::new(1, Currency::Eur)]),
            Err(MoneyError::Overflow)
        );
    }

    #[test]
    fn currency_travels_as_its_iso_code() {
        let json = serde_json::to_string(&Money::new(250, Currency::Eur)).unwrap();
        assert_eq!(json, r#"{"amount_minor":250,"currency":"EUR"}"#);
        assert!(serde_json::from_str::<Money>(r#"{"amount_minor":1,"currency":"XXX"}"#).is_err());
    }
}
