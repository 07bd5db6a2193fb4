//! One gzip member.

use std::mem;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Status};

pub(super) struct Gzip {
    deflate: Deflate,
    /// What is not compressed yet: with many objects in turn, the memory of a compressor is in no
    /// cache any more when its turn comes, so it is not touched for each event.
    taken: Vec<u8>,
    /// The buffer that the compressor writes to.
    ready: Box<[u8]>,
}

impl Gzip {
    /// Twice the window, the hash chains and heads, the symbols and pending output, as the crate
    /// allocates them, `taken` and `ready`. Rounded up by a few KiB.
    pub(super) const MEMORY_BYTES: u64 = 480 << 10;

    pub(super) fn new(level: u8) -> Gzip {
        let config = DeflateConfig {
            level: level.into(),
            window_bits: WINDOW_BITS_GZIP,
            ..DeflateConfig::default()
        };
        Gzip {
            deflate: Deflate::new_with_config(config),
            taken: Vec::with_capacity(TAKEN_BYTES),
            ready: vec![0; READY_BYTES].into_boxed_slice(),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.taken.len() + bytes.len() <= TAKEN_BYTES {
            self.taken.extend_from_slice(bytes);
            return;
        }
        self.compress_taken(out);
        self.compress(bytes, out);
    }

    fn compress_taken(&mut self, out: &mut Vec<u8>) {
        let mut taken = mem::take(&mut self.taken);
        self.compress(&taken, out);
        taken.clear();
        self.taken = taken;
    }

    fn compress(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            let before = self.deflate.total_in();
            self.step(bytes, DeflateFlush::NoFlush, out);
            let taken = self.deflate.total_in() - before;
            bytes = &bytes[usize::try_from(taken).unwrap_or(bytes.len())..];
        }
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        self.compress_taken(out);
        while self.step(&[], DeflateFlush::Finish, out) != Status::StreamEnd {}
    }

    fn step(&mut self, bytes: &[u8], flush: DeflateFlush, out: &mut Vec<u8>) -> Status {
        let before = self.deflate.total_out();
        let status = self.deflate.compress(bytes, &mut self.ready, flush);
        let status = status.expect("the stream is initialised");
        let made = usize::try_from(self.deflate.total_out() - before).unwrap_or(0);
        out.extend_from_slice(&self.ready[..made]);
        status
    }
}

/// A window of 32 KiB. 16 is added for a gzip header and trailer:
/// <https://zlib.net/manual.html#Advanced>
const WINDOW_BITS_GZIP: i32 = 15 + 16;
const TAKEN_BYTES: usize = 32 << 10;
const READY_BYTES: usize = 16 << 10;
