//! Any rotation at any moment, and a crash between any two: each line is read once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;

use super::*;
use crate::source::files::copies;
use crate::source::files::paths::FileId;
use crate::testing::{Random, seeds};

#[test]
fn each_line_is_read_once_whatever_happens_between() {
    for seed in seeds(100) {
        let mut run = Run::new(seed);
        for _ in 0..run.random.below(120) {
            run.step();
        }
        run.finish();
    }
}

/// Logs that are written and rotated at random, and somebody who follows them and crashes.
struct Run {
    seed: u64,
    random: Random,
    world: World,
    logs: Vec<Log>,
    /// Whether the flow does not name what was rotated.
    is_outside: bool,
    /// What the last checkpoint says: the marks, the place, and how many lines lie before it.
    checkpoint: Option<(Vec<FileMark>, Start)>,
    /// What was done, to be shown.
    history: String,
}

struct Log {
    name: String,
    file: File,
    /// The file before it, which its writer may still have.
    old: Option<File>,
    next: u64,
    /// What follows the number in each line.
    padding: usize,
    /// Numbers that may be lost: nobody could read them.
    excused: BTreeSet<u64>,
    half: bool,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut random = Random::new(seed);
        let pattern = *random.pick(&["*.log*", "**/*.log*", "*.log"]);
        let mut world = World::new(pattern);
        world.follower.slice_bytes = 1 << 12;
        let padding = *random.pick(&[0, 0, 30, 300]);
        let count = 1 + random.below(4);
        let logs = (0..count).map(|index| {
            let name = format!("app-{}.log", (b'a' + index as u8) as char);
            let file = world.create(&name);
            Log { name, file, old: None, next: 0, padding, excused: BTreeSet::new(), half: false }
        });
        let logs = logs.collect();
        let is_outside = pattern == "*.log";
        Run { seed, random, world, logs, is_outside, checkpoint: None, history: String::new() }
    }

    fn step(&mut self) {
        let index = self.random.below(self.logs.len());
        let step = self.random.below(17);
        let (next, read) = (self.logs[index].next, self.world.at.line);
        let _ = write!(self.history, "{step}:{index} next {next} read {read}, ");
        match step {
            0..=4 => self.append(index),
            5 => self.rename(index),
            6 => self.copy_and_truncate(index),
            7 | 8 => self.compress(index),
            9 => self.append_to_old(index),
            10 => {
                let seconds = self.random.below(40) as u64;
                self.world.pass(Duration::from_secs(seconds));
                self.world.look();
            }
            11..=13 => {
                self.world.look();
                for _ in 0..self.random.below(6) {
                    self.world.turn();
                }
            }
            14 => self.checkpoint(),
            15 => self.delete(index),
            _ => self.crash(),
        }
    }

    fn append(&mut self, index: usize) {
        let (count, half) = (1 + self.random.below(30), self.random.below(4) == 0);
        let log = &mut self.logs[index];
        let mut text = String::new();
        for _ in 0..count {
            // What was begun goes on.
            let begin = if log.half { 3 } else { 0 };
            text += &log.line()[begin..];
            log.half = false;
            log.next += 1;
        }
        if half {
            text += &log.line()[..3];
            log.half = true;
        }
        log.file.write_all(text.as_bytes()).unwrap();
    }

    fn end_half_line(&mut self, index: usize) {
        let log = &mut self.logs[index];
        if std::mem::take(&mut log.half) {
            let line = log.line();
            log.file.write_all(&line.as_bytes()[3..]).unwrap();
            log.next += 1;
        }
    }

    fn append_to_old(&mut self, index: usize) {
        let log = &mut self.logs[index];
        if log.half {
            return;
        }
        let line = log.line();
        if let Some(old) = &mut log.old {
            old.write_all(line.as_bytes()).unwrap();
            if self.is_outside {
                // It may be forgotten by now.
                log.excused.insert(log.next);
            }
            log.next += 1;
        }
    }

    /// The rotated files of a log, by number.
    fn rotated(&self, index: usize) -> BTreeMap<u64, String> {
        let begin = format!("{}.", self.logs[index].name);
        let names = fs::read_dir(self.world.folder.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let rotated = names.filter_map(|name| {
            let rest = name.strip_prefix(&begin)?;
            Some((plain(rest).parse().ok()?, name))
        });
        rotated.collect()
    }

    /// Gives each a number more, from the oldest on, so that the first is free. Some are compressed
    /// on the way.
    fn shift(&mut self, index: usize) {
        for (number, name) in self.rotated(index).into_iter().rev() {
            let to = format!("{}.{}", self.logs[index].name, number + 1);
            let ending = &name[plain(&name).len()..];
            if ending.is_empty() && self.random.below(3) == 0 {
                self.logs[index].old = None;
                let ending = *self.random.pick(&[".gz", ".zst"]);
                self.world.compress(&name, &format!("{to}{ending}"));
            } else {
                self.world.rename(&name, &format!("{to}{ending}"));
            }
        }
    }

    /// Where what is rotated is not named by the flow, a log must have been opened and read before.
    fn excuse_unseen(&mut self, index: usize) {
        let path = self.world.path(&self.logs[index].name);
        let file = self.world.follower.table.by_path(&path);
        let file = file.and_then(|key| self.world.follower.table.get(key));
        let is_seen = file.is_some_and(|file| {
            file.id == FileId::of(&fs::metadata(&path).unwrap())
                && file.content.print().at() > 0
                && copies::is_intact(file).unwrap()
        });
        if self.is_outside && !is_seen {
            let numbers = numbers_in(&path);
            self.logs[index].excused.extend(numbers);
        }
    }

    /// Deletes a rotated file whose lines are all in the checkpoint.
    fn delete(&mut self, index: usize) {
        let Some((_, at)) = &self.checkpoint else { return };
        let log = self.logs[index].name.clone();
        let durable = self.world.lines[..at.line as usize].iter();
        let durable: BTreeSet<u64> = durable.filter_map(|line| number_of(line, &log)).collect();
        let rotated: Vec<String> = self.rotated(index).into_values().collect();
        if rotated.is_empty() {
            return;
        }
        let path = self.world.path(self.random.pick::<String>(&rotated));
        if numbers_in(&path).iter().all(|number| durable.contains(number)) {
            self.logs[index].old = None;
            fs::remove_file(path).unwrap();
        }
    }

    fn rename(&mut self, index: usize) {
        self.end_half_line(index);
        self.excuse_unseen(index);
        self.shift(index);
        let name = self.logs[index].name.clone();
        self.world.rename(&name, &format!("{name}.1"));
        let next = self.world.create(&name);
        let log = &mut self.logs[index];
        log.old = Some(std::mem::replace(&mut log.file, next));
    }

    fn copy_and_truncate(&mut self, index: usize) {
        self.end_half_line(index);
        self.excuse_unseen(index);
        self.shift(index);
        let name = self.logs[index].name.clone();
        fs::copy(self.world.path(&name), self.world.path(&format!("{name}.1"))).unwrap();
        if self.random.below(3) == 0 {
            self.world.look();
            self.world.turn();
        }
        if self.random.below(3) == 0 {
            let from = self.logs[index].next;
            self.append(index);
            self.end_half_line(index);
            let log = &mut self.logs[index];
            log.excused.extend(from..log.next);
        }
        self.logs[index].file.set_len(0).unwrap();
        self.logs[index].old = None;
    }

    fn compress(&mut self, index: usize) {
        let plain = self.rotated(index).into_values().filter(|name| plain(name) == name);
        let plain: Vec<String> = plain.collect();
        if plain.is_empty() {
            return;
        }
        let name = self.random.pick(&plain).clone();
        let ending = *self.random.pick(&[".gz", ".zst"]);
        // Nobody writes to what is compressed.
        self.logs[index].old = None;
        self.world.compress(&name, &format!("{name}{ending}"));
    }

    fn checkpoint(&mut self) {
        // Anywhere in what was read since the last.
        let from = self.checkpoint.as_ref().map_or(0, |(_, at)| at.line);
        let line = from + self.random.below((self.world.at.line - from) as usize + 1) as u64;
        let place = self.world.place_of(line);
        self.world.ledger.advance_to(place);
        let marks = as_written(self.world.ledger.marks(false));
        self.checkpoint = Some((marks, place));
    }

    fn crash(&mut self) {
        let (marks, place) = match self.checkpoint.clone() {
            Some((marks, place)) => (Some(marks), place),
            None => (None, Start::default()),
        };
        if self.is_outside {
            // The checkpoint does not know of the content.
            for index in 0..self.logs.len() {
                for path in self.rotated(index).into_values().map(|name| self.world.path(&name)) {
                    let inode = fs::metadata(&path).unwrap().ino();
                    let is_known = marks.iter().flatten().any(|mark| {
                        let content = copies::recognise(&path, mark, Compression::Auto);
                        mark.inode == inode && content.unwrap().is_some()
                    });
                    if !is_known {
                        self.logs[index].excused.extend(numbers_in(&path));
                    }
                }
            }
        }
        self.world.lines.truncate(place.line as usize);
        self.world.pieces.clear();
        self.world.at = place;
        match marks {
            Some(marks) => self.world.resume(marks),
            None => {
                let settings = self.world.settings.clone();
                self.world.follower =
                    Follower::new(settings, lines(), place, None, self.world.clock);
                self.world.follower.slice_bytes = 1 << 12;
                self.world.ledger = Ledger::default();
            }
        }
    }

    fn finish(mut self) {
        (0..self.logs.len()).for_each(|index| self.end_half_line(index));
        for _ in 0..4 {
            self.world.read();
            self.world.pass(Duration::from_secs(40));
        }
        let mut read = BTreeMap::<&str, Vec<u64>>::new();
        for line in &self.world.lines {
            let (name, rest) = line.split_once(' ').expect("a line is whole");
            read.entry(name).or_default().push(number_of(line, name).expect(rest));
        }
        for Log { name, next, excused, .. } in &self.logs {
            let mut numbers = read.remove(name.as_str()).unwrap_or_default();
            numbers.sort_unstable();
            let wanted: Vec<u64> =
                (0..*next).filter(|n| !excused.contains(n) || numbers.contains(n)).collect();
            let (seed, history) = (self.seed, &self.history);
            assert_eq!(numbers, wanted, "SPILLWAY_SEED={seed}: {name} after {history}");
        }
        assert!(read.is_empty(), "SPILLWAY_SEED={}: {read:?}", self.seed);
    }
}

impl Log {
    fn line(&self) -> String {
        format!("{} {:09} {}\n", self.name, self.next, ".".repeat(self.padding))
    }
}

/// The number of a line of a log.
fn number_of(line: &str, log: &str) -> Option<u64> {
    line.strip_prefix(log)?.split(' ').nth(1)?.parse().ok()
}

/// The numbers of the lines in a file.
fn numbers_in(path: &Path) -> Vec<u64> {
    let mut content = fs::read(path).unwrap();
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("gz") => {
            let mut whole = Vec::new();
            flate2::read::GzDecoder::new(&content[..]).read_to_end(&mut whole).unwrap();
            content = whole;
        }
        Some("zst") => content = zstd::decode_all(&content[..]).unwrap(),
        _ => {}
    }
    let text = String::from_utf8(content).unwrap();
    text.lines().filter_map(|line| line.split(' ').nth(1)?.parse().ok()).collect()
}

/// A name without the ending of what is compressed.
fn plain(name: &str) -> &str {
    name.trim_end_matches(".gz").trim_end_matches(".zst")
}
