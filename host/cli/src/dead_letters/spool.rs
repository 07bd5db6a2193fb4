//! Accepted events, kept on disk until they are durable.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::batch::ends;
use spillway::contract::{Framing, Payload, Run};

/// Accepted events in the order of their positions, in files that have no name: whatever becomes of
/// this process, they do not stay.
///
/// What is durable is forgotten a segment at a time.
pub(super) struct Spool {
    folder: PathBuf,
    segment_bytes_max: u64,
    segments: VecDeque<Segment>,
}

/// Events that lie together, as they were read.
pub(super) struct Kept {
    pub(super) key: String,
    /// The key that the sink was given: a transform may have changed it.
    pub(super) sunk_key: String,
    pub(super) first: u64,
    pub(super) at: Option<u64>,
    payload: Vec<u8>,
    ends: Vec<u32>,
    framing: Framing,
}

struct Segment {
    file: BufWriter<File>,
    bytes: u64,
    /// The positions in it, from the first to behind the last.
    positions: Range<u64>,
    /// Where in the file the first events lie that were not read past.
    unread: u64,
}

/// The header of a [`Kept`]: its keys, ends and payload follow.
struct Header {
    first: u64,
    at: Option<u64>,
    framing: Framing,
    key_bytes: u32,
    sunk_key_bytes: u32,
    events: u32,
    payload_bytes: u32,
}

impl Spool {
    /// Keeps events in `folder`. A segment takes `segment_bytes_max` or one run, if that is more.
    pub(super) fn new(folder: &Path, segment_bytes_max: u64) -> Spool {
        Spool { folder: folder.to_owned(), segment_bytes_max, segments: VecDeque::new() }
    }

    /// Adds the events of `run` with these indices, which the sink was given with the key
    /// `sunk_key`. Positions rise from call to call.
    pub(super) fn add(
        &mut self,
        run: &Run,
        events: Range<usize>,
        sunk_key: &str,
    ) -> io::Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let full = |segment: &Segment| segment.bytes >= self.segment_bytes_max;
        if self.segments.back().is_none_or(full) {
            let first = run.first + events.start as u64;
            self.segments.push_back(Segment::new(&self.folder, first)?);
        }
        let segment = self.segments.back_mut().expect("there is one by now");
        segment.add(run, events, sunk_key)
    }

    /// Gives up the events before `position`, as far as whole segments hold nothing else.
    pub(super) fn forget(&mut self, position: u64) {
        while self.segments.front().is_some_and(|segment| segment.positions.end <= position) {
            self.segments.pop_front();
        }
    }

    /// Shows what is kept of these positions, run by run, to `visit`. The next call must not ask
    /// for what lies before them.
    pub(super) fn read(
        &mut self,
        positions: Range<u64>,
        mut visit: impl FnMut(&Kept) -> io::Result<()>,
    ) -> io::Result<()> {
        for segment in &mut self.segments {
            let Range { start, end } = segment.positions;
            if start < positions.end && positions.start < end {
                segment.read(&positions, &mut visit)?;
            }
        }
        Ok(())
    }
}

impl Kept {
    /// The events' payloads, each without what separates it from the next.
    pub(super) fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| {
            let framed = &self.payload[start as usize..*end as usize];
            match self.framing {
                Framing::Newline => framed.strip_suffix(b"\n").unwrap_or(framed),
                Framing::Bare => framed,
            }
        })
    }
}

impl Segment {
    fn new(folder: &Path, first: u64) -> io::Result<Segment> {
        let file = BufWriter::new(tempfile::tempfile_in(folder)?);
        Ok(Segment { file, bytes: 0, positions: first..first, unread: 0 })
    }

    fn add(&mut self, run: &Run, events: Range<usize>, sunk_key: &str) -> io::Result<()> {
        let bytes = match &run.payload {
            Payload::Bytes(bytes) => bytes.as_slice(),
            Payload::Text(text) => text.as_bytes(),
        };
        let base = events.start.checked_sub(1).map_or(0, |before| ends(run)[before]);
        let payload = &bytes[base as usize..ends(run)[events.end - 1] as usize];
        let first = run.first + events.start as u64;
        let header = Header {
            first,
            at: run.at,
            framing: run.framing,
            key_bytes: length(run.key.len())?,
            sunk_key_bytes: length(sunk_key.len())?,
            events: length(events.len())?,
            payload_bytes: length(payload.len())?,
        };
        self.file.write_all(&header.to_bytes())?;
        self.file.write_all(run.key.as_bytes())?;
        self.file.write_all(sunk_key.as_bytes())?;
        for end in &ends(run)[events.clone()] {
            self.file.write_all(&(end - base).to_le_bytes())?;
        }
        self.file.write_all(payload)?;
        self.bytes += Header::BYTES as u64 + header.body_bytes();
        self.positions.end = first + events.len() as u64;
        Ok(())
    }

    fn read(
        &mut self,
        positions: &Range<u64>,
        visit: &mut impl FnMut(&Kept) -> io::Result<()>,
    ) -> io::Result<()> {
        self.file.flush()?;
        let mut offset = self.unread;
        while offset < self.bytes {
            let mut header = [0; Header::BYTES];
            self.file.get_ref().read_exact_at(&mut header, offset)?;
            let header = Header::of_bytes(&header);
            if header.first >= positions.end {
                break;
            }
            let body = offset + Header::BYTES as u64;
            let next = body + header.body_bytes();
            if header.first + u64::from(header.events) > positions.start {
                visit(&self.kept(&header, body)?)?;
            } else {
                self.unread = next;
            }
            offset = next;
        }
        Ok(())
    }

    fn kept(&self, header: &Header, offset: u64) -> io::Result<Kept> {
        let mut body = vec![0; header.body_bytes() as usize];
        self.file.get_ref().read_exact_at(&mut body, offset)?;
        let (key, rest) = body.split_at(header.key_bytes as usize);
        let (sunk_key, rest) = rest.split_at(header.sunk_key_bytes as usize);
        let (ends, payload) = rest.split_at(4 * header.events as usize);
        Ok(Kept {
            key: String::from_utf8_lossy(key).into_owned(),
            sunk_key: String::from_utf8_lossy(sunk_key).into_owned(),
            first: header.first,
            at: header.at,
            payload: payload.to_vec(),
            ends: ends.as_chunks().0.iter().map(|end| u32::from_le_bytes(*end)).collect(),
            framing: header.framing,
        })
    }
}

impl Header {
    const BYTES: usize = 8 + 8 + 4 + 4 + 4 + 4 + 1 + 1;

    fn body_bytes(&self) -> u64 {
        let keys = u64::from(self.key_bytes) + u64::from(self.sunk_key_bytes);
        keys + 4 * u64::from(self.events) + u64::from(self.payload_bytes)
    }

    fn to_bytes(&self) -> [u8; Header::BYTES] {
        let mut bytes = [0; Header::BYTES];
        bytes[..8].copy_from_slice(&self.first.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.at.unwrap_or_default().to_le_bytes());
        bytes[16..20].copy_from_slice(&self.key_bytes.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.events.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.sunk_key_bytes.to_le_bytes());
        bytes[32] = u8::from(self.at.is_some());
        bytes[33] = u8::from(self.framing == Framing::Newline);
        bytes
    }

    fn of_bytes(bytes: &[u8; Header::BYTES]) -> Header {
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
        let short = |at: usize| u32::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
        Header {
            first: long(0),
            at: (bytes[32] == 1).then(|| long(8)),
            framing: if bytes[33] == 1 { Framing::Newline } else { Framing::Bare },
            key_bytes: short(16),
            events: short(20),
            payload_bytes: short(24),
            sunk_key_bytes: short(28),
        }
    }
}

fn length(bytes: usize) -> io::Result<u32> {
    u32::try_from(bytes).map_err(|_| io::Error::other("a run of events is too long for the spool"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, seeds};
    use spillway::contract::Boundaries;

    #[test]
    fn what_is_kept_is_read_again_and_what_is_durable_is_forgotten() {
        for seed in seeds(50) {
            let random = &mut Random::new(seed);
            let folder = tempfile::tempdir().unwrap();
            let mut spool = Spool::new(folder.path(), random.below(200) as u64);
            let (mut next, mut durable) = (0, 0);
            let mut expected: Vec<Event> = Vec::new();
            for _ in 0..random.below(60) {
                match random.below(4) {
                    0 => {
                        let upto = durable + random.below((next - durable) as usize + 1) as u64;
                        let range = |p: &u64| (durable..upto).contains(p);
                        let wanted: Vec<_> = expected.iter().filter(|e| range(&e.0)).collect();
                        let mut read = Vec::new();
                        let visit = |kept: &Kept| {
                            assert_eq!(kept.sunk_key, "sunk", "SPILLWAY_SEED={seed}");
                            read.extend(shown(kept).filter(|e| range(&e.0)));
                            Ok(())
                        };
                        spool.read(durable..upto, visit).unwrap();
                        assert_eq!(read.iter().collect::<Vec<_>>(), wanted, "SPILLWAY_SEED={seed}");
                        durable = upto;
                        spool.forget(durable);
                        let kept = |s: &Segment| s.positions.end > durable;
                        assert!(spool.segments.iter().all(kept), "SPILLWAY_SEED={seed}");
                    }
                    _ => {
                        let first = next + random.below(3) as u64;
                        let run = run(random, first);
                        let count = ends(&run).len();
                        let from = random.below(count + 1);
                        let upto = from + random.below(count - from + 1);
                        spool.add(&run, from..upto, "sunk").unwrap();
                        let payloads = payloads(&run).skip(from).take(upto - from);
                        let positions = run.first + from as u64..;
                        let events = positions.zip(payloads);
                        let events = events.map(|(p, bytes)| (p, run.key.clone(), run.at, bytes));
                        expected.extend(events);
                        next = run.first + count as u64;
                    }
                }
            }
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file has a name");
        }
    }

    type Event = (u64, String, Option<u64>, Vec<u8>);

    fn shown(kept: &Kept) -> impl Iterator<Item = Event> {
        let events = (kept.first..).zip(kept.payloads());
        events.map(|(position, payload)| (position, kept.key.clone(), kept.at, payload.to_vec()))
    }

    fn run(random: &mut Random, first: u64) -> Run {
        let framing = *random.pick(&[Framing::Bare, Framing::Newline]);
        let (mut payload, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..1 + random.below(5) {
            payload.extend(std::iter::repeat_n(b'a' + random.below(26) as u8, random.below(40)));
            if framing == Framing::Newline {
                payload.push(b'\n');
            }
            ends.push(payload.len() as u32);
        }
        let at = (random.below(2) == 0).then(|| random.next());
        let key = (*random.pick(&["a", "é", "c"])).to_owned();
        Run {
            key,
            first,
            at,
            payload: Payload::Bytes(payload),
            boundaries: Boundaries::At(ends),
            framing,
        }
    }

    fn payloads(run: &Run) -> impl Iterator<Item = Vec<u8>> {
        let Payload::Bytes(bytes) = &run.payload else { panic!("it is made of bytes") };
        let starts = std::iter::once(0).chain(ends(run).iter().copied());
        starts.zip(ends(run)).map(|(start, end)| {
            let framed = &bytes[start as usize..*end as usize];
            framed.strip_suffix(b"\n").unwrap_or(framed).to_vec()
        })
    }
}
