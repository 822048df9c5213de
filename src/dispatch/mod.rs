//! Dispatches 调拨: from the order over lorry and signature to the last piece.

pub mod api;
pub mod commands;
pub mod order;
pub mod papers;
pub mod records;
pub mod requests;
pub mod rules;
pub mod views;

pub use order::{DispatchStatus, Order};
