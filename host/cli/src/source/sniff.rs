//! Tells what an input is that holds no lines, by how it begins.

use std::fmt;

/// What an input is that holds no lines of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Compressed, by what is called so; the command writes it out decompressed.
    Compressed {
        /// The name of the format.
        format: &'static str,
        /// The command that decompresses its standard input, or the file named behind it.
        command: &'static str,
    },
    /// A file of a format that has no lines.
    Format(&'static str),
    /// Text in another encoding, by the name that `iconv` knows.
    Encoding(&'static str),
    /// NUL bytes, and so many of them at least.
    Nuls(usize),
}

/// What an input is that begins like this, if it holds no lines. `is_raw` says that lines are taken
/// as they are: nobody looks into them later.
pub(super) fn sniff(beginning: &[u8], is_raw: bool) -> Option<Foreign> {
    let begins =
        |(magic, foreign): &(&[u8], Foreign)| beginning.starts_with(magic).then_some(*foreign);
    if let Some(foreign) = MAGIC.iter().find_map(begins) {
        return Some(foreign);
    }
    // A frame that is skipped: parallel and seekable compressors begin with one.
    if let [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] = beginning {
        return Some(compressed("zstd", "zstd -dc"));
    }
    if beginning.get(257..262) == Some(b"ustar") {
        return Some(Foreign::Format("a tar archive"));
    }
    if let Some(encoding) = encoding(beginning) {
        return Some(Foreign::Encoding(encoding));
    }
    let nuls = beginning.iter().take_while(|byte| **byte == 0).count();
    (is_raw && nuls >= NULS_MIN).then_some(Foreign::Nuls(nuls))
}

/// The encoding of text whose characters take two bytes or four. In what people write, most of them
/// are Latin letters at the beginning, and so have NULs, at every second byte or at three of four.
fn encoding(beginning: &[u8]) -> Option<&'static str> {
    let has_nul = beginning.contains(&0);
    match beginning {
        [0xFF, 0xFE, 0, 0, ..] => return Some("UTF-32"),
        [0, 0, 0xFE, 0xFF, ..] => return Some("UTF-32"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] if has_nul => return Some("UTF-16"),
        _ => {}
    }
    let (quads, _) = beginning[..beginning.len().min(UNITS_MAX * 4)].as_chunks::<4>();
    let (pairs, _) = beginning[..beginning.len().min(UNITS_MAX * 2)].as_chunks::<2>();
    let quads = |of: fn(&[u8; 4]) -> u32| quads.iter().map(of).map(char::from_u32).collect();
    // Half of a pair of surrogates is no character of its own, and no Latin one.
    let pairs = |of: fn(&[u8; 2]) -> u16| {
        let units = pairs.iter().map(of).map(u32::from);
        units.map(|unit| Some(char::from_u32(unit).unwrap_or(OTHER))).collect()
    };
    let units: [(&'static str, Vec<Option<char>>); 4] = [
        ("UTF-32LE", quads(|unit| u32::from_le_bytes(*unit))),
        ("UTF-32BE", quads(|unit| u32::from_be_bytes(*unit))),
        ("UTF-16LE", pairs(|unit| u16::from_le_bytes(*unit))),
        ("UTF-16BE", pairs(|unit| u16::from_be_bytes(*unit))),
    ];
    units.into_iter().find(|(_, units)| is_text(units)).map(|(name, _)| name)
}

/// Whether these are the characters of a text, as far as that can be told: most are Latin letters,
/// and none is one that no text has.
fn is_text(units: &[Option<char>]) -> bool {
    let is_said = |c: char| matches!(c, '\t' | '\n' | '\r') || !c.is_control();
    let is_latin = |unit: &&Option<char>| unit.is_some_and(|c| c < '\u{250}');
    units.len() >= UNITS_MIN
        && units.iter().all(|unit| unit.is_some_and(is_said))
        && units.iter().filter(is_latin).count() * 4 >= units.len() * 3
}

impl Foreign {
    /// What it is, and what to do; `file` is its name, if it has one.
    pub(super) fn explain(self, file: Option<&str>) -> Explained<'_> {
        Explained { foreign: self, file }
    }
}

/// See [`Foreign::explain`].
pub(super) struct Explained<'a> {
    foreign: Foreign,
    file: Option<&'a str>,
}

impl fmt::Display for Explained<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.foreign {
            Foreign::Compressed { format, command } => {
                write!(formatter, "is compressed with {format}. ")?;
                let is_decompressed = ["gzip", "zstd", "bzip2"].contains(&format);
                if self.file.is_some() && is_decompressed {
                    return formatter.write_str("Write compression = \"auto\" in [source]");
                }
                self.pipe(formatter, command)
            }
            Foreign::Format(what) => write!(
                formatter,
                "is {what}, which does not consist of lines. Convert it to one JSON document per \
                 line first"
            ),
            Foreign::Encoding(name) => {
                write!(formatter, "is text in {name}, but lines must be UTF-8. ")?;
                self.pipe(formatter, &format!("iconv -f {name} -t UTF-8"))
            }
            Foreign::Nuls(count) => {
                write!(
                    formatter,
                    "begins with {count} NUL bytes or more, like a log that was truncated while \
                     its writer continued (copytruncate). "
                )?;
                self.pipe(formatter, "tr -d '\\000' <")
            }
        }
    }
}

impl Explained<'_> {
    fn pipe(&self, formatter: &mut fmt::Formatter<'_>, command: &str) -> fmt::Result {
        match self.file {
            None => {
                let command = command.trim_end_matches(" <");
                write!(formatter, "Put `{command}` before it in the pipe")
            }
            Some(file) => write!(
                formatter,
                "Decompress it to another file, or write type = \"stdin\" into [source], remove \
                 [checkpoint], and run: {command} {} | spillway run flow.toml",
                quoted(file)
            ),
        }
    }
}

/// A file's name as a shell takes it.
fn quoted(file: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/-+".contains(c);
    if !file.starts_with('-') && file.chars().all(plain) {
        return file.to_owned();
    }
    format!("'{}'", file.replace('\'', "'\\''"))
}

const fn compressed(format: &'static str, command: &'static str) -> Foreign {
    Foreign::Compressed { format, command }
}

/// How formats begin. What could be the beginning of a text is longer than what the format says of
/// itself.
const MAGIC: &[(&[u8], Foreign)] = &[
    (b"\x1F\x8B\x08", compressed("gzip", "gzip -dc")),
    (b"\x28\xB5\x2F\xFD", compressed("zstd", "zstd -dc")),
    (b"BZh1\x31\x41\x59\x26\x53\x59", compressed("bzip2", "bzip2 -dc")),
    (b"BZh2\x31\x41\x59\x26\x53\x59", compressed("bzip2", "bzip2 -dc")),
    (b"BZh3\x31\x41\x59\x26\x53\x59", compressed("bzip2", "bzip2 -dc")),
    (b"BZh4\x31\x41\x59\x26\x53\x59", compressed("bzip2", "bzip2 -dc")),
    (b"BZh5\x31\x41\x59\x26\x53\x59", compressed("bzip2", "bzip2 -dc")),
    (b"BZh6\x31\x41\x59\x26\x53\x59", compressed("bzip2", "bzip2 -dc")),
    (b"BZh7\x31\x41\x59\x26\x53\x59", compressed("bzip2", "bzip2 -dc")),
    (b"BZh8\x31\x41\x59\x26\x53\x59", compressed("bzip2", "bzip2 -dc")),
    (b"BZh9\x31\x41\x59\x26\x53\x59", compressed("bzip2", "bzip2 -dc")),
    (b"\xFD7zXZ\0", compressed("xz", "xz -dc")),
    (b"\x04\x22\x4D\x18", compressed("lz4", "lz4 -dc")),
    (b"\x02\x21\x4C\x18", compressed("lz4", "lz4 -dc")),
    (b"\x5D\0\0\x80\0", compressed("lzma", "xz -dc")),
    (b"\x5D\0\0\0\x01", compressed("lzma", "xz -dc")),
    (b"\x89LZO\0\r\n\x1A\n", compressed("lzop", "lzop -dc")),
    (b"\x1F\x9D\x90", compressed("compress", "gzip -dc")),
    (b"\xFF\x06\0\0sNaPpY", Foreign::Format("compressed with Snappy")),
    (b"PK\x03\x04", Foreign::Format("a zip archive")),
    (b"PK\x05\x06", Foreign::Format("a zip archive")),
    (b"7z\xBC\xAF\x27\x1C", Foreign::Format("a 7z archive")),
    (b"Rar!\x1A\x07", Foreign::Format("a RAR archive")),
    (b"ElfFile\0", Foreign::Format("a log of Windows events")),
    (b"LPKSHHRH", Foreign::Format("a journal of systemd")),
    (b"\xD4\xC3\xB2\xA1", Foreign::Format("a capture of packets")),
    (b"\xA1\xB2\xC3\xD4", Foreign::Format("a capture of packets")),
    (b"\x4D\x3C\xB2\xA1", Foreign::Format("a capture of packets")),
    (b"\xA1\xB2\x3C\x4D", Foreign::Format("a capture of packets")),
    (b"\x7FELF", Foreign::Format("a program")),
    (b"PAR1\x15", Foreign::Format("a Parquet file")),
    (b"Obj\x01", Foreign::Format("an Avro file")),
    (b"ORC\x08", Foreign::Format("an ORC file")),
    (b"ARROW1\0", Foreign::Format("an Arrow file")),
    (b"SQLite format 3\0", Foreign::Format("a SQLite database")),
];

/// How much of the beginning is looked at.
pub(super) const SNIFFED_BYTES: usize = 4096;
/// From how many units of two bytes or four an encoding is told, and how many are looked at.
const UNITS_MIN: usize = 4;
const UNITS_MAX: usize = 64;
/// Any character that is not Latin.
const OTHER: char = '\u{FFFD}';
/// Fewer NULs may begin a raw line that is meant.
const NULS_MIN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_lines_is_told_by_its_beginning() {
        let two = |text: &str, nul_first: bool| -> Vec<u8> {
            let pair = |byte| if nul_first { [0, byte] } else { [byte, 0] };
            text.bytes().flat_map(pair).collect()
        };
        let four = |text: &str, bytes: fn(u32) -> [u8; 4]| -> Vec<u8> {
            text.chars().flat_map(|c| bytes(u32::from(c))).collect()
        };
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for (beginning, said) in [
            (b"\x1F\x8B\x08\x00\x00".to_vec(), "gzip"),
            (b"\x28\xB5\x2F\xFD\x24".to_vec(), "zstd"),
            (b"BZh91AY&SY".to_vec(), "bzip2"),
            (b"\xFD7zXZ\0\0".to_vec(), "xz"),
            (b"\x02\x21\x4C\x18\x10".to_vec(), "lz4"),
            (b"\x5A\x2A\x4D\x18\x04\0\0\0".to_vec(), "zstd"),
            (b"\x5D\0\0\x80\0\xFF\xFF".to_vec(), "xz -dc"),
            (b"ElfFile\0\0".to_vec(), "Windows events"),
            (b"LPKSHHRH\0".to_vec(), "journal of systemd"),
            (b"\xD4\xC3\xB2\xA1\x02\0\x04\0".to_vec(), "capture of packets"),
            (b"\x7FELF\x02\x01\x01\0".to_vec(), "a program"),
            (b"PK\x03\x04\x14".to_vec(), "zip"),
            (b"PAR1\x15\x04".to_vec(), "Parquet"),
            (b"Obj\x01\x04".to_vec(), "Avro"),
            (tar, "tar"),
            ([b"\xFF\xFE".to_vec(), two("{}\n", false)].concat(), "UTF-16"),
            ([b"\xFE\xFF".to_vec(), two("{}\n", true)].concat(), "UTF-16"),
            (b"\xFF\xFE\0\0{\0\0\0".to_vec(), "UTF-32"),
            (two("{\"k\":1}\r\n", false), "UTF-16LE"),
            (two("one two\n", true), "UTF-16BE"),
            (b"{\0\"\0\xE9\0\"\0:\0\"\0\x17\x04\"\0}\0\n\0".to_vec(), "UTF-16LE"),
            (four("{\"k\": 1}\n", u32::to_le_bytes), "UTF-32LE"),
            (four("{\"k\": 1}\n", u32::to_be_bytes), "UTF-32BE"),
        ] {
            for is_raw in [false, true] {
                let found = sniff(&beginning, is_raw).expect(said);
                let text = found.explain(None).to_string();
                assert!(text.contains(said), "{text}");
            }
        }
        assert_eq!(sniff(&[0; 16], true), Some(Foreign::Nuls(16)));
    }

    #[test]
    fn lines_of_any_bytes_are_lines() {
        for beginning in [
            &b""[..],
            b"\n",
            b"{}\n",
            b"\xEF\xBB\xBF{}\n",
            // Text of other encodings, and what only looks like a format.
            b"caf\xE9\n",
            b"\xFF\xFE\n",
            b"BZh9 is how bzip2 begins\n",
            b"PAR1 is how Parquet begins\n",
            b"Object\n",
            b"\x1F\x8B\n",
            b"PK\n",
            // NULs in raw lines, in front and further down.
            b"\0\0\0one\n",
            b"one\0two\0\n",
            b"a\0b\n",
            b"a\0b\0\x01\0c\0d\0e\0\n",
            b"\x03\0\0\0\x04\0\0\0\x05\0\0\0\x06\0\0\0\n",
            b"P*M is no frame\n",
            &[b"text\n".as_slice(), &[0; 100]].concat(),
        ] {
            assert_eq!(sniff(beginning, true), None, "{beginning:?}");
            assert_eq!(sniff(beginning, false), None, "{beginning:?}");
        }
        // Lines of JSON are looked into, each by itself.
        assert_eq!(sniff(&[0; 100], false), None);
    }

    #[test]
    fn what_to_do_is_a_command_that_a_shell_takes() {
        let xz = sniff(b"\xFD7zXZ\0", true).unwrap();
        let text = xz.explain(Some("logs/it's in.xz")).to_string();
        assert!(text.contains(r"xz -dc 'logs/it'\''s in.xz' | spillway run"), "{text}");
        let gzip = sniff(b"\x1F\x8B\x08", true).unwrap();
        let text = gzip.explain(Some("in.gz")).to_string();
        assert!(text.ends_with("Write compression = \"auto\" in [source]"), "{text}");
        let text = gzip.explain(None).to_string();
        assert!(text.ends_with("Put `gzip -dc` before it in the pipe"), "{text}");
        let text = Foreign::Nuls(16).explain(Some("a.log")).to_string();
        assert!(text.contains(r"tr -d '\000' < a.log |"), "{text}");
    }
}
