//! The bytes of a checkpoint.
//!
//! ```text
//! magic, 20 bytes | version, u32 | length of the header, u32 | length of the state, u64
//! length of untaken events, u64
//! header, JSON | the component's state | untaken events | SHA-256 of all before
//! ```
//!
//! Numbers are little endian. The header is text, so that a person with a pager sees what it is of.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::Damage;
use super::mark::Mark;
use super::untaken::Untaken;

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
    /// The process that stored it, where others may take over. `None` in a file.
    pub holder: Option<Holder>,
    /// What the component has to say, which only it can read.
    pub state: Vec<u8>,
    /// The events before the place that the state does not have, if there are any.
    pub untaken: Option<Untaken>,
}

/// The process that holds a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// A random number, in hexadecimal.
    pub id: String,
    /// How long it may go on without storing another checkpoint, in milliseconds. 0 where it has
    /// ended, or never waits.
    pub lease_ms: u64,
    /// Whether that is what was left of the lease of the process before, which this one waits for,
    /// too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inherited: bool,
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
    /// Whether its store was the folder of `--local`, and not the bucket of the flow.
    #[serde(default)]
    pub local: bool,
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

#[derive(Serialize, Deserialize)]
struct Header {
    taken: u64,
    finished: bool,
    source: Mark,
    events: u64,
    objects: u64,
    object_bytes: u64,
    writer: Writer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holder: Option<Holder>,
}

impl Checkpoint {
    /// The checkpoint of a flow that has done nothing yet, whose source begins with `source`.
    pub fn at_the_beginning(source: Mark, writer: Writer) -> Checkpoint {
        Checkpoint {
            taken: 0,
            finished: false,
            source,
            events: 0,
            objects: 0,
            object_bytes: 0,
            writer,
            holder: None,
            state: Vec::new(),
            untaken: None,
        }
    }

    /// Whether it is of a flow that has done nothing yet.
    pub fn is_beginning(&self) -> bool {
        self.state.is_empty()
    }

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
        let Checkpoint { taken, finished, source, events, objects, object_bytes, .. } = self;
        let Checkpoint { writer, holder, state, untaken, .. } = self;
        let header = Header {
            taken: *taken,
            finished: *finished,
            source: source.clone(),
            events: *events,
            objects: *objects,
            object_bytes: *object_bytes,
            writer: writer.clone(),
            holder: holder.clone(),
        };
        let header = serde_json::to_vec(&header).expect("numbers and texts are JSON");
        let untaken = untaken.as_ref().map(Untaken::to_bytes).unwrap_or_default();
        let mut preamble = MAGIC.to_vec();
        preamble.extend(VERSION.to_le_bytes());
        preamble.extend((header.len() as u32).to_le_bytes());
        preamble.extend((state.len() as u64).to_le_bytes());
        preamble.extend((untaken.len() as u64).to_le_bytes());
        let mut digest = Sha256::new();
        for piece in [&preamble, &header, state, &untaken] {
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
        let mut rest = Unread(&bytes[begins..]);
        let version = rest.take().map(u32::from_le_bytes).ok_or(cut_short.clone())?;
        if !VERSIONS.contains(&version) {
            return Err(Damage::OtherVersion(version));
        }
        let header_bytes = rest.take().map(u32::from_le_bytes).ok_or(cut_short.clone())?;
        let state_bytes = rest.take().map(u64::from_le_bytes).ok_or(cut_short.clone())?;
        let untaken_bytes = match version {
            VERSION => rest.take().map(u64::from_le_bytes).ok_or(cut_short.clone())?,
            _ => 0,
        };
        let lengths = [state_bytes, untaken_bytes, DIGEST_BYTES as u64];
        let wanted = lengths.into_iter().try_fold(u64::from(header_bytes), u64::checked_add);
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
        let (state, rest) = rest.split_at(state_bytes as usize);
        let untaken = match untaken_bytes {
            0 => None,
            bytes => Some(Untaken::of_bytes(&rest[..bytes as usize]).ok_or(Damage::Altered)?),
        };
        let header: Header = serde_json::from_slice(header).map_err(|_| Damage::Altered)?;
        let Header { taken, finished, source, events, objects, object_bytes, .. } = header;
        let Header { writer, holder, .. } = header;
        Ok(Checkpoint {
            taken,
            finished,
            source,
            events,
            objects,
            object_bytes,
            writer,
            holder,
            state: state.to_vec(),
            untaken,
        })
    }
}

/// What is still to be read.
pub(super) struct Unread<'a>(pub(super) &'a [u8]);

impl<'a> Unread<'a> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}

const MAGIC: &[u8; 20] = b"SPILLWAY CHECKPOINT\n";
/// What this program writes. It reads two versions before as well, which have no untaken events: 3
/// has longer entries of files, and 2 knows of one file only.
const VERSION: u32 = 4;
pub(super) const VERSIONS: RangeInclusive<u32> = 2..=VERSION;
const DIGEST_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::super::mark::{Identity, Marked};
    use super::super::source::files_of;
    use super::super::untaken::tests::untaken;
    use super::*;
    use crate::place::{Begun, LineStart};
    use crate::source::{FileMark, Print};

    #[test]
    fn what_is_written_is_read() {
        for state in [vec![], b"state".to_vec(), vec![0xFF; 100_000]] {
            for checkpoint in [checkpoint(state.clone()), with_untaken(state)] {
                assert_eq!(Checkpoint::of_bytes(&checkpoint.to_bytes()), Ok(checkpoint));
            }
        }
    }

    #[test]
    fn ten_thousand_files_take_less_than_2_mb() {
        // A hole that is as long as a large log.
        let (file, offset) = (tempfile::tempfile().unwrap(), 1_234_567_890);
        file.set_len(offset).unwrap();
        let print = Print::of_file(&file, offset).unwrap();
        let earlier = Print::of_file(&file, offset - (64 << 10)).unwrap();
        let pod = "checkout-7d9c5b8f4-x2x9z_0f8fad5b-d9cb-469f-a165-70867728950e";
        let mark = |index: u64| FileMark {
            path: format!("/var/log/pods/production_{index:04}-{pod}/app/0.log"),
            inode: 9_000_000 + index,
            offset,
            lines: Some(12_345_678 + index),
            print,
            through: None,
            earlier: Some(earlier),
            is_begun: false,
            nameless: None,
        };
        assert_eq!(mark(0).path.len(), 101);
        let mut checkpoint = checkpoint(Vec::new());
        checkpoint.source.of = Marked::of_files((0..10_000).map(mark).collect(), true);
        let bytes = checkpoint.to_bytes();
        assert!(bytes.len() < 2_000_000, "{}", bytes.len());
        assert_eq!(Checkpoint::of_bytes(&bytes), Ok(checkpoint));
    }

    #[test]
    fn since_when_files_are_gone_is_said_beside_them() {
        let mark = |inode, nameless| FileMark { inode, nameless, ..FileMark::default() };
        let files = vec![mark(1, None), mark(2, Some(1_800_000_000)), mark(3, None)];
        let written = serde_json::to_string(&Marked::of_files(files.clone(), true)).unwrap();
        assert!(written.contains(r#""nameless":[[1,1800000000]]"#), "{written}");
        let of = serde_json::from_str(&written).unwrap();
        let mark = Mark { of, ..Mark::default() };
        assert_eq!(files_of(&mark).unwrap(), files);
    }

    /// One that an earlier version has stored does not say whether files were looked at.
    #[test]
    fn what_is_not_said_of_files_is_not_so() {
        let read = |text: &str| serde_json::from_str::<Marked>(text).unwrap();
        assert_eq!(read(r#"{"files": []}"#), Marked::of_files(Vec::new(), false));
        let looked = Marked::of_files(Vec::new(), true);
        assert_eq!(read(&serde_json::to_string(&looked).unwrap()), looked);
    }

    #[test]
    fn one_that_is_cut_at_any_byte_is_told() {
        for checkpoint in [checkpoint(b"state".to_vec()), with_untaken(b"state".to_vec())] {
            let bytes = checkpoint.to_bytes();
            for length in 0..bytes.len() {
                let read = Checkpoint::of_bytes(&bytes[..length]);
                assert_eq!(read, Err(Damage::CutShort(length)), "{length}");
            }
            let longer = [&bytes[..], b"x"].concat();
            assert_eq!(Checkpoint::of_bytes(&longer), Err(Damage::Altered));
        }
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
                // No bit makes a version of this one that is read.
                20..24 => assert!(matches!(damage, Damage::OtherVersion(_)), "{damage}"),
                // A longer length is one that the file does not have.
                24..44 => {}
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
            "is a checkpoint of version 7, but this program reads versions 2 to 4; finish the \
             source with the program that wrote it"
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
        };
        let through = Through { name: "route".into(), ..Through::default() };
        let (name, version) = ("spillway-s3".into(), "0.1.0".into());
        let writer = Writer { name, version, transforms: vec![through], local: true };
        Checkpoint {
            taken: 1_777_631_400_000_000_000,
            finished: true,
            source,
            events: 2,
            objects: 1,
            object_bytes: 17,
            writer,
            holder: Some(Holder { id: "0f".into(), lease_ms: 20_000, inherited: true }),
            state,
            untaken: None,
        }
    }

    fn with_untaken(state: Vec<u8>) -> Checkpoint {
        Checkpoint { untaken: Some(untaken()), ..checkpoint(state) }
    }
}
