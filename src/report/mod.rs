//! Stock reports 库存日报: what stores say they hold, and the consumption that is estimated from it.
//!
//! A store that does not book its issues one by one tells its balances instead. What the book holds
//! beyond what is told was used: it is posted as estimated consumption at the time of the report, so
//! that the ledger stays the truth. What is told beyond the book is shown and never booked as if it
//! had been received.

pub mod api;
pub mod board;
pub mod commands;
pub mod queries;
pub mod records;
pub mod requests;
pub mod rules;
pub mod statement;
pub mod views;
