//! What proves the core: every placement of faults, seeded simulation, and the cases that others got
//! wrong, one by one.

mod edge_cases;
mod exhaustive;
mod invariants;
mod simulation;
