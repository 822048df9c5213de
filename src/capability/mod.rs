//! Capabilities: how often something can be done with what is held, e.g. how many tests can be run.

pub mod api;
pub mod commands;
pub mod definition;
pub mod queries;
pub mod records;
pub mod requests;
pub mod rules;
pub mod views;

pub use definition::{Capability, Component};
