//! By whose word stock moves 依据, and the paper that follows a spoken word.
//!
//! Lies below the ledger: issues, dispatches, plans and allocations all name an authority.

// api
// commands
pub mod paperwork;
// records
pub mod rules;
pub mod word;

pub use paperwork::{Paperwork, PaperworkState, PaperworkStatus};
pub use word::{Authority, AuthorityKind, AuthorityRequest};
