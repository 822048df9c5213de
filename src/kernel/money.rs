//! Money: yuan in units of 1/10 000, shown as a decimal string.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// An amount of yuan in 1/10 000, so that unit costs such as 0.0325 are exact.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    diesel::expression::AsExpression,
    diesel::deserialize::FromSqlRow,
)]
#[diesel(sql_type = diesel::sql_types::BigInt)]
#[serde(try_from = "String", into = "String")]
pub struct Money(i64);

/// A text that is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an amount of yuan with at most four decimals: {0}")]
pub struct NotMoney(pub String);

impl Money {
    /// Number of decimals that are kept.
    pub const DECIMALS: u32 = 4;
    /// No money.
    pub const ZERO: Self = Self(0);

    /// An amount of `units` ten-thousandths of a yuan.
    pub const fn from_ten_thousandths(units: i64) -> Self {
        Self(units)
    }

    /// The amount in ten-thousandths of a yuan.
    pub const fn ten_thousandths(self) -> i64 {
        self.0
    }

    /// Reads plain decimal text such as `12.5`: digits, at most four decimals, no exponent.
    ///
    /// `rust_decimal` rounds silently what it cannot hold, so the shape is checked before.
    ///
    /// # Errors
    /// When the text has another shape or does not fit.
    pub fn parse(text: &str) -> Result<Self, NotMoney> {
        let refuse = || NotMoney(text.to_owned());
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str, most: usize| {
            !part.is_empty() && part.len() <= most && part.bytes().all(|b| b.is_ascii_digit())
        };
        if !plain(whole, 14) || !plain(fraction, 4) {
            return Err(refuse());
        }
        let mut decimal: Decimal =
            text.parse().map_err(|_unreadable: rust_decimal::Error| refuse())?;
        decimal.rescale(Self::DECIMALS);
        i64::try_from(decimal.mantissa()).map(Self).map_err(|_too_large| refuse())
    }

    /// The value of `units` base units at this price each, or `None` where it does not fit.
    pub const fn times(self, units: i64) -> Option<Self> {
        match self.0.checked_mul(units) {
            Some(product) => Some(Self(product)),
            None => None,
        }
    }

    /// Both together, or `None` where they do not fit.
    pub const fn plus(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    pub(crate) const fn as_column(&self) -> &i64 {
        &self.0
    }

    pub(crate) const fn from_column(units: i64) -> Result<Self, std::convert::Infallible> {
        Ok(Self(units))
    }
}

impl std::fmt::Display for Money {
    /// At least two decimals, more only where they are not zero: `12.50`, `0.0325`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut decimal = Decimal::new(self.0, Self::DECIMALS).normalize();
        if decimal.scale() < 2 {
            decimal.rescale(2);
        }
        decimal.fmt(f)
    }
}

impl TryFrom<String> for Money {
    type Error = NotMoney;
    fn try_from(text: String) -> Result<Self, NotMoney> {
        Self::parse(&text)
    }
}

impl From<Money> for String {
    fn from(money: Money) -> String {
        money.to_string()
    }
}

impl utoipa::PartialSchema for Money {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some(r"^-?\d{1,14}(\.\d{1,4})?$"))
            .description(Some("Yuan as a decimal string, at most four decimals."))
            .examples([serde_json::json!("12.50")])
            .into()
    }
}

impl utoipa::ToSchema for Money {}

crate::integer_column!(Money);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_and_shows_the_same_amount() {
        for (text, shown) in
            [("12.5", "12.50"), ("0.0325", "0.0325"), ("3", "3.00"), ("-1.10", "-1.10")]
        {
            assert_eq!(Money::parse(text).unwrap().to_string(), shown);
        }
        assert_eq!(Money::parse("12.5").unwrap().ten_thousandths(), 125_000);
    }

    #[test]
    fn what_would_be_rounded_is_refused() {
        for text in ["", "1.23456", "1e3", ".5", "5.", "999999999999999", "1,000", "NaN", "+1"] {
            assert!(Money::parse(text).is_err(), "{text}");
        }
    }
}
