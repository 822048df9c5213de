//! Issues (出库): stock leaves a store for a purpose, first expired first.
//!
//! Stock below its floor is reserve: taking it is a draw-down and needs an authority, so issues
//! stand above the reserve plan and not in the ledger.

pub mod api;
pub mod commands;
pub mod requests;
pub mod rules;
pub mod views;
