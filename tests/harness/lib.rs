//! What the tests share.

pub mod program;
pub mod scripted;
pub mod server;
pub mod tls;
