//! Proves by its bytes that a file has the content which was read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::reach::{PRINT_BYTES, Print, Reach};

/// Whether a file has the content that a print was taken of.
pub(super) fn prove(file: &File, print: Print) -> io::Result<bool> {
    let head = before(file, print.bytes() as u64)?;
    let tail = before(file, print.at())?;
    Ok(head.len() == print.bytes() && Print::of(print.at(), &head, &tail) == print)
}

/// The reach of a file that is read up to an offset.
pub(super) fn reach_at(file: &File, offset: u64, lines: u64) -> io::Result<Reach> {
    let head = before(file, offset.min(PRINT_BYTES as u64))?;
    Ok(Reach::at(offset, lines, head, before(file, offset)?))
}

impl Print {
    /// Of what a file has before an offset.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn of_file(file: &File, offset: u64) -> io::Result<Print> {
        reach_at(file, offset, 0).map(|reach| reach.print())
    }
}

/// How many line feeds a file has before an offset.
///
/// # Errors
///
/// What the system says, or that it ends before.
pub(in crate::source) fn line_feeds(file: &File, offset: u64) -> io::Result<u64> {
    let mut block = vec![0; COUNTED_BYTES];
    let (mut at, mut count) = (0, 0);
    while at < offset {
        let bytes = COUNTED_BYTES.min(usize::try_from(offset - at).unwrap_or(COUNTED_BYTES));
        file.read_exact_at(&mut block[..bytes], at)?;
        count += memchr::memchr_iter(b'\n', &block[..bytes]).count() as u64;
        at += bytes as u64;
    }
    Ok(count)
}

/// The bytes directly before an offset that tell a content; fewer where the file ends before.
pub(super) fn before(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let bytes = offset.min(PRINT_BYTES as u64);
    let mut tail = vec![0; bytes as usize];
    let read = read_full_at(file, &mut tail, offset - bytes)?;
    tail.truncate(read);
    Ok(tail)
}

/// Reads from an offset until the buffer is full or the file ends. Returns how much.
pub(super) fn read_full_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// How much is looked at at a time, where line feeds are counted.
const COUNTED_BYTES: usize = 1 << 20;
