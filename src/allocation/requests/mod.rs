//! What clients send about allocations, and how it is understood: every fault gathered.

pub mod solving;
