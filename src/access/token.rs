//! Bearer tokens: 256 random bits that the service shows once and keeps only as a hash.

use crate::kernel::hash::sha256_hex;

/// A token in the clear, for its owner alone.
///
/// No `Debug` and no `Display`: it cannot slip into a log.
pub struct Token(String);

/// The machine gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the machine gave no random bytes: {0}")]
pub struct NoRandomness(String);

impl Token {
    /// A new token: `cb_` and 64 hexadecimal digits.
    ///
    /// # Errors
    /// When the machine has no source of random bytes.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(|error| NoRandomness(error.to_string()))?;
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(format!("cb_{digits}")))
    }

    /// The token, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The hash that is kept. A plain hash is enough, because the token is random, not chosen.
    pub fn hash(&self) -> String {
        hash(&self.0)
    }
}

/// The hash under which a presented token is looked up.
pub fn hash(presented: &str) -> String {
    sha256_hex(presented)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_their_hash_does_not_show_them() {
        let (one, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        assert_ne!(one.reveal(), other.reveal());
        assert_eq!(one.hash(), hash(one.reveal()));
        assert!(!one.hash().contains(&one.reveal()[3..20]));
    }
}
