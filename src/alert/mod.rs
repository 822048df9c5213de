//! The watch: what changed for the worse or the better, recorded once, told until it is heard.
//!
//! Nothing here slows a posting down. The watch reads how long each store's chains are, which every
//! command extends anyway, and looks again at stores whose chains have grown, at all stores when
//! plans or levels change, and at each store when time alone may have changed something.

pub mod address;
pub mod api;
pub mod commands;
pub mod queries;
pub mod records;
pub mod requests;
pub mod rules;
pub mod state;
pub mod stored;
pub mod views;
pub mod webhook;
