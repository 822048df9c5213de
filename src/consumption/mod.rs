//! Consumption 消耗: how much of an item a store uses in a day.

pub mod queries;
pub mod rules;
