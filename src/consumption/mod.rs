//! Consumption 消耗: how much of an item a store uses in a day.

pub mod api;
pub mod commands;
pub mod daily_use;
pub mod queries;
pub mod records;
pub mod requests;
pub mod rules;
pub mod views;
