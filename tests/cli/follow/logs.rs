//! Logs that are written and rotated at moments that a seed says.
//!
//! A log has numbered lines. Its writer remembers the numbers that nobody can know of: what is
//! written between a copy and the truncation, or to a file that was deleted.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::lines::line;
use super::rotation::{Compress, Rotate, Way};

/// Some logs in a folder.
pub(super) struct Logs {
    pub(super) logs: Vec<Log>,
    random: Rng,
    ways: &'static [Rotate],
    /// How long a log is written before it is copied and truncated, at least.
    truncated_after: Duration,
}

/// A log: the file that is written, and those rotated out of it.
pub(super) struct Log {
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// How many numbers were written.
    pub(super) next: u64,
    /// Those of them that may be missing.
    pub(super) uncertain: BTreeSet<u64>,
    /// Those that were written to a file after its name was taken by another, which may be read
    /// before them.
    pub(super) late: BTreeSet<u64>,
    /// How it was rotated, and how often.
    pub(super) rotations: Vec<Rotate>,
    /// What was rotated out, the newest first.
    pub(super) archive: VecDeque<Rotated>,
    pub(super) open: Option<Open>,
    way: Option<Way>,
    /// When it was rotated last, or was made.
    rotated: Instant,
    /// It is deleted as soon as all of it was seen.
    pub(super) to_delete: bool,
    /// All certain numbers below were seen.
    seen: u64,
}

/// A file that was rotated out.
pub(super) struct Rotated {
    pub(super) path: PathBuf,
    /// All of its numbers are below. Nothing as long as it is written.
    pub(super) below: Option<u64>,
    pub(super) is_compressed: bool,
}

/// A file as its writer holds it.
pub(super) struct Open {
    pub(super) file: File,
    /// What is missing of its last line.
    rest: Vec<u8>,
    /// Whether it has another name already: its writer has not opened the new file yet.
    pub(super) is_old: bool,
}

impl Logs {
    /// So many logs in a folder that need not be there, rotated in these ways. None is copied and
    /// truncated within `truncated_after` of its last rotation.
    pub(super) fn new(
        folder: &Path,
        count: usize,
        ways: &'static [Rotate],
        truncated_after: Duration,
        seed: u64,
    ) -> Logs {
        let mut random = Rng::with_seed(seed);
        let logs = (0..count).map(|number| {
            // Each fifth is rotated in another way each time.
            let way = (number % 5 != 4).then(|| Way::number(number, ways, &mut random));
            Log::new(folder, format!("app-{number:02}"), way)
        });
        Logs { logs: logs.collect(), random, ways, truncated_after }
    }

    /// Does one thing to one of the logs. `seen` says whether a line of a log was seen: what was
    /// not is not deleted.
    pub(super) fn step(&mut self, seen: impl Fn(&str, u64) -> bool) {
        let Logs { logs, random, ways, truncated_after } = self;
        let at = random.usize(..logs.len());
        let log = &mut logs[at];
        if log.to_delete {
            log.look(seen);
            return log.delete_if_seen(random);
        }
        match random.u8(..100) {
            0..3 => {
                let way = log.way.unwrap_or_else(|| Way::any(ways, random));
                log.rotate(way, *truncated_after, random);
                log.look(seen);
                log.remove_old();
            }
            3..15 => log.begin_a_line(random),
            _ => log.write_lines(random.u64(1..20)),
        }
    }

    /// Ends what is half done.
    pub(super) fn finish(&mut self) {
        for log in &mut self.logs {
            log.to_delete = false;
            log.reopen();
        }
    }

    /// Adds a line to each.
    pub(super) fn write_one_each(&mut self) {
        for log in &mut self.logs {
            log.write_lines(1);
            log.reopen();
        }
    }
}

impl Log {
    fn new(folder: &Path, name: String, way: Option<Way>) -> Log {
        Log {
            path: folder.join(format!("{name}.log")),
            name,
            next: 0,
            uncertain: BTreeSet::new(),
            late: BTreeSet::new(),
            rotations: Vec::new(),
            archive: VecDeque::new(),
            open: None,
            way,
            rotated: Instant::now(),
            to_delete: false,
            seen: 0,
        }
    }

    /// The numbers that have to be found.
    pub(super) fn certain(&self) -> impl Iterator<Item = u64> {
        (0..self.next).filter(|number| !self.uncertain.contains(number))
    }

    pub(super) fn write_lines(&mut self, count: u64) {
        // It opens the new file with its next line.
        if self.open.as_ref().is_some_and(|open| open.is_old && self.next.is_multiple_of(3)) {
            self.reopen();
        }
        self.complete();
        self.open();
        self.write_on(count);
    }

    /// Writes the beginning of a line. Whatever is written next ends it.
    fn begin_a_line(&mut self, random: &mut Rng) {
        self.complete();
        let text = line(&self.name, self.next).into_bytes();
        let at = random.usize(1..text.len());
        let open = self.open();
        open.file.write_all(&text[..at]).unwrap();
        open.rest = text[at..].to_vec();
        // It may end in a file that was renamed meanwhile.
        self.late.insert(self.next);
        self.next += 1;
    }

    /// Ends the last line.
    pub(super) fn complete(&mut self) {
        if let Some(open) = &mut self.open {
            open.file.write_all(&std::mem::take(&mut open.rest)).unwrap();
        }
    }

    /// The writer is done with a file, and opens the one that has the log's name when it writes.
    pub(super) fn reopen(&mut self) {
        self.complete();
        self.open = None;
        let newest = self.archive.front_mut();
        newest.into_iter().for_each(|rotated| _ = rotated.below.get_or_insert(self.next));
    }

    fn open(&mut self) -> &mut Open {
        self.open.get_or_insert_with(|| {
            fs::create_dir_all(self.path.parent().unwrap()).unwrap();
            let file = File::options().append(true).create(true).open(&self.path).unwrap();
            Open { file, rest: Vec::new(), is_old: false }
        })
    }

    fn rotate(&mut self, way: Way, truncated_after: Duration, random: &mut Rng) {
        if way.rotate == Rotate::CopyTruncate && self.rotated.elapsed() < truncated_after {
            return;
        }
        if self.open.as_ref().is_some_and(|open| open.is_old) {
            self.reopen();
        }
        // As with `notifempty`.
        if fs::metadata(&self.path).map_or(0, |file| file.len()) == 0 {
            return;
        }
        self.open();
        self.rotations.push(way.rotate);
        self.rotated = Instant::now();
        self.rotate_as(way, random);
    }

    /// Looks what was seen.
    fn look(&mut self, seen: impl Fn(&str, u64) -> bool) {
        let is_seen = |number| self.uncertain.contains(&number) || seen(&self.name, number);
        while self.seen < self.next && is_seen(self.seen) {
            self.seen += 1;
        }
    }

    /// Deletes the files that are one too many, if they were seen.
    fn remove_old(&mut self) {
        while self.archive.len() > ARCHIVE_MAX
            && self.archive.back().unwrap().below.is_some_and(|below| below <= self.seen)
        {
            fs::remove_file(self.archive.pop_back().unwrap().path).unwrap();
        }
    }

    /// Deletes the file that is written, once all of its lines were seen.
    fn delete_if_seen(&mut self, random: &mut Rng) {
        if self.seen < self.next {
            return;
        }
        self.to_delete = false;
        fs::remove_file(&self.path).unwrap();
        if random.bool() {
            let from = self.next;
            self.write_on(random.u64(1..5));
            self.uncertain.extend(from..self.next);
        }
        self.open = None;
        if random.bool() {
            self.open();
        }
    }

    /// Writes lines to the file that is open, whatever its name is by now.
    pub(super) fn write_on(&mut self, count: u64) {
        self.complete();
        if self.open.as_ref().is_some_and(|open| open.is_old) {
            self.late.extend(self.next..self.next + count);
        }
        for number in self.next..self.next + count {
            let text = line(&self.name, number);
            self.open.as_mut().unwrap().file.write_all(text.as_bytes()).unwrap();
        }
        self.next += count;
    }

    pub(super) fn compress(&mut self, at: usize, compress: Compress) {
        let rotated = &mut self.archive[at];
        if !rotated.is_compressed {
            rotated.path = compress.file(&rotated.path);
            rotated.is_compressed = true;
        }
    }
}

/// How many files are left that were rotated out.
const ARCHIVE_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::super::rotation::ROTATIONS;
    use std::collections::BTreeSet;

    use super::super::lines;
    use super::*;

    /// Nothing is deleted, so that the files have all that is certain, once and in order.
    #[test]
    fn what_is_certain_is_in_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut logs = Logs::new(folder.path(), LOGS, &ROTATIONS, Duration::ZERO, 1);
        (0..STEPS).for_each(|_| logs.step(|_, _| false));
        logs.finish();
        for log in &logs.logs {
            let found = read_all(log);
            assert!(found.is_sorted_by(|one, other| one < other), "{}: {found:?}", log.name);
            let found = BTreeSet::from_iter(found);
            assert!(log.certain().all(|number| found.contains(&number)), "{}", log.name);
            assert!(found.iter().all(|number| *number < log.next), "{}", log.name);
        }
    }

    /// What was seen is deleted, and the rest is there.
    #[test]
    fn all_kinds_of_rotation_happen() {
        let folder = tempfile::tempdir().unwrap();
        let mut logs = Logs::new(folder.path(), LOGS, &ROTATIONS, Duration::ZERO, 2);
        (0..STEPS).for_each(|_| logs.step(|_, _| true));
        logs.finish();
        logs.write_one_each();
        let mut kinds = BTreeSet::<Rotate>::new();
        for log in &logs.logs {
            let found = read_all(log);
            assert!(found.is_sorted_by(|one, other| one < other), "{}: {found:?}", log.name);
            assert_eq!(found.last(), Some(&(log.next - 1)), "{}", log.name);
            assert!(log.archive.len() <= ARCHIVE_MAX + 1, "{}", log.name);
            assert!((log.uncertain.len() as u64) < log.next / 4, "{}", log.name);
            let is_certain = |rotate| matches!(rotate, Rotate::Rename | Rotate::DelayCompress);
            let is_certain = log.rotations.iter().copied().all(is_certain);
            assert!(!is_certain || log.uncertain.is_empty(), "{}", log.name);
            kinds.extend(log.rotations.iter().copied());
        }
        assert_eq!(kinds.len(), 4, "{kinds:?}");
    }

    /// The numbers of the lines of all files of a log, the oldest file first.
    fn read_all(log: &Log) -> Vec<u64> {
        let paths = log.archive.iter().rev().map(|rotated| &rotated.path).chain([&log.path]);
        let mut numbers = Vec::new();
        for path in paths.filter(|path| path.exists()) {
            let bytes = fs::read(path).unwrap();
            let bytes = match path.extension().and_then(|ending| ending.to_str()) {
                Some("gz") => std::io::read_to_string(flate2::read::GzDecoder::new(&bytes[..])),
                Some("zst") => std::io::read_to_string(&zstd::decode_all(&bytes[..]).unwrap()[..]),
                _ => String::from_utf8(bytes).map_err(std::io::Error::other),
            };
            numbers.extend(bytes.unwrap().lines().map(|line| lines::read(line).1));
        }
        numbers
    }

    const LOGS: usize = 20;
    const STEPS: usize = 4_000;
}
