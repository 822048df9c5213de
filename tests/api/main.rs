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

mod alerts;
mod allocation;
mod batches;
mod calendar;
mod catalogue;
mod conservation;
mod corrections;
mod dispatch;
mod expected;
mod facts;
mod framework;
mod import;
mod planning;
mod projection;
mod protocol;
mod races;
mod reports;
mod stock;
mod stocktake;
mod stores;
mod two_times;
mod users;
mod walk_day;
mod walk_night;
