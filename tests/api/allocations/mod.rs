//! Allocations over HTTP.

mod solving;
