//! Codes that people choose or read from labels.

use crate::kernel::refusal::FaultCode;
use serde::{Deserialize, Serialize};

/// A text that is no valid code of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid code: {0}")]
pub struct NotACode(pub String);

macro_rules! code_kind {
    ($(#[$meta:meta])* $name:ident, $pattern:literal, $valid:expr) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            diesel::expression::AsExpression, diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = diesel::sql_types::Text)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A code in the spelling that its kind allows.
            ///
            /// # Errors
            /// `Required` when empty, `InvalidFormat` in any other spelling.
            pub fn new(text: &str) -> Result<Self, FaultCode> {
                let valid: fn(&str) -> bool = $valid;
                match text {
                    "" => Err(FaultCode::Required),
                    text if valid(text) => Ok(Self(text.to_owned())),
                    _ => Err(FaultCode::InvalidFormat),
                }
            }

            /// The code as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotACode;
            fn try_from(text: String) -> Result<Self, NotACode> {
                Self::new(&text).map_err(|_fault| NotACode(text))
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> String {
                code.0
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some($pattern))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        $crate::text_column!($name);
    };
}

/// 1 to 32 of `A–Z a–z 0–9 - _ .`, beginning with a letter or digit.
fn is_plain_code(text: &str) -> bool {
    text.len() <= 32
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

code_kind! {
    /// The code of an item, chosen by people and never changed, e.g. `M03`.
    ItemCode, r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$", is_plain_code
}
code_kind! {
    /// The code of a store, chosen by people and never changed, e.g. `QN-DEPOT`.
    StoreCode, r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$", is_plain_code
}
code_kind! {
    /// The code of a capability, chosen by people and never changed, e.g. `PCR`.
    CapabilityCode, r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$", is_plain_code
}
code_kind! {
    /// A division of GB/T 2260 and its statistical sub-codes: 2, 4, 6, 9 or 12 digits.
    ///
    /// A division's code begins with the code of the one above it.
    RegionCode, r"^\d{2}(\d{2}(\d{2}(\d{3}(\d{3})?)?)?)?$", |text| {
        matches!(text.len(), 2 | 4 | 6 | 9 | 12) && text.bytes().all(|b| b.is_ascii_digit())
    }
}
code_kind! {
    /// A global trade item number of GS1: 8, 12, 13 or 14 digits with a valid check digit.
    Gtin, r"^(\d{8}|\d{12,14})$", |text| {
        matches!(text.len(), 8 | 12 | 13 | 14)
            && text.bytes().all(|b| b.is_ascii_digit())
            && has_gs1_check_digit(text)
    }
}
code_kind! {
    /// A lot number as the label shows it: 1 to 40 characters, no control characters.
    ///
    /// GS1 allows 20 of a small set, but real labels carry spaces, `#` and Chinese.
    LotNumber, r"^.{1,40}$", |text| {
        text.chars().count() <= 40 && text == text.trim() && !text.chars().any(char::is_control)
    }
}

impl RegionCode {
    /// The division above this one, or `None` for a province.
    pub fn parent(&self) -> Option<Self> {
        let shorter = match self.0.len() {
            4 => 2,
            6 => 4,
            9 => 6,
            12 => 9,
            _ => return None,
        };
        self.0.get(..shorter).map(|text| Self(text.to_owned()))
    }

    /// Whether `other` is this division or lies within it.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// This division and every one above it, nearest first.
    pub fn with_ancestors(&self) -> Vec<Self> {
        std::iter::successors(Some(self.clone()), Self::parent).collect()
    }
}

impl Gtin {
    /// The number padded to fourteen digits, the form in which labels are compared.
    pub fn to_fourteen(&self) -> String {
        format!("{:0>14}", self.0)
    }
}

/// GS1 General Specifications §7.9: weights 3 and 1 from the right, sum to a multiple of ten.
fn has_gs1_check_digit(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip([1_u32, 3].into_iter().cycle())
        .map(|(byte, weight)| u32::from(byte.wrapping_sub(b'0')) * weight)
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gtin_needs_its_check_digit() {
        assert!(Gtin::new("06901234567892").is_ok());
        assert!(Gtin::new("6901234567892").is_ok());
        assert_eq!(Gtin::new("06901234567893"), Err(FaultCode::InvalidFormat));
        assert_eq!(Gtin::new("690123456789"), Err(FaultCode::InvalidFormat));
        assert_eq!(Gtin::new("6901234567892").unwrap().to_fourteen(), "06901234567892");
    }

    #[test]
    fn a_township_lies_within_its_county_and_province() {
        let township = RegionCode::new("360729101").unwrap();
        let county = RegionCode::new("360729").unwrap();
        assert!(county.contains(&township) && !township.contains(&county));
        let above: Vec<String> = township.with_ancestors().into_iter().map(String::from).collect();
        assert_eq!(above, ["360729101", "360729", "3607", "36"]);
        assert!(RegionCode::new("36072").is_err());
    }

    #[test]
    fn codes_have_no_spaces_and_lot_numbers_may_be_chinese() {
        assert_eq!(ItemCode::new("M 3"), Err(FaultCode::InvalidFormat));
        assert_eq!(ItemCode::new(""), Err(FaultCode::Required));
        assert!(LotNumber::new("批20260101#A").is_ok());
        assert!(LotNumber::new(" A").is_err());
    }
}
