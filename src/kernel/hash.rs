//! SHA-256 over canonical fields, for chains, tokens and fingerprints.

use sha2::{Digest, Sha256};
use std::io::Write;

/// Hashes a list of fields so that no two different lists give the same input.
///
/// Each field is preceded by its length, so `["ab", "c"]` and `["a", "bc"]` differ; an absent
/// field differs from an empty one.
#[derive(Debug, Default)]
pub struct FieldHasher(Vec<u8>);

impl FieldHasher {
    /// An empty list of fields.
    pub fn new() -> Self {
        Self(Vec::with_capacity(1 << 10))
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, text: impl AsRef<[u8]>) -> Self {
        let bytes = text.as_ref();
        // Writing to memory cannot fail.
        let _ = write!(self.0, "{}:", bytes.len());
        self.0.extend_from_slice(bytes);
        self
    }

    /// Adds a field that may be absent.
    #[must_use]
    pub fn optional(mut self, text: Option<impl AsRef<[u8]>>) -> Self {
        match text {
            Some(text) => self.field(text),
            None => {
                self.0.extend_from_slice(b"-:");
                self
            }
        }
    }

    /// Adds a whole number.
    #[must_use]
    pub fn number(self, number: i64) -> Self {
        self.field(number.to_string())
    }

    /// The hash in lower-case hexadecimal, 64 characters.
    pub fn finish(self) -> String {
        sha256_hex(self.0)
    }
}

/// SHA-256 of some bytes in lower-case hexadecimal.
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes.as_ref()))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_abc_is_the_one_of_fips_180_4() {
        assert_eq!(
            sha256_hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn moving_a_letter_between_fields_changes_the_hash() {
        let one = FieldHasher::new().field("ab").field("c").finish();
        let other = FieldHasher::new().field("a").field("bc").finish();
        assert_ne!(one, other);
        let absent = FieldHasher::new().optional(None::<&str>).finish();
        assert_ne!(absent, FieldHasher::new().field("").finish());
    }
}
