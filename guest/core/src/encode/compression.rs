//! The compression algorithms, and their memory.

use super::gzip::Gzip;
use super::zstd::Zstd;

/// How an object is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// <https://www.rfc-editor.org/rfc/rfc1952>
    Gzip {
        /// From 1 (fastest) to 9 (smallest).
        level: u8,
    },
    /// <https://www.rfc-editor.org/rfc/rfc8878>
    Zstd {
        /// From 1 (fastest) to 12 (smallest).
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

    /// As registered with IANA: <https://www.iana.org/assignments/http-parameters>
    pub(super) fn content_encoding(self) -> &'static str {
        match self {
            Compression::Gzip { .. } => "gzip",
            Compression::Zstd { .. } => "zstd",
        }
    }

    /// The most memory that a compressor takes, in bytes.
    pub(super) fn memory_bytes(self) -> u64 {
        match self {
            Compression::Gzip { .. } => Gzip::MEMORY_BYTES,
            Compression::Zstd { level } => Zstd::memory_bytes(level),
        }
    }
}

/// A gzip member or a zstd frame in progress.
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

    /// Compresses `bytes`, and appends the output that is ready to `out`.
    pub(super) fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Compressor::Gzip(gzip) => gzip.write(bytes, out),
            Compressor::Zstd(zstd) => zstd.write(bytes, out),
        }
    }

    /// Appends the remaining output to `out`.
    pub(super) fn finish(self, out: &mut Vec<u8>) {
        match self {
            Compressor::Gzip(gzip) => gzip.finish(out),
            Compressor::Zstd(zstd) => zstd.finish(out),
        }
    }
}
