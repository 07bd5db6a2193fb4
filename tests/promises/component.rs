//! The component itself, in wasmtime, in process: what it stores, what it asks for, what it is
//! denied.

mod denied;
mod inquiries;
mod objects;
pub mod setup;
mod world;
