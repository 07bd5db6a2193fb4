//! The `spillway` command: a flow from its file to the sink.
//!
//! [`flow`] reads the file, [`source`], [`map`] and [`events`] make events of lines, [`run`] feeds
//! them to a sink and takes checkpoints, and the command prints and exits. The sink itself is
//! loaded by the package `spillway`.

pub mod age;
pub mod batch;
pub mod checkpoint;
mod command;
mod cut;
pub mod dead_letters;
mod escape;
pub mod events;
pub mod flow;
pub mod lanes;
mod layout;
pub mod map;
pub mod notify;
pub mod place;
mod plan;
pub mod run;
pub mod shutdown;
pub mod source;
pub mod telemetry;
#[cfg(test)]
mod testing;
mod time;
mod totals;

pub use command::args::Arguments;
pub use command::main;
