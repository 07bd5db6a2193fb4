//! What proves the core: every placement of faults, seeded simulation, and the cases that others
//! got wrong, one by one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod crashes;
mod day;
mod edge_cases;
mod encoder;
mod exhaustive;
mod inquiries;
mod invariants;
mod line;
mod names;
mod options;
mod patience;
mod regressions;
mod rotation;
mod simulation;
