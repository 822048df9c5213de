//! Corrections of maker's lots (批号更正): what was booked under a wrong label is put right in all
//! stores at once, on the lorries too.
//!
//! Nothing is edited: where item, number or maker were wrong, every piece goes from the lots as they
//! were booked to lots of the right label by `reclassification` movements, and promises go with
//! them. It stands above dispatches, because lorries carry what they carry under the new label.

pub mod api;
pub mod commands;
pub mod requests;
pub mod rules;
pub mod views;
