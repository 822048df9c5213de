//! Assembly: every face on one HTTP server.

pub mod health;
pub mod housekeeping;
pub mod openapi;
pub mod routes;
pub mod start;
mod unmatched;
pub mod watchman;

pub use start::{ServerOptions, run, start};
