//! Batches: many commands in one request, each with its own key, right, answer and audit entry.
//!
//! A store that was cut off writes down what it would have sent and sends it all at once. Whatever
//! the network does, the whole may be sent again: what took effect answers as a duplicate.

pub mod api;
pub mod commands;
pub mod requests;
pub mod words;
