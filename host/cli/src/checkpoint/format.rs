//! The bytes of a checkpoint.
//!
//! ```text
//! magic, 20 bytes | version, u32 | length of the header, u32 | length of the state, u64
//! header, JSON | the component's state | SHA-256 of all before
//! ```
//!
//! Numbers are little endian. The header is text, so that a person with a pager sees what it is of.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::Damage;
use crate::place::{Begun, LineStart, Place};
use crate::source::{FileMark, Start};

/// How far a flow is: a position in its source, and what its sink held there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// When it was taken, in nanoseconds since 1970-01-01T00:00:00Z.
    pub taken: u64,
    /// Whether the source was read to its end, and everything is visible.
    pub finished: bool,
    /// How far the source was read.
    pub source: Mark,
    /// How many events the sink had accepted, over all runs.
    pub events: u64,
    /// How many objects had become visible, over all runs.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// The component that took the state.
    pub writer: Writer,
    /// What the component has to say, which only it can read.
    pub state: Vec<u8>,
}

/// The component that took a state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The transforms that events passed before it, in their order.
    #[serde(default)]
    pub transforms: Vec<Through>,
}

/// A transform that events passed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Through {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of the component, in hexadecimal.
    pub component: String,
    /// The SHA-256 of its configuration, in hexadecimal: that may hold a secret.
    pub config: String,
}

/// A place in a source, and what tells the source from others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// What was read.
    #[serde(flatten)]
    pub of: Marked,
    /// How many lines lie before the line of the place.
    pub lines: u64,
    /// How many bytes lie before that line.
    pub offset: u64,
    /// Position of that line's first event.
    pub position: u64,
    /// What was taken of that line, if anything was.
    pub begun: Option<Begun>,
    /// The line of the first event that was not durable, or one before it.
    pub oldest: LineStart,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Marked {
    /// Files, as one stream.
    Files {
        /// How far each of them was read.
        files: Vec<FileMark>,
    },
    /// One file.
    File(Identity),
}

/// What tells a file from others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The file as it was named.
    pub path: String,
    /// The file system that it lay on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// How long it was, in bytes.
    pub length: u64,
    /// The SHA-256 of the file's beginning, in hexadecimal; never of what lies behind the offset.
    pub beginning: String,
    /// The SHA-256 of what lies directly before the offset, in hexadecimal.
    pub before: String,
}

impl Default for Marked {
    fn default() -> Marked {
        Marked::File(Identity::default())
    }
}

impl Mark {
    /// The place.
    pub fn place(&self) -> Place {
        Place {
            start: Start { line: self.lines, offset: self.offset },
            position: self.position,
            taken: self.begun.as_ref().map_or(0, |begun| begun.events),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    taken: u64,
    finished: bool,
    source: Mark,
    events: u64,
    objects: u64,
    object_bytes: u64,
    writer: Writer,
}

impl Checkpoint {
    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes).expect("memory takes what is written to it");
        bytes
    }

    /// Writes the bytes. The state may be most of what a component holds, and is not copied.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        let Checkpoint { taken, finished, source, events, objects, object_bytes, writer, state } =
            self;
        let header = Header {
            taken: *taken,
            finished: *finished,
            source: source.clone(),
            events: *events,
            objects: *objects,
            object_bytes: *object_bytes,
            writer: writer.clone(),
        };
        let header = serde_json::to_vec(&header).expect("numbers and texts are JSON");
        let mut preamble = MAGIC.to_vec();
        preamble.extend(VERSION.to_le_bytes());
        preamble.extend((header.len() as u32).to_le_bytes());
        preamble.extend((state.len() as u64).to_le_bytes());
        let mut digest = Sha256::new();
        for piece in [&preamble, &header, state] {
            digest.update(piece);
            out.write_all(piece)?;
        }
        out.write_all(&digest.finalize())
    }

    /// Of bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn of_bytes(bytes: &[u8]) -> Result<Checkpoint, Damage> {
        let cut_short = Damage::CutShort(bytes.len());
        let begins = bytes.len().min(MAGIC.len());
        if bytes[..begins] != MAGIC[..begins] {
            return Err(Damage::Foreign);
        }
        let mut rest = Rest(&bytes[begins..]);
        let version = rest.take().map(u32::from_le_bytes).ok_or(cut_short.clone())?;
        if !VERSIONS.contains(&version) {
            return Err(Damage::OtherVersion(version));
        }
        let header_bytes = rest.take().map(u32::from_le_bytes).ok_or(cut_short.clone())?;
        let state_bytes = rest.take().map(u64::from_le_bytes).ok_or(cut_short.clone())?;
        let wanted = u64::from(header_bytes).checked_add(state_bytes);
        let wanted = wanted.and_then(|bytes| bytes.checked_add(DIGEST_BYTES as u64));
        let wanted = wanted.ok_or(Damage::Altered)?;
        // A length that was altered may look like a file that was cut.
        match (rest.0.len() as u64).cmp(&wanted) {
            std::cmp::Ordering::Less => return Err(cut_short),
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => return Err(Damage::Altered),
        }
        let (content, digest) = bytes.split_at(bytes.len() - DIGEST_BYTES);
        if *Sha256::digest(content) != *digest {
            return Err(Damage::Altered);
        }
        let (header, rest) = rest.0.split_at(header_bytes as usize);
        let state = rest[..state_bytes as usize].to_vec();
        let header = serde_json::from_slice(header).map_err(|_| Damage::Altered)?;
        let Header { taken, finished, source, events, objects, object_bytes, writer } = header;
        Ok(Checkpoint { taken, finished, source, events, objects, object_bytes, writer, state })
    }
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}

const MAGIC: &[u8; 20] = b"SPILLWAY CHECKPOINT\n";
/// What this program writes. It reads the version before as well, which knows of one file only.
pub(super) const VERSION: u32 = 3;
const VERSIONS: std::ops::RangeInclusive<u32> = 2..=VERSION;
const DIGEST_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for state in [vec![], b"state".to_vec(), vec![0xFF; 100_000]] {
            let checkpoint = checkpoint(state);
            assert_eq!(Checkpoint::of_bytes(&checkpoint.to_bytes()), Ok(checkpoint));
        }
    }

    #[test]
    fn ten_thousand_files_take_less_than_2_mb() {
        let mark = |index: u64| FileMark {
            path: format!("/var/log/containers/checkout-{index:05}-7d9c5b8f4-x2x9z_production.log"),
            inode: 9_000_000 + index,
            offset: 1_234_567_890 + index,
            lines: Some(12_345_678 + index),
            ..FileMark::default()
        };
        let mut checkpoint = checkpoint(Vec::new());
        checkpoint.source.of = Marked::Files { files: (0..10_000).map(mark).collect() };
        let bytes = checkpoint.to_bytes();
        assert!(bytes.len() < 2_000_000, "{}", bytes.len());
        assert_eq!(Checkpoint::of_bytes(&bytes), Ok(checkpoint));
    }

    #[test]
    fn one_that_is_cut_at_any_byte_is_told() {
        let bytes = checkpoint(b"state".to_vec()).to_bytes();
        for length in 0..bytes.len() {
            let read = Checkpoint::of_bytes(&bytes[..length]);
            assert_eq!(read, Err(Damage::CutShort(length)), "{length}");
        }
        let longer = [&bytes[..], b"x"].concat();
        assert_eq!(Checkpoint::of_bytes(&longer), Err(Damage::Altered));
    }

    #[test]
    fn one_with_any_bit_flipped_is_told() {
        let bytes = checkpoint(b"state".to_vec()).to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let damage = Checkpoint::of_bytes(&flipped).expect_err("it is damaged");
            match bit / 8 {
                0..20 => assert_eq!(damage, Damage::Foreign),
                // One bit makes the version before of this one, whose checksum does not match.
                20 if bit % 8 == 0 => assert_eq!(damage, Damage::Altered),
                20..24 => assert!(matches!(damage, Damage::OtherVersion(_)), "{damage}"),
                // A longer length is one that the file does not have.
                24..36 => {}
                _ => assert_eq!(damage, Damage::Altered),
            }
        }
    }

    #[test]
    fn what_is_something_else_is_told() {
        for text in ["{}", "SPILLWAY", "SPILLWAY CHECKPOINT", "[checkpoint]\npath = 'x'\n"] {
            let damage = Checkpoint::of_bytes(text.as_bytes()).unwrap_err();
            let begins = text.starts_with("SPILLWAY");
            assert_eq!(begins, damage == Damage::CutShort(text.len()), "{text}: {damage}");
        }
        assert_eq!(
            Damage::OtherVersion(7).to_string(),
            "is a checkpoint of version 7, but this program reads version 3; finish the source \
             with the program that wrote it"
        );
    }

    fn checkpoint(state: Vec<u8>) -> Checkpoint {
        let mut begun = Begun::at(Some(7));
        begun.add("k", b"payload");
        let source = Mark {
            of: Marked::File(Identity { path: "é.json".into(), ..Identity::default() }),
            lines: 3,
            offset: 70,
            position: 12,
            begun: Some(begun),
            oldest: LineStart { line: 1, position: 4 },
            ..Mark::default()
        };
        let through = Through { name: "route".into(), ..Through::default() };
        let (name, version) = ("spillway-s3".into(), "0.1.0".into());
        let writer = Writer { name, version, transforms: vec![through] };
        Checkpoint {
            taken: 1_777_631_400_000_000_000,
            finished: true,
            source,
            events: 2,
            objects: 1,
            object_bytes: 17,
            writer,
            state,
        }
    }
}
