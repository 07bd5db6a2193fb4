//! What the tests share: a bucket to test against, faults to test with, and a world of virtual time
//! in which a core meets both.

pub mod accounting;
pub mod bucket;
pub mod client;
pub mod faults;
pub mod world;
