//! By whose word stock moves 依据, and the paper that follows a spoken word.
//!
//! Lies below the ledger: issues, dispatches, plans and allocations all name an authority.

pub mod api;
pub mod commands;
pub mod paperwork;
pub mod records;
pub mod requests;
pub mod rules;
pub mod views;
pub mod word;

pub use paperwork::{Paperwork, PaperworkState, PaperworkStatus};
pub use word::{Authority, AuthorityKind, AuthorityRequest};
