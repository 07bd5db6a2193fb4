//! What the tests of the component, of the host and of the command share: the reference bucket at
//! the end of a component's way out and behind a socket, servers, and the command as a process.

pub mod bucket_server;
pub mod bucket_transport;
pub mod components;
pub mod composition;
mod conversion;
pub mod openmetrics;
pub mod program;
pub mod scripted;
pub mod server;
pub mod socket_client;
pub mod store;
pub mod tls;
