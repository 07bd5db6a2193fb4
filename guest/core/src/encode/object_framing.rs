//! What lies between the events of an object.

use bytes::Bytes;

use crate::run::{Framing, Run};

/// What lies between the events of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectFraming {
    /// Nothing.
    None,
    /// A line feed after each event.
    Newline,
    /// Before each event its length in bytes, as four bytes, the highest first.
    LengthDelimited,
    /// `[` before the first, `,` and a line feed between two, `]` and a line feed after the last.
    /// Whether an event is JSON is not looked at.
    JsonArray,
}

impl ObjectFraming {
    /// How many bytes an event takes beside its own, at most, its share of the closing included.
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

    /// Hands out one event with what stands before and after it.
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

    /// The bytes of all events. The same memory where they lie as they should already.
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

    /// How many events from the front make at least `wanted` bytes: all of them, where they make
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

/// A run has no more than fits into 32 bits, and so has an event.
fn length(event: &[u8]) -> u32 {
    u32::try_from(event.len()).unwrap_or(u32::MAX)
}
