//! The component itself, in wasmtime, in process: what it stores, what it asks for, what it is
//! denied.

mod checkpoints;
mod closed;
mod denied;
mod driven;
mod encoded;
mod identity;
mod inquiries;
mod memory;
mod names;
mod objects;
mod options;
mod positions;
mod rotation;
pub mod setup;
mod state;
mod world;
