//! Projections 预测: what becomes of the stock day by day, first-expired-first-out.

pub mod api;
pub mod demand;
pub mod line;
pub mod queries;
pub mod requests;
pub mod rules;
pub mod simulation;
pub mod views;
