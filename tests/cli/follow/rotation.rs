//! How logs are rotated, in the order in which `logrotate` does things.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::logs::{Log, Rotated};

/// How a log is rotated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) rotate: Rotate,
    compress: Option<Compress>,
}

/// What happens to the file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rotate {
    /// It gets another name, and a new one is made.
    Rename,
    /// It is copied, and truncated after that.
    CopyTruncate,
    /// It gets another name, and is compressed at the next rotation.
    DelayCompress,
    /// It is deleted, and a new one is made.
    Delete,
}

/// What compresses.
#[derive(Clone, Copy, Debug)]
pub(super) enum Compress {
    Gzip,
    Zstd,
}

impl Way {
    /// Another of these for each of the numbers from 0, and so on.
    pub(super) fn number(number: usize, of: &[Rotate], random: &mut Rng) -> Way {
        let rotate = of[number % of.len()];
        let format = if random.bool() { Compress::Gzip } else { Compress::Zstd };
        let compress = match rotate {
            Rotate::DelayCompress => Some(format),
            Rotate::Delete => None,
            // What is rotated is compressed at once.
            _ => random.bool().then_some(format),
        };
        Way { rotate, compress }
    }

    /// Any way.
    pub(super) fn any(of: &[Rotate], random: &mut Rng) -> Way {
        Way::number(random.usize(..of.len()), of, random)
    }
}

impl Log {
    pub(super) fn rotate_as(&mut self, way: Way, random: &mut Rng) {
        match (way.rotate, way.compress) {
            (Rotate::Delete, _) => {
                self.complete();
                self.to_delete = true;
            }
            (Rotate::Rename, compress) => {
                self.shift();
                self.rename(compress.is_none(), random);
                compress.into_iter().for_each(|format| self.compress(0, format));
            }
            (Rotate::DelayCompress, format) => {
                if !self.archive.is_empty() {
                    format.into_iter().for_each(|format| self.compress(0, format));
                }
                self.shift();
                self.rename(true, random);
            }
            (Rotate::CopyTruncate, compress) => {
                self.shift();
                self.copy_and_truncate(random);
                compress.into_iter().for_each(|format| self.compress(0, format));
            }
        }
    }

    /// `app.log.1` becomes `app.log.2`, and so on, the oldest first.
    fn shift(&mut self) {
        for (at, rotated) in self.archive.iter_mut().enumerate().rev() {
            let name = rotated.path.file_name().unwrap().to_str().unwrap();
            let ending = [".gz", ".zst"].into_iter().find(|ending| name.ends_with(ending));
            let to = numbered(&self.path, at + 2, ending.unwrap_or_default());
            assert!(!to.exists(), "{} is there", to.display());
            fs::rename(&rotated.path, &to).unwrap();
            rotated.path = to;
        }
    }

    fn rename(&mut self, may_be_written: bool, random: &mut Rng) {
        let to = numbered(&self.path, 1, "");
        fs::rename(&self.path, &to).unwrap();
        self.open.iter_mut().for_each(|open| open.is_old = true);
        if random.bool() {
            File::create_new(&self.path).unwrap();
        }
        // The writer goes on with the old one for a while.
        if may_be_written && random.bool() {
            self.write_on(random.u64(1..5));
        }
        let goes_on = may_be_written && random.bool();
        self.archive.push_front(Rotated { path: to, below: None, is_compressed: false });
        if !goes_on {
            self.reopen();
        }
    }

    fn copy_and_truncate(&mut self, random: &mut Rng) {
        // A line that is half in the copy is no line anywhere.
        self.complete();
        let to = numbered(&self.path, 1, "");
        let mut bytes = fs::read(&self.path).unwrap();
        let mut copy = File::create_new(&to).unwrap();
        write_in_two(&mut copy, &mut bytes);
        self.archive.push_front(Rotated { path: to, below: Some(self.next), is_compressed: false });
        let from = self.next;
        if random.bool() {
            self.write_on(random.u64(1..10));
        }
        self.open.as_ref().unwrap().file.set_len(0).unwrap();
        self.uncertain.extend(from..self.next);
    }
}

impl Compress {
    /// Compresses a file, and removes it. Returns what it is then.
    pub(super) fn file(self, path: &Path) -> PathBuf {
        let plain = fs::read(path).unwrap();
        let (mut bytes, ending) = match self {
            Compress::Gzip => {
                let level = flate2::Compression::fast();
                let mut encoder = flate2::read::GzEncoder::new(&plain[..], level);
                let mut bytes = Vec::new();
                encoder.read_to_end(&mut bytes).unwrap();
                (bytes, ".gz")
            }
            Compress::Zstd => (zstd::bulk::compress(&plain, 3).unwrap(), ".zst"),
        };
        let to = PathBuf::from(format!("{}{ending}", path.display()));
        write_in_two(&mut File::create_new(&to).unwrap(), &mut bytes);
        fs::remove_file(path).unwrap();
        to
    }
}

/// Two writes, so that whoever looks may find a part.
fn write_in_two(file: &mut File, bytes: &mut Vec<u8>) {
    let rest = bytes.split_off(bytes.len() / 2);
    file.write_all(bytes).unwrap();
    std::thread::yield_now();
    file.write_all(&rest).unwrap();
}

fn numbered(path: &Path, number: usize, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}.{number}{ending}", path.display()))
}

/// All ways; those by which no line is in two files at the same time come first.
pub(super) const ROTATIONS: [Rotate; 4] =
    [Rotate::Rename, Rotate::DelayCompress, Rotate::Delete, Rotate::CopyTruncate];
