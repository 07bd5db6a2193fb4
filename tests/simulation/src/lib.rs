//! What proves the core: a bucket to test against, faults to test with, and a world of virtual time
//! in which a core meets both. It depends on the core alone, so that it is built in seconds.

pub mod accounting;
pub mod bucket;
pub mod client;
pub mod decode;
pub mod faults;
pub mod host;
pub mod lives;
pub mod request_info;
pub mod seeds;
pub mod visible_objects;
pub mod world;
