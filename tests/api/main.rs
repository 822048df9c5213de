//! Black-box tests over real HTTP, on both databases.

#[path = "../support/mod.rs"]
mod support;

mod catalogue;
mod dispatch;
mod planning;
mod protocol;
mod stores;
mod users;
