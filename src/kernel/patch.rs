//! Fields of a PATCH: absent leaves a value, `null` clears it.

use serde::{Deserialize, Deserializer};

/// Tells `null` (`Some(None)`) from an absent field (`None`); use with `#[serde(default)]`.
///
/// # Errors
/// When the value has another type.
pub fn nullable<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}
