//! Drives any component that exports the sink contract.

pub mod batch;
pub mod contract;
pub mod credentials;
pub mod egress;
pub mod engine;
pub mod events;
pub mod flow;
pub mod interrupts;
pub mod local;
pub mod map;
pub mod problem;
mod rejects;
pub mod run;
pub mod sink;
pub mod source;
mod state;
#[cfg(test)]
mod testing;
