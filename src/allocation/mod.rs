//! Allocation 调拨分配: dividing what is scarce by a rule that anyone can check.
//!
//! The solver is pure: [`problem::Problem`] in, [`solution::Solution`] out, the same every time.
//! Around it stand proposals: frozen inputs, a decision beside them, and the dispatches that come
//! of it.

pub mod api;
pub mod cells;
pub mod certificate;
pub mod changes;
pub mod commands;
pub mod comparison;
pub mod distance;
pub mod facts;
pub mod faults;
pub mod freezing;
pub mod inputs;
pub mod ladder;
pub mod lots;
pub mod making;
pub mod max_flow;
pub mod network;
pub mod outcome;
pub mod policies;
pub mod pool;
pub mod problem;
pub mod proposal;
pub mod queries;
pub mod records;
pub mod requests;
pub mod route;
pub mod rules;
pub mod share;
pub mod solution;
pub mod solve;
pub mod transport;
pub mod views;
pub mod what_if;

pub use problem::{Donor, Measure, Policy, Problem, Recipient, Route, Routes, Stage};
pub use solution::{Award, DonorAfter, Flow, LimitedBy, Solution};
pub use solve::{Decision, ProblemFault, decide, solve};
