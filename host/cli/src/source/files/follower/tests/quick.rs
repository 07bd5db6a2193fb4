//! Logs that are rotated several times between two looks, and a look, a checkpoint or a crash
//! between any two steps of a rotation: each line is read once, and in order.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;

use super::*;
use crate::testing::{Random, seeds};

#[test]
fn each_line_is_read_once_however_often_a_log_is_copied_and_truncated() {
    for seed in seeds(100) {
        let mut run = Run::new(seed);
        for _ in 0..run.random.below(150) {
            run.step();
        }
        run.finish();
    }
}

struct Run {
    seed: u64,
    random: Random,
    world: World,
    logs: Vec<Log>,
    /// The log that something is done to.
    at: usize,
    /// What the last checkpoint says.
    checkpoint: Option<(Vec<FileMark>, Start)>,
    /// What was done, to be shown.
    history: String,
}

struct Log {
    name: &'static str,
    file: File,
    next: u64,
    /// Numbers that were written between a copy and the truncation: nobody may have read them.
    uncertain: BTreeSet<u64>,
    /// What was rotated out, the newest first: its name, and the number behind its last.
    archive: VecDeque<(String, u64)>,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut random = Random::new(seed);
        let world = World::new("*.log*");
        let names = &LOGS[..1 + random.below(LOGS.len())];
        let log = |name| Log {
            name,
            file: world.create(name),
            next: 0,
            uncertain: BTreeSet::new(),
            archive: VecDeque::new(),
        };
        let logs = names.iter().copied().map(log).collect();
        let (checkpoint, history) = (None, String::new());
        Run { seed, random, world, logs, at: 0, checkpoint, history }
    }

    fn log(&mut self) -> &mut Log {
        &mut self.logs[self.at]
    }

    fn step(&mut self) {
        self.at = self.random.below(self.logs.len());
        match self.random.below(8) {
            0 => self.rotate(),
            1..=4 => {
                let count = 1 + self.random.below(20);
                self.write(count);
            }
            _ => self.meanwhile(),
        }
    }

    /// What the follower does, or what happens to it, between two steps of others.
    fn meanwhile(&mut self) {
        match self.random.below(16) {
            0..=3 => self.look(),
            4 => self.crash(),
            5 | 6 => self.checkpoint(),
            7 => self.turns(),
            _ => {}
        }
    }

    fn look(&mut self) {
        self.world.pass(Duration::from_millis(50));
        self.world.look();
        self.note("LOOK");
        self.turns();
    }

    fn turns(&mut self) {
        let turns = self.random.below(4);
        (0..turns).for_each(|_| _ = self.turn());
    }

    fn turn(&mut self) -> bool {
        let (pieces, from) = (self.world.pieces.len(), self.world.lines.len());
        let is_turn = self.world.turn();
        let read: Vec<u64> = self.world.lines[from..].iter().map(|line| split(line).1).collect();
        let file = self.world.pieces[pieces..].iter().find_map(|piece| match piece {
            Piece::Lines(lines) => Some(lines.origin.as_ref()?.file.to_string()),
            _ => None,
        });
        if let (Some(file), [first, ..]) = (file, &read[..]) {
            let name = file.rsplit('/').next().unwrap_or_default();
            self.note(&format!("{first} to {} of {name}", read[read.len() - 1]));
        }
        is_turn
    }

    fn note(&mut self, what: &str) {
        let _ = write!(self.history, "{what}, ");
    }

    fn write(&mut self, count: usize) {
        let log = self.log();
        for number in log.next..log.next + count as u64 {
            log.file.write_all(line(log.name, number).as_bytes()).unwrap();
        }
        log.next += count as u64;
        let said = format!("write to {} of {}", log.next, log.name);
        self.note(&said);
    }

    fn rotate(&mut self) {
        let log = self.log().name;
        if self.world.path(log).metadata().unwrap().len() == 0 {
            return;
        }
        for at in (0..self.log().archive.len()).rev() {
            let name = self.log().archive[at].0.clone();
            let to = numbered(log, at + 2) + &name[plain(&name).len()..];
            self.world.rename(&name, &to);
            self.log().archive[at].0 = to;
            self.meanwhile();
        }
        if self.random.below(4) == 0 {
            self.rename();
        } else {
            self.copy_and_truncate();
        }
        if self.random.below(2) == 0 {
            let count = self.log().archive.len();
            let at = self.random.below(count.min(2));
            self.compress(at);
        }
        self.delete_old();
    }

    fn rename(&mut self) {
        let (name, next) = (self.log().name, self.log().next);
        self.note(&format!("rename {name}"));
        self.world.rename(name, &numbered(name, 1));
        self.log().archive.push_front((numbered(name, 1), next));
        self.meanwhile();
        self.log().file = self.world.create(name);
        self.meanwhile();
    }

    fn copy_and_truncate(&mut self) {
        let (name, next) = (self.log().name, self.log().next);
        self.note(&format!("copy {name}"));
        let bytes = fs::read(self.world.path(name)).unwrap();
        self.write_in_two(&numbered(name, 1), &bytes);
        self.log().archive.push_front((numbered(name, 1), next));
        self.meanwhile();
        if self.random.below(2) == 0 {
            let count = 1 + self.random.below(10);
            self.write(count);
            let log = self.log();
            log.uncertain.extend(next..log.next);
            self.meanwhile();
        }
        self.log().file.set_len(0).unwrap();
        self.note("truncated");
        self.meanwhile();
    }

    /// Whoever looks may find a part.
    fn write_in_two(&mut self, name: &str, bytes: &[u8]) {
        let mut file = self.world.create(name);
        self.meanwhile();
        let (one, two) = bytes.split_at(bytes.len() / 2);
        file.write_all(one).unwrap();
        self.meanwhile();
        file.write_all(two).unwrap();
        self.meanwhile();
    }

    fn compress(&mut self, at: usize) {
        let name = self.log().archive[at].0.clone();
        if plain(&name) != name {
            return;
        }
        self.note(&format!("compress {name}"));
        let content = fs::read(self.world.path(&name)).unwrap();
        let (bytes, ending) = match self.random.below(2) {
            0 => (zstd::encode_all(&content[..], 1).unwrap(), ".zst"),
            _ => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
                encoder.write_all(&content).unwrap();
                (encoder.finish().unwrap(), ".gz")
            }
        };
        let to = format!("{name}{ending}");
        self.write_in_two(&to, &bytes);
        fs::remove_file(self.world.path(&name)).unwrap();
        self.log().archive[at].0 = to;
        self.meanwhile();
    }

    /// Deletes what is one too many, if all of it lies before the checkpoint.
    fn delete_old(&mut self) {
        let Some((_, place)) = &self.checkpoint else { return };
        let durable = self.world.lines[..place.line as usize].iter().map(|line| split(line));
        let Log { name, uncertain, archive, .. } = &mut self.logs[self.at];
        let durable: BTreeSet<u64> =
            durable.filter(|(of, _)| of == name).map(|(_, number)| number).collect();
        while archive.len() > 4
            && (0..archive[archive.len() - 1].1)
                .all(|number| durable.contains(&number) || uncertain.contains(&number))
        {
            let (name, _) = archive.pop_back().unwrap();
            fs::remove_file(self.world.path(&name)).unwrap();
            self.history += "delete, ";
        }
    }

    fn checkpoint(&mut self) {
        // Anywhere in what was read since the last.
        let from = self.checkpoint.as_ref().map_or(0, |(_, at)| at.line);
        let line = from + self.random.below((self.world.at.line - from) as usize + 1) as u64;
        let place = self.world.place_of(line);
        self.world.ledger.advance_to(place);
        self.checkpoint = Some((as_written(self.world.ledger.marks(false)), place));
        let behind = line.checked_sub(1).map(|last| split(&self.world.lines[last as usize]));
        let said = format!("checkpoint behind {behind:?}");
        self.note(&said);
    }

    fn crash(&mut self) {
        self.note("crash");
        let (marks, place) = match self.checkpoint.clone() {
            Some((marks, place)) => (marks, place),
            None => (Vec::new(), Start::default()),
        };
        self.world.lines.truncate(place.line as usize);
        self.world.pieces.clear();
        self.world.at = place;
        self.world.resume(marks);
    }

    fn finish(mut self) {
        self.note("the end");
        for _ in 0..4 {
            self.world.pass(Duration::from_secs(1));
            self.world.look();
            while self.turn() {}
            self.world.pass(Duration::from_secs(40));
        }
        let (seed, history) = (self.seed, &self.history);
        for Log { name, next, uncertain, .. } in &self.logs {
            let lines = self.world.lines.iter().map(|line| split(line));
            let read: Vec<u64> = lines.filter(|(of, _)| of == name).map(|(_, n)| n).collect();
            let mut once = BTreeSet::new();
            let twice: Vec<u64> = read.iter().copied().filter(|n| !once.insert(*n)).collect();
            assert!(twice.is_empty(), "SPILLWAY_SEED={seed}: {name} {twice:?} twice: {history}");
            let missing = (0..*next).filter(|n| !uncertain.contains(n) && !once.contains(n));
            let missing: Vec<u64> = missing.collect();
            assert!(missing.is_empty(), "SPILLWAY_SEED={seed}: {name} no {missing:?}: {history}");
            let wrong = read.windows(2).find(|pair| pair[0] >= pair[1]);
            assert!(wrong.is_none(), "SPILLWAY_SEED={seed}: {name} {wrong:?}: {history}");
        }
    }
}

/// A line of a log with its number, which is seldom long.
fn line(log: &str, number: u64) -> String {
    let scattered = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let bytes = if scattered.is_multiple_of(50) { 5_000 } else { scattered % 200 };
    format!("{log} {number:09} {}\n", "x".repeat(bytes as usize))
}

/// The log of a line, and its number.
fn split(line: &str) -> (&str, u64) {
    let (log, rest) = line.split_once(' ').unwrap();
    (log, rest[..9].parse().unwrap())
}

fn numbered(log: &str, number: usize) -> String {
    format!("{log}.{number}")
}

/// A name without the ending of what is compressed.
fn plain(name: &str) -> &str {
    name.trim_end_matches(".gz").trim_end_matches(".zst")
}

const LOGS: [&str; 3] = ["a.log", "b.log", "c.log"];
