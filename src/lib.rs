//! Changbei 常备 keeps the epidemic reserves of a county.
//!
//! The floors, from the ground up; `ARCHITECTURE.md` walks through them.
#![warn(missing_docs)]

#[macro_use]
pub mod kernel;
#[macro_use]
pub mod db;
pub mod exchange;
