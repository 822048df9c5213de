//! Expected receipts 预期到货: what a store awaits from outside the county's stores. An order is on
//! its way to be delivered; an agreement 协议储备 and capacity 产能储备 can be called upon, and are no
//! stock until somebody does.

pub mod api;
pub mod commands;
pub mod queries;
pub mod records;
pub mod requests;
pub mod rules;
pub mod views;

pub use rules::{ExpectedKind, ExpectedReceipt, ExpectedStatus};
