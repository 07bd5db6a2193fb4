//! The algorithms there are, and what they cost.

use super::gzip::Gzip;
use super::zstd::Zstd;

/// How the bytes of an object are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// <https://www.rfc-editor.org/rfc/rfc1952>
    Gzip {
        /// From 1, the fastest, to 9, the smallest.
        level: u8,
    },
    /// <https://www.rfc-editor.org/rfc/rfc8878>
    Zstd {
        /// From 1, the fastest, to 12, the smallest.
        level: u8,
    },
}

impl Compression {
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Compression::Gzip { .. } => ".gz",
            Compression::Zstd { .. } => ".zst",
        }
    }

    /// As registered: <https://www.iana.org/assignments/http-parameters>
    pub(super) fn content_encoding(self) -> &'static str {
        match self {
            Compression::Gzip { .. } => "gzip",
            Compression::Zstd { .. } => "zstd",
        }
    }

    /// What a compressor takes, at most, in bytes of memory.
    pub(super) fn memory_bytes(self) -> u64 {
        match self {
            Compression::Gzip { .. } => Gzip::MEMORY_BYTES,
            Compression::Zstd { level } => Zstd::memory_bytes(level),
        }
    }
}

/// One gzip member, or one zstd frame, on its way.
pub(super) enum Compressor {
    Gzip(Gzip),
    Zstd(Zstd),
}

impl Compressor {
    pub(super) fn new(compression: Compression) -> Compressor {
        match compression {
            Compression::Gzip { level } => Compressor::Gzip(Gzip::new(level)),
            Compression::Zstd { level } => Compressor::Zstd(Zstd::new(level)),
        }
    }

    /// Takes bytes in, and adds to `out` what is ready.
    pub(super) fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Compressor::Gzip(gzip) => gzip.write(bytes, out),
            Compressor::Zstd(zstd) => zstd.write(bytes, out),
        }
    }

    /// Adds to `out` all that is left.
    pub(super) fn finish(self, out: &mut Vec<u8>) {
        match self {
            Compressor::Gzip(gzip) => gzip.finish(out),
            Compressor::Zstd(zstd) => zstd.finish(out),
        }
    }
}
