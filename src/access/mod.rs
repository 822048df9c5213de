//! Floor 2: who may do what, and where.

pub mod records;
pub mod roles;
pub mod token;

pub use roles::{Actor, Permission, Role, Scope};
