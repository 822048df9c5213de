//! Rates that planners write down: use per post and day, a quantile, a deviation; exact, never a float.

use crate::kernel::{FaultCode, Ratio};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most digits above or below the line of a rate; what a person would still read.
const MAX_DIGITS: usize = 12;

/// An exact fraction from zero up, as people write it: `4`, `"6/5"` or `"1.2"`.
///
/// Whole ones are JSON integers, others texts in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(Ratio);

impl Rate {
    /// One.
    pub const ONE: Self = Self(Ratio::whole(1));

    /// A rate of so many whole units.
    pub fn whole(units: u32) -> Self {
        Self(Ratio::whole(units.into()))
    }

    /// The fraction `above / below`; `None` when it is negative, not finite or too long.
    pub fn of(above: i128, below: i128) -> Option<Self> {
        Self::from_ratio(Ratio::new(above, below)?)
    }

    /// A fraction as a rate; `None` when it is negative or too long.
    pub fn from_ratio(ratio: Ratio) -> Option<Self> {
        let most = 10_i128.pow(u32::try_from(MAX_DIGITS).unwrap_or(12));
        let fits = (0..=most).contains(&ratio.numerator()) && ratio.denominator() <= most;
        fits.then_some(Self(ratio))
    }

    /// Reads `4`, `6/5` or `1.2`.
    ///
    /// # Errors
    /// `invalid_format` when it is none of them; `out_of_range` when it has too many digits.
    pub fn parse(text: &str) -> Result<Self, FaultCode> {
        let text = text.trim();
        let (above, below) = if let Some((above, below)) = text.split_once('/') {
            (digits(above.trim())?, digits(below.trim())?)
        } else if let Some((whole, decimals)) = text.split_once('.') {
            digits(decimals)?;
            let places = u32::try_from(decimals.len()).unwrap_or(u32::MAX);
            let scale = 10_i128.checked_pow(places).ok_or(FaultCode::OutOfRange)?;
            let joined = format!("{whole}{decimals}");
            digits(whole)?;
            (digits(&joined)?, scale)
        } else {
            (digits(text)?, 1)
        };
        if below == 0 {
            return Err(FaultCode::InvalidFormat);
        }
        Self::of(above, below).ok_or(FaultCode::OutOfRange)
    }

    /// The fraction.
    pub const fn ratio(self) -> Ratio {
        self.0
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

fn digits(text: &str) -> Result<i128, FaultCode> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FaultCode::InvalidFormat);
    }
    // A decimal of twelve places with twelve digits before them is still read, to be shortened.
    if text.len() > 2 * MAX_DIGITS {
        return Err(FaultCode::OutOfRange);
    }
    text.parse().map_err(|_longer| FaultCode::OutOfRange)
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(self.0.numerator()) {
            Ok(whole) if self.0.denominator() == 1 => serializer.serialize_i64(whole),
            _ => serializer.collect_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = RateText::deserialize(deserializer)?;
        text.read().map_err(|code| D::Error::custom(code.as_str()))
    }
}

/// A rate as a client wrote it, not read yet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum RateText {
    /// A JSON integer.
    Whole(i64),
    /// A fraction or a decimal.
    Text(String),
}

impl RateText {
    /// The rate.
    ///
    /// # Errors
    /// `out_of_range` when negative or too long, `invalid_format` when it cannot be read.
    pub fn read(&self) -> Result<Rate, FaultCode> {
        match self {
            Self::Whole(whole) => Rate::of((*whole).into(), 1).ok_or(FaultCode::OutOfRange),
            Self::Text(text) => Rate::parse(text),
        }
    }
}

fn schema_of_a_rate() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
    use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
    OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)))
        .item(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .pattern(Some(r"^\d+(/\d+|\.\d+)?$"))
                .examples([serde_json::json!("6/5"), serde_json::json!("1.2")]),
        )
        .description(Some(
            "An exact rate from zero up: an integer, or a fraction or decimal as text; at most \
             twelve digits above and below the line. Never a JSON number with a decimal point.",
        ))
        .into()
}

impl utoipa::PartialSchema for Rate {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        schema_of_a_rate()
    }
}

impl utoipa::ToSchema for Rate {}

impl utoipa::PartialSchema for RateText {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        schema_of_a_rate()
    }
}

impl utoipa::ToSchema for RateText {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_written_whole_as_a_fraction_or_as_a_decimal() {
        for (text, shown) in
            [("4", "4"), ("12/10", "6/5"), ("1.20", "6/5"), ("2.278023", "2278023/1000000")]
        {
            assert_eq!(Rate::parse(text).unwrap().to_string(), shown);
        }
        for bad in ["", "-1", "1.2.3", "1/0", "1.", ".5", "1e3", "½"] {
            assert_eq!(Rate::parse(bad), Err(FaultCode::InvalidFormat), "{bad}");
        }
        assert_eq!(Rate::parse("1234567890123"), Err(FaultCode::OutOfRange));
        assert_eq!(RateText::Whole(-1).read(), Err(FaultCode::OutOfRange));
    }

    #[test]
    fn a_rate_reads_back_from_its_json() {
        for (rate, json) in [(Rate::whole(4), "4"), (Rate::of(6, 5).unwrap(), "\"6/5\"")] {
            assert_eq!(serde_json::to_string(&rate).unwrap(), json);
            assert_eq!(serde_json::from_str::<Rate>(json).unwrap(), rate);
        }
        assert!(serde_json::from_str::<Rate>("1.5").is_err(), "a float is no rate");
    }
}
