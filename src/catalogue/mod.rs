//! The catalogue: items with their base unit, packs, trade item numbers and substitutes.

pub mod api;
pub mod commands;
pub mod item;
pub mod packs;
pub mod records;
pub mod requests;
pub mod substitution;
pub mod views;

pub use item::{Category, Item, Pack, StorageCondition};
