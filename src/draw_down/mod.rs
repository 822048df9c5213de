//! Stock taken from below its floor 动用储备: recorded, with the date to replenish it by.

pub mod api;
pub mod commands;
pub mod records;
pub mod requests;
pub mod rules;
pub mod views;

pub use rules::{DrawDown, DrawDownStatus};
