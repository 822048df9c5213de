//! Quantities: whole base units, never a fraction and never a float.

use serde::{Deserialize, Serialize};

/// A number of base units of one item; never negative.
///
/// The base unit is the smallest unit in which the item is handled (只, 瓶, 人份), so every
/// quantity is whole and sums are exact. Packs are a concern of `catalogue`.
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
#[serde(try_from = "i64", into = "i64")]
pub struct Quantity(i64);

/// A number that is no quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a quantity from 0 to 9007199254740991")]
pub struct QuantityOutOfRange(pub i64);

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One base unit.
    pub const ONE: Self = Self(1);
    /// 2^53 - 1: the largest integer that a JSON client keeps exactly (RFC 8259 section 6).
    pub const MAX: Self = Self(9_007_199_254_740_991);

    /// A quantity of `units` base units.
    ///
    /// # Errors
    /// When `units` is negative or above [`Quantity::MAX`].
    pub const fn new(units: i64) -> Result<Self, QuantityOutOfRange> {
        if units < 0 || units > Self::MAX.0 {
            Err(QuantityOutOfRange(units))
        } else {
            Ok(Self(units))
        }
    }

    /// The number of base units.
    pub const fn units(self) -> i64 {
        self.0
    }

    /// Whether there is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// What is left after taking `other`, or `None` when there is not enough.
    pub const fn minus(self, other: Self) -> Option<Self> {
        if other.0 > self.0 { None } else { Some(Self(self.0 - other.0)) }
    }

    /// What is left after taking `other`, or nothing when there is not enough.
    pub const fn minus_or_zero(self, other: Self) -> Self {
        if other.0 > self.0 { Self::ZERO } else { Self(self.0 - other.0) }
    }

    /// Both together, or `None` above [`Quantity::MAX`].
    pub const fn plus(self, other: Self) -> Option<Self> {
        // Both are below 2^53, so their sum fits an i64.
        let sum = self.0 + other.0;
        if sum > Self::MAX.0 { None } else { Some(Self(sum)) }
    }

    /// Both together, held at [`Quantity::MAX`].
    #[must_use]
    pub const fn plus_capped(self, other: Self) -> Self {
        match self.plus(other) {
            Some(sum) => sum,
            None => Self::MAX,
        }
    }

    /// `count` times this, or `None` above [`Quantity::MAX`].
    pub const fn times(self, count: i64) -> Option<Self> {
        match self.0.checked_mul(count) {
            Some(product) => match Self::new(product) {
                Ok(quantity) => Some(quantity),
                Err(_) => None,
            },
            None => None,
        }
    }

    /// The sum of many, held at [`Quantity::MAX`].
    pub fn total(quantities: impl IntoIterator<Item = Self>) -> Self {
        quantities.into_iter().fold(Self::ZERO, Self::plus_capped)
    }

    pub(crate) const fn as_column(&self) -> &i64 {
        &self.0
    }

    pub(crate) const fn from_column(units: i64) -> Result<Self, QuantityOutOfRange> {
        Self::new(units)
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<i64> for Quantity {
    type Error = QuantityOutOfRange;
    fn try_from(units: i64) -> Result<Self, QuantityOutOfRange> {
        Self::new(units)
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> i64 {
        quantity.0
    }
}

impl utoipa::PartialSchema for Quantity {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::Integer)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(
                utoipa::openapi::KnownFormat::Int64,
            )))
            .minimum(Some(0))
            .maximum(Some(9_007_199_254_740_991_i64))
            .description(Some("Base units of the item."))
            .into()
    }
}

impl utoipa::ToSchema for Quantity {}

crate::integer_column!(Quantity);

/// A change of a quantity: base units added (above zero) or taken away (below zero).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuantityChange(i64);

impl QuantityChange {
    /// A change by `units`.
    ///
    /// # Errors
    /// When its size is above [`Quantity::MAX`].
    pub const fn new(units: i64) -> Result<Self, QuantityOutOfRange> {
        if units > Quantity::MAX.0 || units < -Quantity::MAX.0 {
            Err(QuantityOutOfRange(units))
        } else {
            Ok(Self(units))
        }
    }

    /// The signed number of base units.
    pub const fn units(self) -> i64 {
        self.0
    }

    /// Its size, without the sign.
    pub const fn size(self) -> Quantity {
        Quantity(self.0.abs())
    }

    /// Whether it takes away.
    pub const fn is_decrease(self) -> bool {
        self.0 < 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_never_negative_and_never_above_what_json_keeps() {
        assert!(Quantity::new(-1).is_err());
        assert!(Quantity::new(9_007_199_254_740_992).is_err());
        assert_eq!(Quantity::new(7).map(Quantity::units), Ok(7));
    }

    #[test]
    fn taking_more_than_there_is_gives_none() {
        let three = Quantity::new(3).unwrap();
        let five = Quantity::new(5).unwrap();
        assert_eq!(three.minus(five), None);
        assert_eq!(five.minus(three), Some(Quantity::new(2).unwrap()));
        assert_eq!(three.minus_or_zero(five), Quantity::ZERO);
        assert_eq!(Quantity::MAX.plus(three), None);
        assert_eq!(three.times(i64::MAX), None);
    }
}
