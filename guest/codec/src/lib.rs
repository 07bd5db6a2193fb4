//! What Spillway computes from every byte of an object: compression, and the CRCs that are sent as
//! checksums.
//!
//! A crate of its own, since it is compiled for speed where the rest of the component is compiled
//! for size.

mod compress;
mod crc;

pub use self::compress::{Compression, Compressor};
pub use self::crc::Crc;
