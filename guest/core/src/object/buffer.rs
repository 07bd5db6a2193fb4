//! A buffer that collects bytes, and returns parts of an exact size.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::http::Body;

/// A queue of bytes. Long pieces are kept as they are. Short ones are copied into blocks, so that a
/// thousand events do not become a thousand writes.
///
/// Each piece has its own allocation of exactly its length. So dropping a piece frees its memory,
/// and the counted length is the memory that is used. Only the block that is being filled may have
/// up to `BLOCK_BYTES` of spare capacity.
#[derive(Default)]
pub struct Buffer {
    pieces: VecDeque<Bytes>,
    /// The block that is being filled.
    block: Vec<u8>,
    len: u64,
}

impl Buffer {
    /// The length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the buffer is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends bytes. They must not be a slice of a longer allocation, which would stay in memory
    /// as a whole.
    pub fn push(&mut self, piece: Bytes) {
        self.len += piece.len() as u64;
        if piece.len() < BLOCK_BYTES {
            return self.gather(&piece);
        }
        self.close_block();
        if piece.len() <= PIECE_BYTES_MAX {
            self.pieces.push_back(piece);
        } else {
            // Without this, taking a part of a long piece would copy the rest of it each time.
            self.pieces.extend(piece.chunks(PIECE_BYTES_MAX).map(Bytes::copy_from_slice));
        }
    }

    /// Removes and returns the first `len` bytes, or all if there are fewer. The piece at the end
    /// is split by copying both halves, since a slice would keep all of it in memory.
    pub fn take(&mut self, len: u64) -> Body {
        let mut wanted = len.min(self.len);
        self.len -= wanted;
        let mut body = Body::empty();
        while wanted > 0 {
            let Some(piece) = self.pieces.front_mut() else {
                self.close_block();
                continue;
            };
            let taken = if piece.len() as u64 <= wanted {
                self.pieces.pop_front().unwrap_or_default()
            } else {
                let (front, back) = piece.split_at(usize::try_from(wanted).unwrap_or(piece.len()));
                let front = Bytes::copy_from_slice(front);
                *piece = Bytes::copy_from_slice(back);
                front
            };
            wanted -= taken.len() as u64;
            body.push(taken);
        }
        body
    }

    /// The content, piece by piece.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let block = Some(&self.block[..]).filter(|block| !block.is_empty());
        self.pieces.iter().map(|piece| &piece[..]).chain(block)
    }

    /// Drops the content.
    pub fn clear(&mut self) {
        *self = Buffer::default();
    }

    fn gather(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = BLOCK_BYTES - self.block.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.grow(now.len());
            self.block.extend_from_slice(now);
            if self.block.len() == BLOCK_BYTES {
                self.close_block();
            }
            bytes = later;
        }
    }

    /// Makes room for `more` bytes in the block. The first block grows as it fills, since most
    /// objects may be small. Later blocks are allocated at full size: blocks of one size do not
    /// fragment memory.
    fn grow(&mut self, more: usize) {
        let wanted = self.block.len() + more;
        if wanted > self.block.capacity() {
            let is_first = self.pieces.is_empty();
            let twice = wanted.max(2 * self.block.capacity()).min(BLOCK_BYTES);
            let capacity = if is_first { twice } else { BLOCK_BYTES };
            self.block.reserve_exact(capacity - self.block.len());
        }
    }

    fn close_block(&mut self) {
        if !self.block.is_empty() {
            // A boxed slice has no spare capacity.
            let block = std::mem::take(&mut self.block).into_boxed_slice();
            self.pieces.push_back(block.into());
        }
    }
}

/// A shorter piece is copied into a block, which costs less than a piece of its own.
const BLOCK_BYTES: usize = 64 << 10;
/// A longer piece is split when it is added.
const PIECE_BYTES_MAX: usize = 1 << 20;

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
                let len = random.usize(0..3 * BLOCK_BYTES / 2);
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
    fn a_large_piece_is_kept_as_it_came_and_copied_where_it_is_cut() {
        let piece = bytes(0, 3 * BLOCK_BYTES);
        let mut buffer = Buffer::default();
        buffer.push(piece.clone());
        buffer.push(piece.clone());
        let first = buffer.take(4 * BLOCK_BYTES as u64);
        assert_eq!(first.pieces()[0].as_ptr(), piece.as_ptr());
        drop(first);
        assert!(piece.is_unique(), "no side of the cut keeps it");
        assert_eq!(buffer.take(u64::MAX).to_vec(), piece[BLOCK_BYTES..]);
    }

    /// Memory is counted by the length of pieces: a piece of `n` bytes takes `n` bytes.
    #[test]
    fn no_piece_takes_more_than_it_holds() {
        let mut random = fastrand::Rng::with_seed(11);
        for round in 0..100 {
            let (mut buffer, mut pieces) = (Buffer::default(), Vec::new());
            for _ in 0..random.usize(1..60) {
                let longest = [100, 4_000, 3 * BLOCK_BYTES, 3 * PIECE_BYTES_MAX];
                let longest = random.choice(longest).unwrap();
                let len = random.usize(0..longest);
                buffer.push(bytes(0, len));
                assert!(buffer.block.capacity() <= BLOCK_BYTES, "round {round}");
                let is_small = buffer.pieces.is_empty();
                assert!(!is_small || buffer.block.capacity() <= 2 * buffer.block.len().max(len));
                if random.u8(..4) == 0 {
                    pieces.extend(buffer.take(random.u64(1..500_000)).pieces().iter().cloned());
                }
            }
            pieces.extend(buffer.take(u64::MAX).pieces().iter().cloned());
            for piece in pieces {
                let len = piece.len();
                let alone = piece.try_into_mut().expect("it shares its memory with none");
                assert_eq!(alone.capacity(), len, "round {round}");
            }
        }
    }

    #[test]
    fn small_pieces_are_gathered() {
        let mut buffer = Buffer::default();
        (0..1_000).for_each(|n| buffer.push(bytes(n, 100)));
        assert_eq!(buffer.take(u64::MAX).pieces().len(), 2, "100,000 bytes in 64 KiB steps");
    }
}
