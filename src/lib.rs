//! Changbei 常备 keeps the epidemic reserves of a county.
//!
//! The floors, from the ground up; `ARCHITECTURE.md` walks through them.
#![warn(missing_docs)]

#[macro_use]
pub mod kernel;

pub mod config;

#[macro_use]
pub mod db;

pub mod access;
pub mod chain;

pub mod audit;
pub mod idempotency;

pub mod app;
pub mod command;

pub mod authority;
pub mod draw_down;

pub mod dispatch;
