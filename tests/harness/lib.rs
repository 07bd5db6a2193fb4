//! What the tests share.

pub mod bucket;
