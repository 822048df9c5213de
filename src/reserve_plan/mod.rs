//! Reserve plans 储备方案 and response levels 应急响应级别: how much each store should hold.

pub mod api;
pub mod commands;
pub mod level;
pub mod plan;
pub mod queries;
pub mod records;
pub mod requests;
pub mod rules;
pub mod views;
