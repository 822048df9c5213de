//! The service's clock as people see it: whether it is believed, and who accepted it when it was
//! not.

pub mod api;
pub mod commands;
