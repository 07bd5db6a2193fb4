//! What the tests share: the reference bucket at the end of a component's way out and behind a
//! socket, and a program that runs with servers for it to talk to.

pub mod bucket_server;
pub mod bucket_transport;
mod conversion;
pub mod program;
pub mod scripted;
pub mod server;
pub mod socket_client;
pub mod tls;
