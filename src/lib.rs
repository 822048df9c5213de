//! Changbei 常备 keeps the epidemic reserves of a county.
//!
//! The floors, from the ground up; `ARCHITECTURE.md` walks through them.
#![warn(missing_docs)]

#[macro_use]
pub mod kernel;

pub mod config;

#[macro_use]
pub mod db;

pub mod access;
pub mod chain;

pub mod audit;
pub mod idempotency;

pub mod app;
pub mod command;

#[macro_use]
pub mod http;

pub mod catalogue;
pub mod stores;

pub mod authority;
pub mod stock;
pub mod stocktake;

pub mod proof;

pub mod users;

pub mod capability;
pub mod consumption;
pub mod expected;
pub mod report;
pub mod reserve_plan;
pub mod shortfall;

pub mod draw_down;

pub mod dispatch;
pub mod issue;

pub mod correction;

pub mod allocation;
pub mod batch;

pub mod alert;

pub mod exchange;

pub mod projection;

pub mod demo;

pub mod server;

pub mod bench;

pub mod cli;
pub mod clock;
