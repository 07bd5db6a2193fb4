//! The cases that others got wrong, one test each, numbered as ARCHITECTURE.md lists them. Those
//! that are not here are tested elsewhere or do not apply: the list says where, or why.

mod completion;
mod credentials_and_time;
mod encoding;
mod lifecycle;
mod network;
mod parts;
mod state;
mod support;
mod wire;
