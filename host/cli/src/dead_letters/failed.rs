//! Events of failed objects, on their way from the spool into the file.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{DeadLetters, folder_of};
use super::letter::{Content, DeadLetter};
use super::spool::{Kept, Spool};
use crate::layout::Layout;
use crate::source::Partition;
use spillway::contract::{Failure, Rejection, Run};
use spillway::sink::explain;
use spillway::transform::positions;

/// Keeps what the sink accepted for as long as it may fail, and writes what failed.
///
/// Letters are written in the order of the input, and so an event waits until all before it are
/// durable: read again, the events of one object lie together as they did before.
pub(crate) struct Failed {
    path: PathBuf,
    letters: DeadLetters,
    spool: Spool,
    reported: Vec<Reported>,
    /// The positions of events in the spool that the sink rejected once they were kept.
    dropped: BTreeSet<u64>,
    /// Failed events before this position are written.
    written: u64,
    /// How many letters were written.
    count: u64,
}

/// A failed object, as the sink reported it.
struct Reported {
    key: String,
    first: u64,
    last: u64,
    /// How many of its events were not found yet.
    missing: u64,
    reason: String,
}

impl Failed {
    /// Opens the file, and keeps events in its folder.
    pub(crate) fn open(path: &Path) -> io::Result<Failed> {
        let letters = DeadLetters::open(path)?;
        let spool = Spool::new(folder_of(path), SEGMENT_BYTES_MAX);
        Ok(Failed {
            path: path.to_owned(),
            letters,
            spool,
            reported: Vec::new(),
            dropped: BTreeSet::new(),
            written: 0,
            count: 0,
        })
    }

    /// How many letters were written, whatever went wrong afterwards.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps what the sink took of `runs`, or is to take next: all that it is given, in `sunk`, and
    /// did not reject. Positions rise in all of them.
    pub(crate) fn keep(
        &mut self,
        runs: &[Run],
        sunk: &[Run],
        rejections: &[Rejection],
    ) -> io::Result<()> {
        let mut rejected = rejections.iter().map(|rejection| rejection.position).peekable();
        let mut runs = runs.iter().peekable();
        for sunk in sunk {
            let Range { mut start, end } = positions(sunk);
            while start < end {
                while rejected.next_if(|position| *position < start).is_some() {}
                if rejected.next_if_eq(&start).is_some() {
                    start += 1;
                    continue;
                }
                while runs.next_if(|run| positions(run).end <= start).is_some() {}
                // What the sink was given is of what was read.
                let Some(run) = runs.peek() else { return Ok(()) };
                let to = end.min(positions(run).end);
                let to = rejected.peek().map_or(to, |position| to.min(*position));
                let index = |position: u64| (position - run.first) as usize;
                self.spool.add(run, index(start)..index(to), &sunk.key)?;
                start = to;
            }
        }
        Ok(())
    }

    /// Takes in that the sink rejected events that were kept.
    pub(crate) fn drop_kept(&mut self, rejections: &[Rejection]) {
        self.dropped.extend(rejections.iter().map(|rejection| rejection.position));
    }

    /// Takes in that events were reported failed.
    pub(crate) fn report(&mut self, failure: &Failure) {
        let Failure { key, object_key, first, last, events, cause, .. } = failure;
        let reason = format!("the object `{object_key}` was not stored: {}", explain(cause));
        let key = key.clone();
        self.reported.push(Reported { key, first: *first, last: *last, missing: *events, reason });
    }

    /// Writes the failed events before `durable`, of which no more will be reported, and forgets
    /// all events before it. `layout` has their lines.
    ///
    /// # Errors
    ///
    /// Also where events were reported that the sink was never given: then something is lost.
    pub(crate) fn write_until(&mut self, durable: u64, layout: &Layout) -> io::Result<()> {
        let positions = self.written..durable.max(self.written);
        self.write(&positions, layout)?;
        self.written = positions.end;
        self.spool.forget(self.written);
        self.dropped = self.dropped.split_off(&self.written);
        Ok(())
    }

    /// Writes all events that were reported failed, also those that have others before them of
    /// which it is not known yet: once a checkpoint is stored, they are reported no more.
    ///
    /// # Errors
    ///
    /// As [`settle`](Failed::settle).
    pub(crate) fn settle_reported(&mut self, layout: &Layout) -> io::Result<()> {
        self.write(&(self.written..u64::MAX), layout)
    }

    /// Writes the failed events in these positions.
    fn write(&mut self, positions: &Range<u64>, layout: &Layout) -> io::Result<()> {
        if self.reported.iter().any(|reported| reported.first < positions.end) {
            let Failed { spool, letters, reported, dropped, .. } = self;
            let is_meant =
                |position: &u64| positions.contains(position) && !dropped.contains(position);
            let mut count = 0;
            let read = spool.read(positions.clone(), |kept| {
                write(kept, is_meant, layout, reported, letters, &mut count)
            });
            // Those before one that failed are written all the same.
            let flushed = self.letters.flush();
            if flushed.is_ok() {
                self.count += count;
            }
            read.and(flushed)?;
        }
        let is_over = |reported: &mut Reported| reported.last < positions.end;
        for over in self.reported.extract_if(.., is_over) {
            if over.missing > 0 {
                let Reported { key, first, last, missing, .. } = over;
                return Err(io::Error::other(format!(
                    "the sink reported {missing} more failed events of `{key}` at positions \
                     {first} to {last} than it received"
                )));
            }
        }
        Ok(())
    }

    /// The same, for records of this partition.
    pub(crate) fn of(mut self, partition: Option<Arc<Partition>>) -> Failed {
        self.letters = self.letters.of(partition);
        self
    }

    /// Syncs written letters to disk.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.letters.sync()
    }
}

/// Writes what failed of `kept` at positions that are meant, and counts it.
fn write(
    kept: &Kept,
    is_meant: impl Fn(&u64) -> bool,
    layout: &Layout,
    reported: &mut [Reported],
    letters: &mut DeadLetters,
    count: &mut u64,
) -> io::Result<()> {
    let mut of_key: Vec<_> = reported.iter_mut().filter(|r| r.key == kept.sunk_key).collect();
    for (position, payload) in (kept.first..).zip(kept.payloads()) {
        let is_of = |reported: &&mut &mut Reported| {
            (reported.first..=reported.last).contains(&position) && is_meant(&position)
        };
        let Some(reported) = of_key.iter_mut().find(is_of) else { continue };
        reported.missing = reported.missing.saturating_sub(1);
        let content = Content::Event { key: &kept.key, payload, at: kept.at };
        let lines = layout.lines_of(position);
        letters.add(&DeadLetter {
            position,
            lines,
            reason: &reported.reason,
            content,
            file: None,
        })?;
        *count += 1;
    }
    Ok(())
}

/// How much is forgotten at once: 64 MiB.
const SEGMENT_BYTES_MAX: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use super::super::letter::Letter;
    use super::*;
    use crate::place::LineStart;
    use spillway::contract::{Boundaries, Error, Framing, Payload};

    #[test]
    fn letters_come_in_the_order_of_the_input_once_all_before_them_is_durable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("failed");
        let mut failed = Failed::open(&path).unwrap();
        let runs = [run("a", 0, "ab"), run("b", 2, "cde"), run("a", 6, "f"), run("b", 7, "g")];
        failed.keep(&runs, &runs, &[rejected(3)]).unwrap();
        // The younger one fails first, and may not be written yet.
        failed.report(&failure("b", 2..=4, 2));
        assert_eq!(written(&mut failed, |failed| failed.write_until(0, &layout())), 0);
        failed.report(&failure("a", 0..=1, 2));
        assert_eq!(written(&mut failed, |failed| failed.write_until(1, &layout())), 1);
        assert_eq!(written(&mut failed, |failed| failed.write_until(7, &layout())), 3);
        failed.report(&failure("b", 7..=7, 1));
        assert_eq!(written(&mut failed, |failed| failed.write_until(8, &layout())), 1);
        failed.sync().unwrap();
        let letters: Vec<_> = std::fs::read_to_string(&path).unwrap().lines().map(event).collect();
        let wanted = [("a", "a"), ("a", "b"), ("b", "c"), ("b", "e"), ("b", "g")];
        assert_eq!(letters, wanted.map(|(key, payload)| (key.to_owned(), payload.to_owned())));
    }

    #[test]
    fn before_a_checkpoint_all_that_was_reported_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("failed");
        let mut failed = Failed::open(&path).unwrap();
        keep(&mut failed, &[run("a", 0, "ab"), run("b", 2, "cd")]).unwrap();
        failed.report(&failure("b", 2..=3, 2));
        assert_eq!(written(&mut failed, |failed| failed.settle_reported(&layout())), 2);
        assert_eq!(written(&mut failed, |failed| failed.settle_reported(&layout())), 0);
        failed.report(&failure("a", 0..=1, 2));
        assert_eq!(written(&mut failed, |failed| failed.write_until(4, &layout())), 2);
        keep(&mut failed, &[run("b", 4, "e")]).unwrap();
        failed.report(&failure("b", 4..=4, 1));
        assert_eq!(written(&mut failed, |failed| failed.settle_reported(&layout())), 1);
        let letters = std::fs::read_to_string(&path).unwrap();
        let payloads: String = letters.lines().map(|line| event(line).1).collect();
        assert_eq!(payloads, "cdabe");
    }

    #[test]
    fn what_was_written_before_something_went_wrong_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("failed");
        let mut failed = Failed::open(&path).unwrap();
        keep(&mut failed, &[run("a", 0, "ab")]).unwrap();
        failed.report(&failure("a", 0..=3, 4));
        failed.settle_reported(&layout()).unwrap_err();
        assert_eq!(failed.count(), 2);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn what_the_sink_rejects_once_it_is_kept_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("failed");
        let mut failed = Failed::open(&path).unwrap();
        keep(&mut failed, &[run("a", 0, "abcd")]).unwrap();
        failed.drop_kept(&[rejected(1), rejected(3)]);
        failed.report(&failure("a", 0..=2, 2));
        assert_eq!(written(&mut failed, |failed| failed.write_until(2, &layout())), 1);
        assert_eq!(failed.dropped, [3].into());
        assert_eq!(written(&mut failed, |failed| failed.write_until(4, &layout())), 1);
        let letters = std::fs::read_to_string(&path).unwrap();
        let payloads: String = letters.lines().map(|line| event(line).1).collect();
        assert_eq!(payloads, "ac");
    }

    #[test]
    fn events_that_were_never_given_are_no_silent_loss() {
        let folder = tempfile::tempdir().unwrap();
        let mut failed = Failed::open(&folder.path().join("failed")).unwrap();
        keep(&mut failed, &[run("a", 0, "ab")]).unwrap();
        failed.report(&failure("a", 0..=3, 4));
        let error = failed.write_until(4, &layout()).unwrap_err().to_string();
        assert!(error.contains("2 more failed events of `a` at positions 0 to 3"), "{error}");
    }

    #[test]
    fn a_letter_has_the_event_that_was_read_where_another_failed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("failed");
        let mut failed = Failed::open(&path).unwrap();
        let read = [run("a", 0, "abcd"), run("b", 4, "efg")];
        // Of all but 1 and 5, two keys were made; 3 was rejected.
        let sunk = [run("x", 0, "A"), run("y", 2, "C"), run("x", 3, "DE"), run("x", 6, "G")];
        failed.keep(&read, &sunk, &[rejected(3)]).unwrap();
        failed.report(&failure("x", 0..=6, 3));
        assert_eq!(written(&mut failed, |failed| failed.write_until(7, &layout())), 3);
        let letters: Vec<_> = std::fs::read_to_string(&path).unwrap().lines().map(event).collect();
        let wanted = [("a", "a"), ("b", "e"), ("b", "g")];
        assert_eq!(letters, wanted.map(|(key, payload)| (key.to_owned(), payload.to_owned())));
    }

    fn keep(failed: &mut Failed, runs: &[Run]) -> io::Result<()> {
        failed.keep(runs, runs, &[])
    }

    /// That of lines that are one event each.
    fn layout() -> Layout {
        Layout::new(LineStart::default(), LineStart::default())
    }

    /// How many letters that writes.
    fn written(failed: &mut Failed, f: impl Fn(&mut Failed) -> io::Result<()>) -> u64 {
        let before = failed.count();
        f(failed).unwrap();
        failed.count() - before
    }

    fn event(line: &str) -> (String, String) {
        match Letter::read(line.as_bytes()) {
            Ok(Letter::Event { key, payload, .. }) => (key, String::from_utf8(payload).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    fn run(key: &str, first: u64, events: &str) -> Run {
        Run {
            key: key.to_owned(),
            first,
            at: None,
            payload: Payload::Text(events.to_owned()),
            boundaries: Boundaries::At((1..=events.len() as u32).collect()),
            framing: Framing::Bare,
        }
    }

    fn rejected(position: u64) -> Rejection {
        Rejection { position, reason: "no".to_owned() }
    }

    fn failure(key: &str, positions: RangeInclusive<u64>, events: u64) -> Failure {
        Failure {
            key: key.to_owned(),
            object_key: key.to_owned(),
            begun: *positions.start(),
            first: *positions.start(),
            last: *positions.end(),
            events,
            cause: Error::Denied("no".to_owned()),
        }
    }
}
