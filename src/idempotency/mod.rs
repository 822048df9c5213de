//! Idempotency keys: a repeated request gets the first answer again, and no second effect.
//!
//! The key is kept with a fingerprint of the request in the transaction of its effect
//! (draft-ietf-httpapi-idempotency-key-header-07).

pub mod records;

use crate::kernel::hash::FieldHasher;

/// A key with the fingerprint of the request that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// The client's key, 1 to 255 visible characters.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub fingerprint: String,
}

impl KeyedRequest {
    /// A key with what was asked under it.
    pub fn new(key: String, method: &str, path: &str, body: &[u8]) -> Self {
        let fingerprint = FieldHasher::new().field(method).field(path).field(body).finish();
        Self { key, fingerprint }
    }
}

/// Reads a key, quoted (a structured-field string) or bare.
pub fn parse_key(header: &str) -> Option<String> {
    let text = header.trim();
    let key = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    let visible = key.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'"');
    (!key.is_empty() && key.len() <= 255 && visible).then(|| key.to_owned())
}

/// An answer that was given and is kept for repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// HTTP status.
    pub status: u16,
    /// JSON body.
    pub body: String,
    /// `ETag`.
    pub etag: Option<String>,
    /// `Location`.
    pub location: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_bare_keys_are_the_same_and_others_are_refused() {
        assert_eq!(parse_key("\"a-1\""), Some("a-1".to_owned()));
        assert_eq!(parse_key("a-1"), Some("a-1".to_owned()));
        for bad in ["", "\"\"", "a b", "键", &"x".repeat(256)] {
            assert_eq!(parse_key(bad), None, "{bad}");
        }
    }
}
