//! Stock taken from below its floor 动用储备: recorded, with the date to replenish it by.

// api
// commands
// records
pub mod rules;

pub use rules::{DrawDown, DrawDownStatus};
