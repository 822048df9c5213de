//! Users, their tokens, and the audit trail that shows what they did.

pub mod api;
pub mod commands;
pub mod requests;
pub mod views;
