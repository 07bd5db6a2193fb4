//! Bytes in as they come, exactly equal pieces out.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::http::Body;

/// A queue of bytes. Large pieces are kept as they came; small ones are gathered, so that a
/// thousand of them do not become a thousand writes.
#[derive(Default)]
pub struct Buffer {
    pieces: VecDeque<Bytes>,
    gathered: BytesMut,
    len: u64,
}

impl Buffer {
    /// How many bytes it holds.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds bytes at the end.
    pub fn push(&mut self, piece: Bytes) {
        self.len += piece.len() as u64;
        if piece.len() < KEPT_BYTES_MIN {
            self.gathered.extend_from_slice(&piece);
            if self.gathered.len() < KEPT_BYTES_MIN {
                return;
            }
            self.close_gathered();
        } else {
            self.close_gathered();
            self.pieces.push_back(piece);
        }
    }

    /// Takes `len` bytes from the front, or all where there are fewer. A piece that is longer than
    /// all that is taken is copied from, since a slice of it would keep the whole of it in memory.
    pub fn take(&mut self, len: u64) -> Body {
        let mut wanted = len.min(self.len);
        self.len -= wanted;
        let mut body = Body::empty();
        while wanted > 0 {
            let Some(piece) = self.pieces.front_mut() else {
                self.close_gathered();
                continue;
            };
            let piece = if piece.len() as u64 <= wanted {
                self.pieces.pop_front().unwrap_or_default()
            } else {
                let slice = piece.split_to(usize::try_from(wanted).unwrap_or(usize::MAX));
                let is_long = (slice.len() + piece.len()) as u64 > len;
                if is_long { Bytes::copy_from_slice(&slice) } else { slice }
            };
            wanted -= piece.len() as u64;
            body.push(piece);
        }
        body
    }

    /// All that it holds, in memory that it shares but for what is still being gathered.
    pub fn to_pieces(&self) -> Vec<Bytes> {
        let gathered = Bytes::copy_from_slice(&self.gathered);
        let gathered = Some(gathered).filter(|bytes| !bytes.is_empty());
        self.pieces.iter().cloned().chain(gathered).collect()
    }

    /// Drops what it holds.
    pub fn clear(&mut self) {
        *self = Buffer::default();
    }

    fn close_gathered(&mut self) {
        if !self.gathered.is_empty() {
            self.pieces.push_back(self.gathered.split().freeze());
        }
    }
}

/// Below this a copy costs less than a piece of its own.
const KEPT_BYTES_MIN: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(from: u64, len: usize) -> Bytes {
        (from..).take(len).map(|n| (n % 251) as u8).collect::<Vec<_>>().into()
    }

    #[test]
    fn what_comes_out_is_what_went_in_however_it_is_cut() {
        let mut random = fastrand::Rng::with_seed(7);
        for round in 0..200 {
            let (mut buffer, mut pushed, mut out) = (Buffer::default(), 0, Vec::new());
            for _ in 0..random.usize(1..30) {
                let len = random.usize(0..3 * KEPT_BYTES_MIN / 2);
                buffer.push(bytes(pushed, len));
                pushed += len as u64;
                let cut = random.u64(1..200_000);
                while buffer.len() >= cut {
                    let body = buffer.take(cut);
                    assert_eq!(body.len(), cut, "round {round}");
                    out.extend(body.to_vec());
                }
            }
            out.extend(buffer.take(u64::MAX).to_vec());
            assert!(buffer.is_empty() && out == bytes(0, pushed as usize), "round {round}");
        }
    }

    #[test]
    fn what_is_shorter_than_a_part_is_never_copied() {
        let piece = bytes(0, 3 * KEPT_BYTES_MIN);
        let mut buffer = Buffer::default();
        buffer.push(piece.clone());
        buffer.push(piece.clone());
        let (first, second) = (buffer.take(4 * KEPT_BYTES_MIN as u64), buffer.take(u64::MAX));
        assert_eq!(first.pieces()[0].as_ptr(), piece.as_ptr());
        assert_eq!(first.pieces()[1].as_ptr(), piece.as_ptr(), "it lies on both sides of the cut");
        assert_eq!(second.pieces()[0].as_ptr(), piece[KEPT_BYTES_MIN..].as_ptr());
    }

    #[test]
    fn a_part_keeps_no_more_in_memory_than_about_itself() {
        let piece = bytes(0, 20 * KEPT_BYTES_MIN);
        let mut buffer = Buffer::default();
        buffer.push(piece.clone());
        let first = buffer.take(KEPT_BYTES_MIN as u64);
        buffer.clear();
        assert!(piece.is_unique() && first.len() == KEPT_BYTES_MIN as u64);
    }

    #[test]
    fn small_pieces_are_gathered() {
        let mut buffer = Buffer::default();
        (0..1_000).for_each(|n| buffer.push(bytes(n, 100)));
        assert_eq!(buffer.take(u64::MAX).pieces().len(), 2, "100,000 bytes in 64 KiB steps");
    }
}
