//! Reserve plans 储备方案 and response levels 应急响应级别: how much each store should hold.

pub mod level;
pub mod plan;
pub mod rules;
