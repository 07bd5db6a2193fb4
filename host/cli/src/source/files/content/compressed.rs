//! Reads a compressed file: decompresses what was read again, and goes on behind that.

use std::fs::File;
use std::io;

use super::{Content, How, Kind, Read};
use crate::source::Start;
use crate::source::files::decode::Decoder;
use crate::source::files::reach::{Print, Reach};
use crate::source::files::stream::{Stream, Who};

/// A compressed file that is being read.
pub(super) struct Decoding {
    decoder: Decoder,
    /// How far it has come towards the reach, until it is there.
    skipping: Option<Skipping>,
    /// What follows the reach and was not put into the stream.
    pending: Vec<u8>,
    is_at_end: bool,
}

/// The content before the reach, which is read again.
#[derive(Default)]
struct Skipping {
    reach: Reach,
    is_proven: bool,
}

/// What skipping on has brought.
enum Skip {
    /// The reach is not there yet.
    More,
    /// It is, and all before it is what was read, with what was decompressed behind it. The content
    /// may end there.
    There { behind: Vec<u8>, is_at_end: bool },
    /// The content ends before it.
    Short,
    /// It is another content.
    Other,
    /// It cannot be decompressed further.
    Broken(io::Error),
}

impl Content {
    pub(super) fn read_compressed(
        &mut self,
        file: &File,
        how: How,
        stream: &mut Stream,
        who: Who<'_>,
    ) -> io::Result<Read> {
        let Kind::Compressed { format, decoding, through } = &mut self.kind else {
            return Ok(Read::End { unfinished: 0 });
        };
        let length = file.metadata()?.len();
        if *through == Some(length) {
            return Ok(Read::End { unfinished: 0 });
        }
        if decoding.is_none() && self.expected.is_none() && !self.reach.head().is_empty() {
            self.expected = Some(self.reach.print());
        }
        let current = match decoding {
            Some(decoding) => decoding,
            None => decoding.insert(Decoding {
                decoder: Decoder::new(file.try_clone()?, *format)?,
                skipping: Some(Skipping::default()),
                pending: Vec::new(),
                is_at_end: false,
            }),
        };
        if let Some(skipping) = &mut current.skipping {
            let read =
                match skipping.go_on(&mut current.decoder, self.reach.offset, self.expected, how) {
                    Skip::More => return Ok(Read::Some),
                    Skip::Other | Skip::Short => Read::Changed,
                    Skip::Broken(error) => Read::Broken(error),
                    Skip::There { behind, is_at_end } => {
                        let (lines, skipping) = (self.reach.lines, current.skipping.take());
                        self.reach = skipping.map(|skipping| skipping.reach).unwrap_or_default();
                        if !std::mem::take(&mut self.is_uncounted) {
                            self.reach.lines = lines;
                        }
                        self.expected = None;
                        (current.pending, current.is_at_end) = (behind, is_at_end);
                        return Ok(Read::Some);
                    }
                };
            *decoding = None;
            return Ok(read);
        }
        if !current.is_at_end {
            let start = current.pending.len();
            current.pending.resize(start + how.slice_bytes as usize, 0);
            let (filled, end) = current.decoder.fill(&mut current.pending[start..]);
            current.pending.truncate(start + filled);
            match end {
                None => {}
                Some(Ok(())) => current.is_at_end = true,
                Some(Err(error)) if filled == 0 => {
                    // What is unfinished is decompressed again, once there is more of the file.
                    *decoding = None;
                    return Ok(Read::Broken(error));
                }
                Some(Err(_)) => {}
            }
        }
        let is_at_end = current.is_at_end;
        let mut buffer = std::mem::take(&mut current.pending);
        if is_at_end && buffer.is_empty() && self.passing.is_none() {
            (*decoding, *through) = (None, Some(length));
            let from = Start { line: self.reach.lines, offset: self.reach.offset };
            stream.pass(who, &self.reach, from, Some(length));
            return Ok(Read::End { unfinished: 0 });
        }
        // A compressed file is written to its end.
        let how = How { takes_last_line: true, takes_last_event: true, ..how };
        let read = self.cut(&mut buffer, how, is_at_end, stream, who);
        if let Kind::Compressed { decoding: Some(decoding), .. } = &mut self.kind {
            decoding.pending = buffer;
        }
        match read? {
            Read::End { .. } if !is_at_end => Ok(Read::Some),
            read => Ok(read),
        }
    }
}

impl Skipping {
    /// Goes on towards an offset, a slice at most, and proves what is expected on the way.
    fn go_on(&mut self, decoder: &mut Decoder, to: u64, expected: Option<Print>, how: How) -> Skip {
        let unproven = expected.filter(|_| !self.is_proven);
        let stop = unproven.map_or(to, |print| print.at().clamp(self.reach.offset, to));
        let mut buffer = vec![0; (stop - self.reach.offset).min(how.slice_bytes) as usize];
        let (filled, end) = decoder.fill(&mut buffer);
        let feeds = memchr::memchr_iter(b'\n', &buffer[..filled]).count() as u64;
        self.reach.advance(&buffer[..filled], feeds);
        if unproven.is_some_and(|print| print.at() == self.reach.offset) {
            if unproven != Some(self.reach.print()) {
                return Skip::Other;
            }
            self.is_proven = true;
        }
        if self.reach.offset == to
            && end.is_none()
            && let Some(print) = unproven.filter(|print| print.at() > to)
        {
            return self.look_behind(decoder, print);
        }
        let is_there = self.reach.offset == to && (self.is_proven || expected.is_none());
        match end {
            Some(Err(error)) if !is_there => Skip::Broken(error),
            end if is_there => Skip::There { behind: Vec::new(), is_at_end: end.is_some() },
            Some(_) => Skip::Short,
            None => Skip::More,
        }
    }

    /// Proves what is told by a print that was taken behind the place to go on from.
    fn look_behind(&self, decoder: &mut Decoder, print: Print) -> Skip {
        let mut behind = vec![0; (print.at() - self.reach.offset) as usize];
        let (filled, end) = decoder.fill(&mut behind);
        behind.truncate(filled);
        let mut reach = self.reach.clone();
        reach.advance(&behind, 0);
        match end {
            _ if reach.print() == print => Skip::There { behind, is_at_end: end.is_some() },
            Some(Err(error)) if reach.offset < print.at() => Skip::Broken(error),
            _ => Skip::Other,
        }
    }
}
