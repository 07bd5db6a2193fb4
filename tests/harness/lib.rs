//! What the tests of the component and of the host share: the reference bucket at the end of a
//! component's way out, and behind a socket.

pub mod bucket_server;
pub mod bucket_transport;
mod conversion;
pub mod socket_client;
