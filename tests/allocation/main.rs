//! The allocation solver through its public functions: worked cases, oracles and laws.
//!
//! `vectors` holds the worked cases with their numbers written down; `oracles` sets the solver
//! beside slower or foreign ways of finding the same; `laws` holds what must be true of any answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that stumbles says so with its line number"
)]

mod build;
mod laws;
mod oracles;
mod real_requests;
mod refusals;
mod vectors;
