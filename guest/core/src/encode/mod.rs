//! Encodes events into the bytes of an object: framing, then compression.

mod object_framing;

use bytes::Bytes;
pub use spillway_codec::Compression;
use spillway_codec::Compressor;

use crate::run::Run;

pub use object_framing::ObjectFraming;

/// How every object of a sink is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// What separates the events.
    pub framing: ObjectFraming,
    /// How the bytes are compressed. `None` for not at all.
    pub compression: Option<Compression>,
}

impl Encoding {
    /// The suffix of object names that tells the compression, such as `.gz`.
    pub fn suffix(&self) -> &'static str {
        self.compression.map_or("", Compression::suffix)
    }

    /// The value of `Content-Encoding`, if it is sent.
    pub fn content_encoding(&self) -> Option<&'static str> {
        self.compression.map(Compression::content_encoding)
    }

    /// The memory that the encoder of one open object takes, in bytes, without its output.
    pub fn memory_bytes(&self) -> u64 {
        self.compression.map_or(0, Compression::memory_bytes)
    }

    /// The most bytes that the events of a run take in an object, before compression.
    pub fn bytes_max(&self, run: &Run) -> u64 {
        run.len() + self.framing.overhead_max() * run.events()
    }
}

/// Encodes the events of one object, in order.
///
/// A compressor returns output in whole blocks. The output therefore lags behind the input, by up
/// to 128 KiB of the object.
pub struct Encoder {
    encoding: Encoding,
    has_events: bool,
    compressor: Option<Compressor>,
}

impl Encoder {
    /// An encoder for an object without events.
    pub fn new(encoding: Encoding) -> Encoder {
        Encoder::resume(encoding, false)
    }

    /// An encoder for an object that continues after [`end_member`](Encoder::end_member).
    pub fn resume(encoding: Encoding, has_events: bool) -> Encoder {
        Encoder { encoding, has_events, compressor: None }
    }

    /// Whether the object has an event. Together with the encoding this is all that
    /// [`resume`](Encoder::resume) needs.
    pub fn has_events(&self) -> bool {
        self.has_events
    }

    /// Encodes whole events until at least `room` bytes of output are ready. Without a limit it
    /// encodes all events. Returns the output, and the events that are left.
    pub fn push(&mut self, mut run: Run, room: Option<u64>) -> (Bytes, Option<Run>) {
        if run.events() == 0 || room == Some(0) {
            return (Bytes::new(), left(run));
        }
        let is_first = !std::mem::replace(&mut self.has_events, true);
        let framing = self.encoding.framing;
        let Some(compression) = self.encoding.compression else {
            let count = room.map_or(run.count(), |room| framing.reaching(&run, is_first, room));
            if count >= run.count() {
                return (framing.frame(run, is_first), None);
            }
            let front = run.take_front(count);
            return (framing.frame(front, is_first), Some(run));
        };
        let compressor = self.compressor.get_or_insert_with(|| Compressor::new(compression));
        let mut out = Vec::new();
        let Some(room) = room else {
            compressor.write(&framing.frame(run, is_first), &mut out);
            return (exact(out), None);
        };
        let mut count = 0;
        for event in run.bare() {
            if out.len() as u64 >= room {
                break;
            }
            let is_first = is_first && count == 0;
            framing.write(event, is_first, |piece| compressor.write(piece, &mut out));
            count += 1;
        }
        run.take_front(count);
        (exact(out), left(run))
    }

    /// The same encoder without compression, and without the input that a compressor still holds.
    /// For an object of which only the size is still needed.
    pub fn uncompressed(self) -> Encoder {
        let encoding = Encoding { compression: None, ..self.encoding };
        Encoder { encoding, compressor: None, ..self }
    }

    /// Ends the gzip member or the zstd frame, and returns its last bytes. The next `push` begins
    /// another: concatenated members and frames decompress as one.
    pub fn end_member(&mut self) -> Bytes {
        self.end_member_with(&[])
    }

    /// Ends the object, and returns its last bytes.
    pub fn finish(mut self) -> Bytes {
        self.end_member_with(self.encoding.framing.closing())
    }

    /// The memory that the encoder takes now, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.compressor.as_ref().map_or(0, |_| self.encoding.memory_bytes())
    }

    fn end_member_with(&mut self, closing: &'static [u8]) -> Bytes {
        let Some(compression) = self.encoding.compression else {
            return Bytes::from_static(closing);
        };
        if closing.is_empty() && self.compressor.is_none() {
            return Bytes::new();
        }
        let mut compressor = self.compressor.take().unwrap_or_else(|| Compressor::new(compression));
        let mut out = Vec::new();
        compressor.write(closing, &mut out);
        compressor.finish(&mut out);
        exact(out)
    }
}

fn left(run: Run) -> Option<Run> {
    Some(run).filter(|run| run.events() > 0)
}

/// The bytes without a vector's spare capacity, which would be held in memory but not counted.
fn exact(bytes: Vec<u8>) -> Bytes {
    bytes.into_boxed_slice().into()
}
