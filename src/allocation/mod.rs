//! Allocation 调拨分配: dividing what is scarce by a rule that anyone can check.
//!
//! The solver is pure: [`problem::Problem`] in, [`solution::Solution`] out, the same every time.

pub mod api;
pub mod cells;
pub mod certificate;
pub mod comparison;
pub mod faults;
pub mod ladder;
pub mod lots;
pub mod max_flow;
pub mod network;
pub mod policies;
pub mod pool;
pub mod problem;
pub mod requests;
pub mod share;
pub mod solution;
pub mod solve;
pub mod transport;
pub mod views;

pub use problem::{Donor, Measure, Policy, Problem, Recipient, Route, Routes, Stage};
pub use solution::{Award, DonorAfter, Flow, LimitedBy, Solution};
pub use solve::{Decision, ProblemFault, decide, solve};
