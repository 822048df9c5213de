//! Shortfalls 缺口: what each store lacks against the reserve plan in force.

pub mod api;
pub mod grouping;
pub mod holding;
pub mod ordering;
pub mod preview;
pub mod projection;
pub mod queries;
pub mod rules;
pub mod substitution;
pub mod views;
