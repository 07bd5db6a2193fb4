//! What an object says to whoever reads it: decompressed by what others decompress with, and framed
//! by a model that is too simple to be wrong.

use std::io::{Error, Read as _};

use spillway_core::encode::{Compression, ObjectFraming};

/// The bytes of an object before they were compressed.
///
/// # Errors
///
/// Where they are not what the algorithm makes, or where they end too early.
pub fn decompressed(compression: Option<Compression>, object: &[u8]) -> Result<Vec<u8>, Error> {
    match compression {
        None => Ok(object.to_vec()),
        Some(Compression::Gzip { .. }) => {
            let mut bytes = Vec::new();
            flate2::read::MultiGzDecoder::new(object).read_to_end(&mut bytes)?;
            Ok(bytes)
        }
        Some(Compression::Zstd { .. }) => zstd::stream::decode_all(object),
    }
}

/// The bytes that an object of these events has before they are compressed.
pub fn framed(framing: ObjectFraming, events: &[&[u8]]) -> Vec<u8> {
    match framing {
        ObjectFraming::None => events.concat(),
        ObjectFraming::Newline => events.iter().flat_map(|e| [e, &b"\n"[..]].concat()).collect(),
        ObjectFraming::LengthDelimited => {
            let length = |event: &[u8]| u32::try_from(event.len()).map(u32::to_be_bytes);
            let events = events.iter().map(|e| [&length(e).unwrap_or([0xFF; 4]), *e].concat());
            events.collect::<Vec<_>>().concat()
        }
        ObjectFraming::JsonArray if events.is_empty() => Vec::new(),
        ObjectFraming::JsonArray => [b"[", &events.join(&b",\n"[..])[..], b"]\n"].concat(),
    }
}
