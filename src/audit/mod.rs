//! The audit trail: one entry for every command that was done or refused, chained by hash.

pub mod entry;
pub mod records;

pub use entry::{AuditEntry, Outcome};
