//! Regions, kinds of store, and the stores that hold stock.

pub mod api;
pub mod commands;
pub mod records;
pub mod requests;
pub mod store;
pub mod views;

pub use store::{ConsumptionBy, Store};
