//! What a checkpoint says of a followed file.

use serde::{Deserialize, Serialize};

use super::reach::{Digest, Print};

/// How far a file was read, and what tells it from others. It is written as an array: a flow may
/// have ten thousand of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Fields", from = "Fields")]
pub struct FileMark {
    /// Its path when it was last seen.
    pub path: String,
    /// Its number in its file system.
    pub inode: u64,
    /// How many bytes of it were read: of a compressed file, decompressed.
    pub offset: u64,
    /// How many line feeds are among them, where that is known.
    pub lines: Option<u64>,
    /// What it has before some offset that was read.
    pub print: Print,
    /// How long a compressed file is that was read to its end.
    pub through: Option<u64>,
    /// What it has before an offset that was read earlier: a copy of a part is told by it.
    pub earlier: Option<Print>,
}

type Fields = (String, u64, u64, Option<u64>, Print, Option<u64>, Option<(u64, Digest)>);

impl From<FileMark> for Fields {
    fn from(mark: FileMark) -> Fields {
        let FileMark { path, inode, offset, lines, print, through, earlier } = mark;
        let earlier = earlier.and_then(|earlier| earlier.beside(&print));
        (path, inode, offset, lines, print, through, earlier)
    }
}

impl From<Fields> for FileMark {
    fn from((path, inode, offset, lines, print, through, earlier): Fields) -> FileMark {
        let earlier = earlier.map(|(at, tail)| print.earlier(at, tail));
        FileMark { path, inode, offset, lines, print, through, earlier }
    }
}
