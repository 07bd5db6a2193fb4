//! What the fuzz targets share.

pub mod noise;
pub mod schema;
pub mod xml;
