//! Reserve plans 储备方案 and response levels 应急响应级别: how much each store should hold.

pub mod api;
pub mod basis;
pub mod basis_request;
pub mod commands;
pub mod level;
pub mod norm;
pub mod norm_library;
pub mod plan;
pub mod pooled;
pub mod queries;
pub mod rate;
pub mod records;
pub mod requests;
pub mod rules;
pub mod safety;
pub mod views;

#[cfg(test)]
mod vectors;
