//! What separates the events of an object.

use bytes::Bytes;

use crate::run::{Framing, Run};

/// What separates the events of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectFraming {
    /// Nothing.
    None,
    /// A line feed after each event.
    Newline,
    /// The length of each event before it, as four bytes in big-endian order.
    LengthDelimited,
    /// `[` before the first event, `,` and a line feed between events, `]` and a line feed after
    /// the last. Events are not checked to be JSON.
    JsonArray,
}

impl ObjectFraming {
    /// The most bytes that an event adds to its own, with its share of the closing.
    pub(super) fn overhead_max(self) -> u64 {
        match self {
            ObjectFraming::None => 0,
            ObjectFraming::Newline => 1,
            ObjectFraming::LengthDelimited | ObjectFraming::JsonArray => 4,
        }
    }

    /// What follows the last event.
    pub(super) fn closing(self) -> &'static [u8] {
        match self {
            ObjectFraming::JsonArray => b"]\n",
            ObjectFraming::None | ObjectFraming::Newline | ObjectFraming::LengthDelimited => b"",
        }
    }

    /// Passes an event to `out`, with what precedes and follows it.
    pub(super) fn write(self, event: &[u8], is_first: bool, mut out: impl FnMut(&[u8])) {
        match self {
            ObjectFraming::None | ObjectFraming::Newline => {}
            ObjectFraming::LengthDelimited => out(&length(event).to_be_bytes()),
            ObjectFraming::JsonArray => out(if is_first { b"[" } else { b",\n" }),
        }
        out(event);
        if self == ObjectFraming::Newline {
            out(b"\n");
        }
    }

    /// The encoded events. The payload is shared if it is encoded this way already.
    pub(super) fn frame(self, run: Run, is_first: bool) -> Bytes {
        match self {
            ObjectFraming::None => return run.into_payload(Framing::Bare),
            ObjectFraming::Newline => return run.into_payload(Framing::Newline),
            ObjectFraming::LengthDelimited | ObjectFraming::JsonArray => {}
        }
        let overhead = usize::try_from(self.overhead_max() * run.events()).unwrap_or(0);
        let mut framed = Vec::with_capacity(run.bare_len() + overhead);
        for (index, event) in run.bare().enumerate() {
            self.write(event, is_first && index == 0, |piece| framed.extend_from_slice(piece));
        }
        super::exact(framed)
    }

    /// How many events from the front make at least `wanted` bytes. All of them, if they make
    /// fewer.
    pub(super) fn reaching(self, run: &Run, is_first: bool, wanted: u64) -> usize {
        let all = run.bare_len() as u64 + self.overhead_max() * run.events();
        if all < wanted {
            return run.count();
        }
        let mut bytes = 0;
        let reached = run.bare().enumerate().position(|(index, event)| {
            self.write(event, is_first && index == 0, |piece| bytes += piece.len() as u64);
            bytes >= wanted
        });
        reached.map_or(run.count(), |last| last + 1)
    }
}

/// A run has at most 2^32 - 1 bytes, and so has an event.
fn length(event: &[u8]) -> u32 {
    u32::try_from(event.len()).unwrap_or(u32::MAX)
}
