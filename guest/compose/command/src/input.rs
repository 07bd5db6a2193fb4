//! Standard input, in pieces of whole lines.

use wasip2::cli::stdin::get_stdin;
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll;
use wasip2::io::streams::{InputStream, StreamError};

/// Standard input.
pub(crate) struct Input {
    stream: InputStream,
    /// What was read and not given out: no whole line.
    held: Vec<u8>,
    is_over: bool,
}

/// What comes next.
pub(crate) enum Piece {
    /// Whole lines, each with its line feed.
    Lines(Vec<u8>),
    /// Nothing has come for a while.
    Nothing,
    End,
}

impl Input {
    pub(crate) fn open() -> Input {
        Input { stream: get_stdin(), held: Vec::new(), is_over: false }
    }

    /// The next lines, or that none came for `PATIENCE_NS`.
    ///
    /// # Errors
    ///
    /// Why standard input cannot be read on.
    pub(crate) fn next(&mut self) -> Result<Piece, String> {
        while !self.is_over {
            let ready = self.stream.subscribe();
            let patience = subscribe_duration(PATIENCE_NS);
            if !poll::poll(&[&ready, &patience]).contains(&0) {
                return Ok(Piece::Nothing);
            }
            drop(ready);
            let bytes = match self.stream.read(READ_BYTES_MAX) {
                Ok(bytes) => bytes,
                Err(StreamError::Closed) => {
                    self.is_over = true;
                    break;
                }
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(format!("cannot read standard input: {}", error.to_debug_string()));
                }
            };
            // A host may have a stream that is ready with nothing.
            let Some(end) = memchr::memrchr(b'\n', &bytes).map(|at| at + 1) else {
                self.held.extend(bytes);
                if self.held.len() > LINE_BYTES_MAX {
                    return Err(format!("a line is longer than {LINE_BYTES_MAX} bytes"));
                }
                continue;
            };
            let mut lines = std::mem::take(&mut self.held);
            lines.extend(&bytes[..end]);
            self.held.extend(&bytes[end..]);
            return Ok(Piece::Lines(lines));
        }
        let mut last = std::mem::take(&mut self.held);
        if last.is_empty() {
            return Ok(Piece::End);
        }
        last.push(b'\n');
        Ok(Piece::Lines(last))
    }
}

/// How long the sink is left alone where no line comes: 0.2 s.
const PATIENCE_NS: u64 = 200_000_000;
const READ_BYTES_MAX: u64 = 1 << 20;
/// As long as a line of a flow may be: 64 MiB.
const LINE_BYTES_MAX: usize = 64 << 20;
