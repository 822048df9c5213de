//! A secret of the server, from which other secrets are derived, so that none need be stored.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write;

/// 32 random bytes that only this server knows; never shown, never stored in the database.
#[derive(Clone)]
pub struct ServerKey([u8; 32]);

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerKey(…)")
    }
}

impl ServerKey {
    /// The key of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A secret for one purpose and thing; the same key always gives the same.
    pub fn derive(&self, purpose: &str, id: &str, number: i64) -> String {
        hmac_sha256_hex(&self.0, format!("{purpose}\n{id}\n{number}").as_bytes())
    }
}

/// HMAC-SHA256 (RFC 2104) in lower-case hexadecimal.
pub fn hmac_sha256_hex(key: &[u8], message: &[u8]) -> String {
    // A key of any length is taken, so there is no error to speak of.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(message);
    mac.finalize().into_bytes().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_gives_what_rfc_4231_says() {
        assert_eq!(
            hmac_sha256_hex(&[0x0b; 20], b"Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hmac_sha256_hex(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn secrets_of_one_key_differ_by_purpose_thing_and_number_and_are_never_printed() {
        let key = ServerKey::new([7; 32]);
        let all = [key.derive("a", "x", 1), key.derive("b", "x", 1), key.derive("a", "y", 1)];
        assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2]);
        assert_ne!(key.derive("a", "x", 1), key.derive("a", "x", 2));
        assert_eq!(key.derive("a", "x", 1), ServerKey::new([7; 32]).derive("a", "x", 1));
        assert_eq!(format!("{key:?}"), "ServerKey(…)");
    }
}
