//! The key that signs checkpoints: a file that only its owner reads.

use crate::proof::checkpoint::{hex, unhex};
use ed25519_dalek::{SigningKey, VerifyingKey};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// The file cannot be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The file holds something else.
    #[error("it holds no key of 64 hexadecimal digits")]
    Damaged,
    /// The machine gave no random bytes.
    #[error("the machine gave no random bytes: {0}")]
    NoRandomness(String),
}

/// The key in a file.
///
/// # Errors
/// [`NoKey`] when there is none.
pub fn read(path: &Path) -> Result<SigningKey, NoKey> {
    read_secret(path).map(|secret| SigningKey::from_bytes(&secret))
}

fn read_secret(path: &Path) -> Result<[u8; 32], NoKey> {
    unhex(&std::fs::read_to_string(path)?).ok_or(NoKey::Damaged)
}

/// The key in a file, made at its first use; only its owner may read it.
///
/// # Errors
/// [`NoKey`] when it can be neither read nor made.
pub fn read_or_make(path: &Path) -> Result<SigningKey, NoKey> {
    read_or_make_secret(path).map(|secret| SigningKey::from_bytes(&secret))
}

/// The 32 secret bytes in a file, made at its first use; only its owner may read it.
///
/// # Errors
/// [`NoKey`] when it can be neither read nor made.
pub fn read_or_make_secret(path: &Path) -> Result<[u8; 32], NoKey> {
    match read_secret(path) {
        Err(NoKey::Io(error)) if error.kind() == ErrorKind::NotFound => {}
        outcome => return outcome,
    }
    let mut secret = [0_u8; 32];
    getrandom::fill(&mut secret).map_err(|error| NoKey::NoRandomness(error.to_string()))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(mut file) => {
            writeln!(file, "{}", hex(&secret))?;
            file.sync_all()?;
            Ok(secret)
        }
        // Another made it just now.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read_secret(path),
        Err(error) => Err(error.into()),
    }
}

/// The public key that 64 hexadecimal digits mean.
pub fn public(text: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(&unhex(text)?).ok()
}
