//! What the tests share: a bucket to test against, faults to test with, and the places where both are
//! met: a world of virtual time for the core, a transport for the component, a socket for the host.

pub mod accounting;
pub mod bucket;
pub mod bucket_server;
pub mod bucket_transport;
pub mod client;
mod conversion;
pub mod faults;
pub mod request_info;
pub mod socket_client;
pub mod world;
