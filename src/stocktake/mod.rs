//! Stocktakes (盘点): what is really there is counted, and the book follows it.
//!
//! A count is a fact of its business time: the book of that moment becomes what was counted, and
//! what was issued or received before and after it stays as it was booked.

pub mod accuracy;
pub mod api;
pub mod commands;
pub mod counting;
pub mod outcome;
pub mod queries;
pub mod records;
pub mod requests;
pub mod rules;
pub mod sheet;
pub mod variance;
pub mod views;
