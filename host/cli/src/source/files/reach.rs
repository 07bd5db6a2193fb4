//! How far a file is read, and what tells its content from that of another file.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How far a file is read: up to the beginning of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// How many bytes of its content were read; of a compressed file, decompressed.
    pub(super) offset: u64,
    /// How many line feeds are among them.
    pub(super) lines: u64,
    /// The first bytes that were read, [`PRINT_BYTES`] at most.
    head: Vec<u8>,
    /// The last bytes that were read, as many at most.
    tail: Vec<u8>,
    /// Fingerprints at places before, with gaps that double with the distance: a copy of no more
    /// than a part is told by one of them.
    before: Vec<Print>,
    /// The one where the last copy ends that was known when that was read.
    copied: Option<Print>,
}

/// A fingerprint of the content before an offset: of its first and of its last bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(u64, Digest, Digest)", from = "(u64, Digest, Digest)")]
pub struct Print {
    /// The offset.
    at: u64,
    head: Digest,
    tail: Digest,
}

/// The beginning of a SHA-256 of at most [`PRINT_BYTES`]: its first 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest(u64);

impl Reach {
    /// Up to `offset`, with what lies directly before it and what the file begins with.
    pub(super) fn at(offset: u64, lines: u64, head: Vec<u8>, tail: Vec<u8>) -> Reach {
        Reach { offset, lines, head, tail, before: Vec::new(), copied: None }
    }

    /// What follows was read as well: so many lines.
    pub(super) fn advance(&mut self, block: &[u8], lines: u64) {
        if self.offset > 0 && !block.is_empty() {
            self.before.push(self.print());
        }
        let mut from = 0;
        for at in places(self.offset, block.len()) {
            self.extend(&block[from..at]);
            self.before.push(self.print());
            from = at;
        }
        self.extend(&block[from..]);
        self.lines += lines;
        self.thin();
    }

    fn extend(&mut self, block: &[u8]) {
        if (self.offset as usize) < PRINT_BYTES && self.head.len() as u64 == self.offset {
            let missing = (PRINT_BYTES - self.head.len()).min(block.len());
            self.head.extend_from_slice(&block[..missing]);
        }
        if block.len() >= PRINT_BYTES {
            self.tail.clear();
            self.tail.extend_from_slice(&block[block.len() - PRINT_BYTES..]);
        } else {
            self.tail.extend_from_slice(block);
            let excess = self.tail.len().saturating_sub(PRINT_BYTES);
            self.tail.drain(..excess);
        }
        self.offset += block.len() as u64;
    }

    /// Drops fingerprints so that their distances from the end double. The first remains, and those
    /// whose distances from the beginning double.
    fn thin(&mut self) {
        let (end, mut least) = (self.offset, 0);
        let first = self.before.first().map(|print| print.at);
        let mut kept = Vec::with_capacity(self.before.len());
        for print in self.before.drain(..).rev() {
            let distance = end - print.at;
            if is_landmark(print.at) || first == Some(print.at) {
                kept.push(print);
            } else if distance >= least {
                kept.push(print);
                least = distance * 2;
            }
        }
        kept.reverse();
        self.before = kept;
    }

    /// A copy of what was read ends here.
    pub(super) fn is_copied(&mut self) {
        self.copied = Some(self.print());
    }

    /// The same, with a fingerprint at an earlier place.
    pub(super) fn with(self, earlier: Option<Print>) -> Reach {
        Reach { before: earlier.into_iter().collect(), ..self }
    }

    /// A fingerprint at an earlier place: where a copy ends, or else not so far back that most
    /// copies end behind it, and far enough that few were taken before it.
    pub(super) fn earlier(&self) -> Option<Print> {
        if self.copied.is_some() {
            return self.copied;
        }
        let far = EARLIER_BYTES.min(self.offset / 2);
        let is_far = |print: &&Print| self.offset - print.at >= far;
        self.before.iter().rev().find(is_far).or(self.before.first()).copied()
    }

    /// The fingerprint at the last place before `offset` that has one.
    pub(super) fn print_before(&self, offset: u64) -> Option<Print> {
        self.before.iter().rev().find(|print| print.at <= offset).copied()
    }

    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }

    pub(super) fn print(&self) -> Print {
        Print { at: self.offset, head: Digest::of(&self.head), tail: Digest::of(&self.tail) }
    }
}

/// The places in a block that begins at `offset`, and has so many bytes, that get a fingerprint:
/// how far into it they lie, in order.
fn places(offset: u64, bytes: usize) -> Vec<usize> {
    let end = offset + bytes as u64;
    let doubled = |from| std::iter::successors(Some(from), |it: &u64| it.checked_mul(2));
    let from_end = doubled(PRINT_BYTES as u64).map_while(|distance| end.checked_sub(distance));
    let from_end = from_end.take_while(|at| *at > offset.max(PRINT_BYTES as u64));
    let from_begin = doubled(LANDMARK_BYTES).take_while(|at| *at < end).filter(|at| *at > offset);
    let mut places: Vec<usize> =
        from_end.chain(from_begin).map(|at| (at - offset) as usize).collect();
    places.sort_unstable();
    places.dedup();
    places
}

fn is_landmark(at: u64) -> bool {
    at >= LANDMARK_BYTES && at.is_power_of_two()
}

impl Print {
    /// The fingerprint of a content with these first and last bytes before `at`.
    pub(super) fn of(at: u64, head: &[u8], tail: &[u8]) -> Print {
        Print { at, head: Digest::of(head), tail: Digest::of(tail) }
    }

    /// Where it was taken, and of which last bytes, if another has the same first bytes.
    pub(super) fn beside(&self, other: &Print) -> Option<(u64, Digest)> {
        (self.head == other.head).then_some((self.at, self.tail))
    }

    /// One that has the same first bytes.
    pub(super) fn earlier(&self, at: u64, tail: Digest) -> Print {
        Print { at, head: self.head, tail }
    }

    /// The offset that it was taken at.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// How many of the first bytes it covers, and as many of the last.
    pub(super) fn bytes(&self) -> usize {
        self.at.min(PRINT_BYTES as u64) as usize
    }

    /// Whether a content begins with these bytes, as many as it [covers](Print::bytes).
    pub(super) fn begins_with(&self, head: &[u8]) -> bool {
        self.head == Digest::of(head)
    }
}

impl From<Print> for (u64, Digest, Digest) {
    fn from(Print { at, head, tail }: Print) -> (u64, Digest, Digest) {
        (at, head, tail)
    }
}

impl From<(u64, Digest, Digest)> for Print {
    fn from((at, head, tail): (u64, Digest, Digest)) -> Print {
        Print { at, head, tail }
    }
}

impl Digest {
    fn of(bytes: &[u8]) -> Digest {
        let digest = Sha256::digest(bytes);
        let first = digest.first_chunk().expect("a SHA-256 has 32 bytes");
        Digest(u64::from_be_bytes(*first))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0.to_be_bytes()))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = match text.len() {
            HEX_DIGITS if is_hex => u64::from_str_radix(&text, 16).ok(),
            _ => {
                let bytes = BASE64_URL_SAFE_NO_PAD.decode(&text).ok();
                bytes.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes)
            }
        };
        let wrong = || serde::de::Error::custom("no 11 digits of base64, or 16 in hexadecimal");
        number.map(Digest).ok_or_else(wrong)
    }
}

/// How many it has in hexadecimal, in checkpoints of versions before 4.
const HEX_DIGITS: usize = 16;
/// How much of the beginning, and of what was read last, tells a content: lines of a log have a
/// time in them.
pub(super) const PRINT_BYTES: usize = 512;
/// Where the first fingerprint is that remains; the others are at twice the place of the one
/// before.
const LANDMARK_BYTES: u64 = 1 << 10;
/// What is written between a copy and a truncation, and was read, is seldom more: 64 KiB.
const EARLIER_BYTES: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_has_the_same_print_in_whatever_pieces_it_was_read() {
        let content: Vec<u8> = (0..2_000_u32).map(|index| (index * 7 % 251) as u8).collect();
        for length in [0, 1, 100, 511, 512, 513, 1_023, 1_024, 1_025, 2_000] {
            let content = &content[..length];
            let mut whole = Reach::default();
            whole.advance(content, 1);
            for size in [1, 7, 511, 512, 600] {
                let mut pieces = Reach::default();
                content.chunks(size).for_each(|piece| pieces.advance(piece, 0));
                assert_eq!(pieces.print(), whole.print(), "{length} {size}");
            }
            let kept = length.min(PRINT_BYTES);
            let of = Print::of(length as u64, &content[..kept], &content[length - kept..]);
            assert_eq!(whole.print(), of);
            assert_eq!(of.bytes(), kept);
        }
    }

    #[test]
    fn a_part_of_more_than_1_kib_has_a_print_in_its_second_half() {
        let content: Vec<u8> = (0..300_000_u32).map(|index| (index * 7 % 251) as u8).collect();
        for size in [1, 100, 700, 5_000, content.len()] {
            let mut reach = Reach::default();
            content.chunks(size).for_each(|piece| reach.advance(piece, 0));
            assert!(reach.before.len() < 40, "{}", reach.before.len());
            for end in (1_024..content.len()).step_by(97) {
                let print = reach.print_before(end as u64).unwrap();
                let at = print.at() as usize;
                assert!(at <= end && end <= at * 2, "{size}: {at} for {end}");
                assert_eq!(print, Print::of(print.at(), &content[..512], &content[at - 512..at]));
            }
        }
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        let print = Print::of(300, b"head", b"tail");
        let json = serde_json::to_string(&print).unwrap();
        assert_eq!(serde_json::from_str::<Print>(&json).unwrap(), print);
        for digest in [0, 1, 63, 64, u64::MAX].map(Digest) {
            let json = serde_json::to_string(&digest).unwrap();
            assert_eq!(json.len(), 11 + 2);
            assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
            let before = format!("\"{:016x}\"", digest.0);
            assert_eq!(serde_json::from_str::<Digest>(&before).unwrap(), digest);
        }
        for wrong in ["12", "AAAAAAAAAA+", "AAAAAAAAAAB", "+000000000000000"] {
            assert!(serde_json::from_str::<Digest>(&format!("\"{wrong}\"")).is_err(), "{wrong}");
        }
    }
}
