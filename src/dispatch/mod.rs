//! Dispatches 调拨: from the order over lorry and signature to the last piece.

pub mod order;
pub mod rules;

pub use order::{DispatchStatus, Order};
