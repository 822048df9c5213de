//! What clients see of allocations.

pub mod solving;
