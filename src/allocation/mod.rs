//! Allocation 调拨分配: dividing what is scarce by a rule that anyone can check.
//!
//! The solver is pure: [`problem::Problem`] in, [`solution::Solution`] out, the same every time.

pub mod problem;
pub mod solution;

pub use problem::{Donor, Measure, Policy, Problem, Recipient, Route, Routes, Stage};
pub use solution::{Award, DonorAfter, Flow, LimitedBy, Solution};
