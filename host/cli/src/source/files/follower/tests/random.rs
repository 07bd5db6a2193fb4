//! Any rotation at any moment, and a crash between any two: each line is read once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::*;
use crate::testing::{Random, seeds};

#[test]
fn each_line_is_read_once_whatever_happens_between() {
    for seed in seeds(60) {
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
    /// Numbers that may be lost: nobody could read them.
    excused: BTreeSet<u64>,
    half: bool,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut random = Random::new(seed);
        let pattern = *random.pick(&["*.log*", "**/*.log*"]);
        let world = World::new(pattern);
        let count = 1 + random.below(4);
        let logs = (0..count).map(|index| {
            let name = format!("app-{}.log", (b'a' + index as u8) as char);
            let file = world.create(&name);
            Log { name, file, old: None, next: 0, excused: BTreeSet::new(), half: false }
        });
        let logs = logs.collect();
        Run { seed, random, world, logs, checkpoint: None, history: String::new() }
    }

    fn step(&mut self) {
        let index = self.random.below(self.logs.len());
        let step = self.random.below(16);
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
            Some((rest.trim_end_matches(".gz").parse().ok()?, name))
        });
        rotated.collect()
    }

    /// Gives each a number more, from the oldest on, so that the first is free.
    fn shift(&self, index: usize) {
        for (number, name) in self.rotated(index).into_iter().rev() {
            let ending = if name.ends_with(".gz") { ".gz" } else { "" };
            let to = format!("{}.{}{ending}", self.logs[index].name, number + 1);
            self.world.rename(&name, &to);
        }
    }

    fn rename(&mut self, index: usize) {
        self.end_half_line(index);
        self.shift(index);
        let name = self.logs[index].name.clone();
        self.world.rename(&name, &format!("{name}.1"));
        let next = self.world.create(&name);
        let log = &mut self.logs[index];
        log.old = Some(std::mem::replace(&mut log.file, next));
    }

    fn copy_and_truncate(&mut self, index: usize) {
        self.end_half_line(index);
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
        let plain = self.rotated(index).into_values().filter(|name| !name.ends_with(".gz"));
        let plain: Vec<String> = plain.collect();
        if plain.is_empty() {
            return;
        }
        let name = self.random.pick(&plain).clone();
        // Nobody writes to what is compressed.
        self.logs[index].old = None;
        self.world.compress(&name, &format!("{name}.gz"));
    }

    fn checkpoint(&mut self) {
        // Anywhere in what was read since the last.
        let from = self.checkpoint.as_ref().map_or(0, |(_, at)| at.line);
        let line = from + self.random.below((self.world.at.line - from) as usize + 1) as u64;
        let place = self.world.place_of(line);
        self.world.ledger.advance_to(place);
        let marks = serde_json::to_string(&self.world.ledger.marks()).unwrap();
        self.checkpoint = Some((serde_json::from_str(&marks).unwrap(), place));
    }

    fn crash(&mut self) {
        let (marks, place) = match self.checkpoint.clone() {
            Some((marks, place)) => (Some(marks), place),
            None => (None, Start::default()),
        };
        self.world.lines.truncate(place.line as usize);
        self.world.pieces.clear();
        self.world.at = place;
        match marks {
            Some(marks) => self.world.resume(marks),
            None => {
                let settings = self.world.settings.clone();
                self.world.follower = Follower::new(settings, lines(), place, None);
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
            let (name, number) = line.split_once(' ').expect("a line is whole");
            read.entry(name).or_default().push(number.parse().unwrap());
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
        format!("{} {:09}\n", self.name, self.next)
    }
}

impl World {
    /// Where a line of the stream begins.
    fn place_of(&self, line: u64) -> Start {
        for piece in &self.pieces {
            if let Piece::Lines(lines) = piece
                && (lines.first..lines.first + lines.ends.len() as u64).contains(&line)
            {
                let offset = lines.offset_of((line - lines.first) as usize);
                return Start { line, offset };
            }
        }
        assert_eq!(line, self.at.line);
        self.at
    }
}
