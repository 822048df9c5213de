//! Black-box tests over real HTTP, on both databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::wildcard_enum_match_arm,
    reason = "a test that stumbles says so with its line number"
)]

#[path = "../support/mod.rs"]
mod support;

mod allocation;
mod batches;
mod catalogue;
mod corrections;
mod dispatch;
mod expected;
mod facts;
mod framework;
mod import;
mod planning;
mod protocol;
mod races;
mod stock;
mod stocktake;
mod stores;
mod two_times;
mod users;
mod walk_day;
mod walk_night;
