//! A checkpoint: the heads of all chains at one moment, under a signature.

use crate::chain::Head;
use crate::kernel::Instant;
use crate::kernel::hash::{FieldHasher, sha256_hex};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

/// The name and version of the format, which is signed too.
const FORMAT: &str = "changbei-checkpoint-1";

/// The heads of all chains at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The format, always the same.
    pub format: String,
    /// When it was made, by the clock of the machine that made it.
    pub made_at: Instant,
    /// Movements in the book.
    pub movements: i64,
    /// Entries of the audit trail.
    pub audit_entries: i64,
    /// The head of every chain, by name.
    pub chains: Vec<ChainHead>,
}

/// The newest link of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainHead {
    /// The chain's name.
    pub chain: String,
    /// How many links it has.
    pub seq: i64,
    /// The hash of the newest, which stands for all before it.
    pub hash: String,
    /// When the newest was recorded.
    pub recorded_at: Instant,
}

/// A checkpoint with its signature, as it is written to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedCheckpoint {
    /// What is signed.
    pub checkpoint: Checkpoint,
    /// Always `Ed25519` (RFC 8032).
    pub algorithm: String,
    /// The first 16 digits of the SHA-256 of the public key.
    pub key_id: String,
    /// The public key in hexadecimal; that it stands here proves nothing.
    pub public_key: String,
    /// The signature in hexadecimal.
    pub signature: String,
}

/// Why a checkpoint proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotProven {
    /// It is not the file of a checkpoint, or of one without a signature.
    #[error("not a signed checkpoint: {0}")]
    Unreadable(String),
    /// It is signed by another key than the one that is trusted.
    #[error("signed by the key {found}, not by {trusted}")]
    OtherKey {
        /// The id of the key that it names.
        found: String,
        /// The id of the key that is trusted.
        trusted: String,
    },
    /// The signature does not fit what the file says.
    #[error("the signature of the key {0} does not fit what the checkpoint says")]
    Forged(String),
}

impl Checkpoint {
    /// The checkpoint of some heads, in the order of their names.
    pub fn of(heads: Vec<Head>, made_at: Instant) -> Self {
        let mut chains: Vec<ChainHead> = heads
            .into_iter()
            .map(|head| ChainHead {
                chain: head.chain,
                seq: head.seq,
                hash: head.hash,
                recorded_at: head.recorded_at,
            })
            .collect();
        chains.sort_unstable_by(|one, other| one.chain.cmp(&other.chain));
        let links = |prefix: &str| {
            let of_kind = chains.iter().filter(|head| head.chain.starts_with(prefix));
            of_kind.fold(0_i64, |sum, head| sum.saturating_add(head.seq))
        };
        Self {
            format: FORMAT.to_owned(),
            made_at,
            movements: links("stock/"),
            audit_entries: links("audit/"),
            chains,
        }
    }

    /// What is signed: the format's name and a hash of every field, so that neither the layout of
    /// the file nor the signatures of anything else matter.
    fn message(&self) -> String {
        let head = FieldHasher::new()
            .field(&self.format)
            .number(self.made_at.micros())
            .number(self.movements)
            .number(self.audit_entries)
            .field(self.chains.len().to_string());
        let all = self.chains.iter().fold(head, |hasher, chain| {
            hasher
                .field(&chain.chain)
                .number(chain.seq)
                .field(&chain.hash)
                .number(chain.recorded_at.micros())
        });
        format!("{FORMAT}:{}", all.finish())
    }

    /// Signs the checkpoint.
    pub fn sign(self, key: &SigningKey) -> SignedCheckpoint {
        let signature = key.sign(self.message().as_bytes());
        let public = key.verifying_key();
        SignedCheckpoint {
            checkpoint: self,
            algorithm: "Ed25519".to_owned(),
            key_id: key_id(&public),
            public_key: hex(public.as_bytes()),
            signature: hex(&signature.to_bytes()),
        }
    }
}

impl SignedCheckpoint {
    /// Reads the file of a checkpoint.
    ///
    /// # Errors
    /// [`NotProven::Unreadable`] when it is none.
    pub fn read(text: &str) -> Result<Self, NotProven> {
        serde_json::from_str(text).map_err(|error| NotProven::Unreadable(error.to_string()))
    }

    /// What the checkpoint says, when the trusted key signed it.
    ///
    /// # Errors
    /// [`NotProven`] when it did not.
    pub fn proven_by(&self, trusted: &VerifyingKey) -> Result<&Checkpoint, NotProven> {
        if self.checkpoint.format != FORMAT || self.algorithm != "Ed25519" {
            return Err(NotProven::Unreadable(self.checkpoint.format.clone()));
        }
        if self.public_key != hex(trusted.as_bytes()) {
            let (found, trusted) = (self.key_id.clone(), key_id(trusted));
            return Err(NotProven::OtherKey { found, trusted });
        }
        let forged = || NotProven::Forged(key_id(trusted));
        let bytes: [u8; 64] = unhex(&self.signature).ok_or_else(forged)?;
        trusted
            .verify_strict(self.checkpoint.message().as_bytes(), &Signature::from_bytes(&bytes))
            .map_err(|_does_not_fit| forged())?;
        Ok(&self.checkpoint)
    }
}

/// The short name of a public key.
pub fn key_id(key: &VerifyingKey) -> String {
    sha256_hex(key.as_bytes()).chars().take(16).collect()
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that a hexadecimal text of exactly their length means.
pub fn unhex<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let digits = text.trim();
    if digits.len() != LENGTH * 2 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let bytes: Option<Vec<u8>> = (0..LENGTH)
        .map(|at| u8::from_str_radix(digits.get(at * 2..at * 2 + 2)?, 16).ok())
        .collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(key: &SigningKey) -> SignedCheckpoint {
        let head = |chain: &str, seq| Head {
            chain: chain.to_owned(),
            seq,
            hash: format!("{seq:064x}"),
            recorded_at: Instant::parse("2026-03-02T02:00:00Z").unwrap(),
        };
        let heads = vec![head("stock/A", 3), head("audit/county", 7), head("stock/B", 4)];
        Checkpoint::of(heads, Instant::parse("2026-03-02T03:00:00Z").unwrap()).sign(key)
    }

    #[test]
    fn a_checkpoint_counts_and_is_proven_by_its_key_alone_after_a_file() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let signed = signed(&key);
        assert_eq!((signed.checkpoint.movements, signed.checkpoint.audit_entries), (7, 7));
        let read = SignedCheckpoint::read(&serde_json::to_string_pretty(&signed).unwrap()).unwrap();
        assert_eq!(read.proven_by(&key.verifying_key()), Ok(&signed.checkpoint));
        let other = SigningKey::from_bytes(&[8; 32]).verifying_key();
        assert!(matches!(read.proven_by(&other), Err(NotProven::OtherKey { .. })));
        // A forger who names the trusted key still cannot sign for it.
        let mut forged = self::signed(&SigningKey::from_bytes(&[8; 32]));
        forged.public_key.clone_from(&signed.public_key);
        assert!(matches!(forged.proven_by(&key.verifying_key()), Err(NotProven::Forged(_))));
    }

    #[test]
    fn no_field_of_a_checkpoint_can_be_changed() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let changes: [fn(&mut SignedCheckpoint); 7] = [
            |signed| signed.checkpoint.made_at = signed.checkpoint.made_at.next(),
            |signed| signed.checkpoint.movements += 1,
            |signed| signed.checkpoint.audit_entries += 1,
            |signed| drop(signed.checkpoint.chains.pop()),
            |signed| signed.checkpoint.chains[0].chain.push('x'),
            |signed| signed.checkpoint.chains[1].seq += 1,
            |signed| signed.checkpoint.chains[2].hash = "0".repeat(64),
        ];
        for change in changes {
            let mut signed = signed(&key);
            change(&mut signed);
            let outcome = signed.proven_by(&key.verifying_key());
            assert!(matches!(outcome, Err(NotProven::Forged(_))), "{outcome:?}");
        }
        let mut unsigned = signed(&key);
        unsigned.signature.clear();
        assert!(unsigned.proven_by(&key.verifying_key()).is_err());
        assert!(SignedCheckpoint::read("{}").is_err());
    }

    #[test]
    fn the_signature_is_the_one_of_rfc_8032() {
        // Section 7.1, test 1: the empty message.
        let secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let key = SigningKey::from_bytes(&unhex(secret).unwrap());
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(hex(key.verifying_key().as_bytes()), public);
        let signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
        assert_eq!(hex(&key.sign(b"").to_bytes()), signature);
    }
}
