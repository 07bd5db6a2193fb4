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
    /// Whether some events of its next line were taken. The array does not say it: of all files it
    /// is one at most.
    pub is_begun: bool,
    /// Since when it has had no name that is looked for, in seconds since 1970, if it has none. The
    /// array does not say it: of all files they are few.
    pub nameless: Option<u64>,
}

type Fields = (String, u64, u64, Option<u64>, Told, Option<u64>, Option<(u64, Digest)>);

/// A fingerprint as it is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Told {
    /// It was taken where reading ended.
    Here(Digest, Digest),
    /// It was taken elsewhere. Versions before 4 write no other.
    At(u64, Digest, Digest),
}

impl From<FileMark> for Fields {
    fn from(mark: FileMark) -> Fields {
        let FileMark { path, inode, offset, lines, print, through, earlier, .. } = mark;
        let earlier = earlier.and_then(|earlier| earlier.beside(&print));
        let (at, head, tail): (u64, Digest, Digest) = print.into();
        let told = if at == offset { Told::Here(head, tail) } else { Told::At(at, head, tail) };
        (path, inode, offset, lines, told, through, earlier)
    }
}

impl From<Fields> for FileMark {
    fn from((path, inode, offset, lines, told, through, earlier): Fields) -> FileMark {
        let print = Print::from(match told {
            Told::Here(head, tail) => (offset, head, tail),
            Told::At(at, head, tail) => (at, head, tail),
        });
        let earlier = earlier.map(|(at, tail)| print.earlier(at, tail));
        let (is_begun, nameless) = (false, None);
        FileMark { path, inode, offset, lines, print, through, earlier, is_begun, nameless }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_short_and_read_as_before() {
        let print = |at| Print::of(at, b"head", b"tail");
        let mark = |at| FileMark {
            path: "/var/log/a.log".into(),
            inode: 7,
            offset: 300,
            lines: Some(3),
            print: print(at),
            through: None,
            earlier: Some(print(100)),
            is_begun: false,
            nameless: None,
        };
        for at in [300, 200] {
            let json = serde_json::to_string(&mark(at)).unwrap();
            assert_eq!(serde_json::from_str::<FileMark>(&json).unwrap(), mark(at));
            assert!(json.len() < 90, "{json}");
        }
        let (head, tail) = (hex(b"head"), hex(b"tail"));
        let before =
            format!(r#"["/var/log/a.log",7,300,3,[300,"{head}","{tail}"],null,[100,"{tail}"]]"#);
        assert_eq!(serde_json::from_str::<FileMark>(&before).unwrap(), mark(300));
    }

    /// A digest as versions before 4 write it.
    fn hex(bytes: &[u8]) -> String {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(bytes);
        digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
