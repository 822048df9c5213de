//! The import of files: a row of a table becomes the same request that the REST face takes, and
//! the same command functions run it, so that an import can do nothing its user could not do.
//!
//! Reading order: [`table`] (bytes to rows) and [`workbook`] (those of a workbook), [`mapping`] (their headings to our fields),
//! [`pack_text`] and [`counting`] (how many pieces a line means), [`fields`] (cells to checked
//! values, all faults of a row at once).

pub mod api;
pub mod commands;
pub mod counting;
pub mod draft;
pub mod fields;
pub mod fingerprint;
pub mod kind;
pub mod mapping;
pub mod pack_text;
pub mod records;
pub mod rejects;
pub mod report;
pub mod request;
pub mod table;
pub mod workbook;
