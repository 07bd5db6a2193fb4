//! Decompresses a file, in a format that is told by its first bytes.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;

/// A format of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// The format of `bzip2`.
    Bzip2,
}

impl Format {
    /// The format of what begins with these bytes.
    pub(super) fn of(beginning: &[u8]) -> Option<Format> {
        match beginning {
            [0x1F, 0x8B, ..] => Some(Format::Gzip),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Format::Zstd),
            [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Some(Format::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Format::Bzip2),
            _ => None,
        }
    }

    /// Its name in a flow.
    pub fn name(self) -> &'static str {
        match self {
            Format::Gzip => "gzip",
            Format::Zstd => "zstd",
            Format::Bzip2 => "bzip2",
        }
    }
}

/// Reads the content of a compressed file from its beginning.
pub(super) struct Decoder(Box<dyn Read + Send>);

impl Decoder {
    /// # Errors
    ///
    /// There is no memory for it.
    pub(super) fn new(file: File, format: Format) -> io::Result<Decoder> {
        let file = BufReader::with_capacity(BUFFER_BYTES, Positioned { file, offset: 0 });
        Ok(Decoder(match format {
            Format::Gzip => Box::new(MultiGzDecoder::new(file)),
            Format::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(file)?),
            Format::Bzip2 => Box::new(MultiBzDecoder::new(file)),
        }))
    }

    /// Reads until the buffer is full or the content ends. Returns how much, and why that was all,
    /// if it was: `Ok` at the end of the content, an error where it cannot be decompressed further.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> (usize, Option<io::Result<()>>) {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read(&mut buffer[filled..]) {
                Ok(0) => return (filled, Some(Ok(()))),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (filled, Some(Err(error))),
            }
        }
        (filled, None)
    }
}

/// A file with a place of its own in it, which others that have the same open file do not move.
struct Positioned {
    file: File,
    offset: u64,
}

impl Read for Positioned {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

const BUFFER_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn each_format_is_told_and_read_also_in_several_members() {
        let content: Vec<u8> =
            (0..200_000_u32).flat_map(|n| format!("{n}\n").into_bytes()).collect();
        let (one, other) = content.split_at(70_000);
        let gzip = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let bzip2 = |bytes: &[u8]| {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), Default::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
        for (format, compressed) in [
            (Format::Gzip, [gzip(one), gzip(other)].concat()),
            (Format::Bzip2, [bzip2(one), bzip2(other)].concat()),
            (Format::Zstd, [zstd(one), zstd(other)].concat()),
        ] {
            assert_eq!(Format::of(&compressed), Some(format));
            assert!(read(&compressed, format) == (content.clone(), true), "{}", format.name());
            let cut = &compressed[..compressed.len() - 10];
            let (read, is_whole) = read(cut, format);
            assert!(!is_whole && content.starts_with(&read), "{}", format.name());
        }
        assert_eq!(Format::of(b"{\"a\":1}"), None);
        assert_eq!(Format::of(b""), None);
    }

    fn read(bytes: &[u8], format: Format) -> (Vec<u8>, bool) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let mut decoder = Decoder::new(file, format).unwrap();
        let (mut content, mut buffer) = (Vec::new(), vec![0; 30_000]);
        loop {
            let (filled, end) = decoder.fill(&mut buffer);
            content.extend_from_slice(&buffer[..filled]);
            if let Some(end) = end {
                return (content, end.is_ok());
            }
        }
    }
}
