//! Drives any component that exports the sink contract.

pub mod contract;
pub mod credentials;
pub mod egress;
pub mod engine;
pub mod local;
pub mod sink;
mod state;
