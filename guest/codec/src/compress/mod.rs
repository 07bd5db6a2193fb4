//! The compression algorithms, and their memory.

mod gzip;
#[cfg(feature = "zstd")]
mod zstd;

use self::gzip::Gzip;
#[cfg(feature = "zstd")]
use self::zstd::Zstd;

/// How an object is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// <https://www.rfc-editor.org/rfc/rfc1952>
    Gzip {
        /// From 1 (fastest) to 9 (smallest).
        level: u8,
    },
    /// <https://www.rfc-editor.org/rfc/rfc8878>
    #[cfg(feature = "zstd")]
    Zstd {
        /// From 1 (fastest) to 12 (smallest).
        level: u8,
    },
}

impl Compression {
    /// The algorithm of this name, if the crate was built with it.
    pub fn named(name: &str, level: u8) -> Option<Compression> {
        match name {
            "gzip" => Some(Compression::Gzip { level }),
            #[cfg(feature = "zstd")]
            "zstd" => Some(Compression::Zstd { level }),
            _ => None,
        }
    }

    /// The name of the algorithm.
    pub fn name(self) -> &'static str {
        match self {
            Compression::Gzip { .. } => "gzip",
            #[cfg(feature = "zstd")]
            Compression::Zstd { .. } => "zstd",
        }
    }

    /// The suffix of object names: `.gz`, `.zst`.
    pub fn suffix(self) -> &'static str {
        match self {
            Compression::Gzip { .. } => ".gz",
            #[cfg(feature = "zstd")]
            Compression::Zstd { .. } => ".zst",
        }
    }

    /// The content coding, as registered with IANA:
    /// <https://www.iana.org/assignments/http-parameters>
    pub fn content_encoding(self) -> &'static str {
        self.name()
    }

    /// The most memory that a compressor takes, in bytes.
    pub fn memory_bytes(self) -> u64 {
        match self {
            Compression::Gzip { .. } => Gzip::MEMORY_BYTES,
            #[cfg(feature = "zstd")]
            Compression::Zstd { level } => Zstd::memory_bytes(level),
        }
    }
}

/// A gzip member or a zstd frame in progress.
pub struct Compressor(Inner);

enum Inner {
    Gzip(Gzip),
    #[cfg(feature = "zstd")]
    Zstd(Zstd),
}

impl Compressor {
    /// Begins a member or a frame.
    pub fn new(compression: Compression) -> Compressor {
        Compressor(match compression {
            Compression::Gzip { level } => Inner::Gzip(Gzip::new(level)),
            #[cfg(feature = "zstd")]
            Compression::Zstd { level } => Inner::Zstd(Zstd::new(level)),
        })
    }

    /// Compresses `bytes`, and appends the output that is ready to `out`.
    pub fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            Inner::Gzip(gzip) => gzip.write(bytes, out),
            #[cfg(feature = "zstd")]
            Inner::Zstd(zstd) => zstd.write(bytes, out),
        }
    }

    /// Appends the remaining output to `out`.
    pub fn finish(self, out: &mut Vec<u8>) {
        match self.0 {
            Inner::Gzip(gzip) => gzip.finish(out),
            #[cfg(feature = "zstd")]
            Inner::Zstd(zstd) => zstd.finish(out),
        }
    }
}
