//! How far a source was read, as a checkpoint has it.

use serde::{Deserialize, Serialize};

use crate::place::{Begun, LineStart, Place};
use crate::source::{FileMark, Start};

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
        /// Which of them, from 0, the line is of that has been begun, if one has. Versions of this
        /// program that do not know it pass it over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        begun_file: Option<usize>,
        /// Which of them, from 0, have no name that is looked for, and since when, in seconds since
        /// 1970. Versions of this program that do not know it pass it over.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        nameless: Vec<(usize, u64)>,
        /// Whether all of them were looked at before: one that is found later is read from its
        /// beginning, wherever those begin that are there at first.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        has_looked: bool,
    },
    /// Records of a partition: lines are offsets.
    Partition {
        /// The topic.
        topic: String,
        /// The number of the partition in it.
        partition: i32,
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

impl Marked {
    /// Files that were read so far, and whether all were looked at.
    pub fn of_files(files: Vec<FileMark>, has_looked: bool) -> Marked {
        let begun_file = files.iter().position(|file| file.is_begun);
        let nameless =
            files.iter().enumerate().filter_map(|(index, file)| Some((index, file.nameless?)));
        let nameless = nameless.collect();
        Marked::Files { files, begun_file, nameless, has_looked }
    }

    /// Whether all files were looked at, where it is several.
    pub fn has_looked(&self) -> bool {
        matches!(self, Marked::Files { has_looked: true, .. })
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
