//! Exact fractions for rates: average daily consumption, coverage, days of cover.

use crate::kernel::quantity::Quantity;
use std::cmp::Ordering;

/// A fraction in lowest terms with a positive denominator; never a float.
///
/// Written `61/2`, and bare (`30`) when it is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    numerator: i128,
    denominator: i128,
}

impl Ratio {
    /// Nothing.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };

    /// `numerator / denominator`, or `None` when the denominator is zero.
    pub fn new(numerator: i128, denominator: i128) -> Option<Self> {
        if denominator == 0 || numerator == i128::MIN || denominator == i128::MIN {
            return None;
        }
        let divisor = match (i64::try_from(numerator), i64::try_from(denominator)) {
            // Nearly all are this small, and halves of a word are divided many times as fast.
            (Ok(numerator), Ok(denominator)) => {
                let (a, b) = (numerator.unsigned_abs(), denominator.unsigned_abs());
                i128::from(small_common_divisor(a, b).max(1))
            }
            _ => greatest_common_divisor(numerator.abs(), denominator.abs()).max(1),
        };
        let sign = denominator.signum();
        Some(Self {
            numerator: sign * numerator / divisor,
            denominator: sign * denominator / divisor,
        })
    }

    /// A whole number.
    pub const fn whole(number: i128) -> Self {
        Self { numerator: number, denominator: 1 }
    }

    /// The part above the line.
    pub const fn numerator(self) -> i128 {
        self.numerator
    }

    /// The part below the line, always above zero.
    pub const fn denominator(self) -> i128 {
        self.denominator
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.numerator == 0
    }

    /// The sum, or `None` where it does not fit.
    pub fn plus(self, other: Self) -> Option<Self> {
        let left = self.numerator.checked_mul(other.denominator)?;
        let right = other.numerator.checked_mul(self.denominator)?;
        Self::new(left.checked_add(right)?, self.denominator.checked_mul(other.denominator)?)
    }

    /// The product, or `None` where it does not fit.
    pub fn times(self, other: Self) -> Option<Self> {
        Self::new(
            self.numerator.checked_mul(other.numerator)?,
            self.denominator.checked_mul(other.denominator)?,
        )
    }

    /// The largest whole number not above it.
    pub const fn floor(self) -> i128 {
        self.numerator.div_euclid(self.denominator)
    }

    /// The smallest whole number not below it.
    pub const fn ceil(self) -> i128 {
        -((-self.numerator).div_euclid(self.denominator))
    }

    /// The smallest quantity not below it: targets round up. `None` when negative or too large.
    pub fn ceil_quantity(self) -> Option<Quantity> {
        Quantity::new(i64::try_from(self.ceil()).ok()?).ok()
    }

    /// A decimal with `places` decimals, cut off towards zero, for people to read.
    pub fn to_decimal(self, places: u32) -> String {
        let scale = 10_i128.pow(places.min(9));
        let Some(scaled) = self.numerator.checked_mul(scale) else {
            return self.floor().to_string();
        };
        let cut = scaled / self.denominator;
        let sign = if cut < 0 { "-" } else { "" };
        let cut = cut.abs();
        if places == 0 {
            return format!("{sign}{cut}");
        }
        let width = usize::try_from(places.min(9)).unwrap_or(9);
        format!("{sign}{}.{:0width$}", cut / scale, cut % scale)
    }
}

const fn small_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

const fn greatest_common_divisor(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ratio {
    /// By cross-multiplication; where that does not fit, by whole parts and then remainders.
    fn cmp(&self, other: &Self) -> Ordering {
        match (
            self.numerator.checked_mul(other.denominator),
            other.numerator.checked_mul(self.denominator),
        ) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => self.floor().cmp(&other.floor()).then_with(|| {
                let rest = |r: &Self| Self {
                    numerator: r.denominator,
                    denominator: r.numerator.rem_euclid(r.denominator),
                };
                let (mine, theirs) = (rest(self), rest(other));
                match (mine.denominator == 0, theirs.denominator == 0) {
                    (true, true) => Ordering::Equal,
                    (true, false) => Ordering::Less,
                    (false, true) => Ordering::Greater,
                    // The fraction with the larger reciprocal is the smaller one.
                    (false, false) => theirs.cmp(&mine),
                }
            }),
        }
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.denominator == 1 {
            self.numerator.fmt(f)
        } else {
            write!(f, "{}/{}", self.numerator, self.denominator)
        }
    }
}

impl serde::Serialize for Ratio {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl utoipa::PartialSchema for Ratio {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some(r"^-?\d+(/\d+)?$"))
            .description(Some("An exact fraction in lowest terms; whole numbers stand bare."))
            .examples([serde_json::json!("61/2")])
            .into()
    }
}

impl utoipa::ToSchema for Ratio {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_in_lowest_terms_and_whole_ones_stand_bare() {
        assert_eq!(Ratio::new(1830, 60).unwrap().to_string(), "61/2");
        assert_eq!(Ratio::new(60, 2).unwrap().to_string(), "30");
        assert_eq!(Ratio::new(-4, -6).unwrap().to_string(), "2/3");
        assert_eq!(Ratio::new(1, 0), None);
    }

    #[test]
    fn targets_round_up_and_what_is_given_rounds_down() {
        let r = Ratio::new(61, 2).unwrap();
        assert_eq!((r.ceil(), r.floor()), (31, 30));
        assert_eq!((Ratio::whole(7).ceil(), Ratio::whole(7).floor()), (7, 7));
        assert_eq!(Ratio::new(310, 1121).unwrap().to_decimal(3), "0.276");
    }

    #[test]
    fn comparison_holds_where_cross_multiplication_does_not_fit() {
        let huge = i128::MAX / 2;
        let a = Ratio::new(huge, huge - 1).unwrap();
        let b = Ratio::new(huge - 1, huge - 2).unwrap();
        assert!(a < b);
    }

    proptest::proptest! {
        #[test]
        fn order_agrees_with_cross_multiplication(a in -1000i128..1000, b in 1i128..1000, c in -1000i128..1000, d in 1i128..1000) {
            let (x, y) = (Ratio::new(a, b).unwrap(), Ratio::new(c, d).unwrap());
            proptest::prop_assert_eq!(x.cmp(&y), (a * d).cmp(&(c * b)));
            proptest::prop_assert!(x.floor() <= x.ceil() && x.ceil() - x.floor() <= 1);
        }
    }
}
