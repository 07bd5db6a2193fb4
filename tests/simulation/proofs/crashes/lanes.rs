//! Several cores side by side over one bucket, each with its own keys, and one checkpoint of all.
//! They crash together, at any moment: between two commits, too, or where one of them has taken its
//! events of a batch and another is full. What that one has left is in the checkpoint, and is given
//! before anything is read, which may come in another order than before the crash.
//!
//! Which seeds run is told as in `simulation`.

use bytes::Bytes;
use fastrand::Rng;
use sha2::{Digest as _, Sha256};
use spillway_core::{Admission, Input, Run, Settings};
use spillway_simulation::bucket::{Bucket, BucketOptions};
use spillway_simulation::world::{Shared, World};

use super::seeded::source;
use crate::simulation::each_seed;

#[test]
fn every_event_is_stored_once_by_lanes_that_crash() {
    each_seed(SHARE, SEEDS, run, |lanes| lanes.shared.trace().join("\n"));
}

/// A lane that took the uploads of others for orphans would end them.
#[test]
fn orphans_are_found_each_by_one_lane() {
    let found: u64 = (0..200).map(|seed| run(seed).orphans).sum();
    assert!(found > 20, "{found} orphans");
}

/// Without it nothing would be proven of what full lanes have left.
#[test]
fn lives_begin_with_what_full_lanes_have_left() {
    let begun: u64 = (0..200).map(|seed| run(seed).begun_with_left).sum();
    assert!(begun > 20, "{begun} lives");
}

/// Several cores, and what their host knows.
struct Lanes {
    seed: u64,
    random: Rng,
    worlds: Vec<World>,
    shared: Shared,
    source: Vec<(String, Bytes)>,
    /// The events of the source, in the order in which they are read.
    order: Vec<usize>,
    /// How many events were read, and taken but for those that are left.
    next: usize,
    /// The positions of events that full lanes have left.
    left: Vec<usize>,
    saved: Option<Saved>,
    crashes_left: u32,
    crash_one_in: u32,
    /// Whether no upload may be left: all that are orphaned are found, and aborted at once.
    aborts: bool,
    orphans: u64,
    /// How many lives have begun with events that full lanes had left.
    begun_with_left: u64,
}

/// One checkpoint of all lanes.
#[derive(Clone)]
struct Saved {
    order: Vec<usize>,
    next: usize,
    left: Vec<usize>,
    lanes: Vec<Vec<u8>>,
}

/// All lanes have crashed.
struct Crashed;

fn run(seed: u64) -> Lanes {
    let mut random = Rng::with_seed(seed ^ 0x1A4E_5000);
    let count = random.usize(2..=3);
    let aborts = random.bool();
    let options = BucketOptions { part_bytes_min: 16, ..BucketOptions::default() };
    let templates = ["{key}-{first}", "{first:06}/{key}", "{key}/{sequence}"];
    let template = *random.choice(&templates).expect("some");
    let orphans = if aborts { "abort" } else { "keep" };
    let memory_bytes_max = *random.choice(&[96, 512, 4_096]).expect("some");
    let max_open_objects = random.usize(1..5);
    let worlds = (0..count).map(|lane| {
        let config = format!(
            r#"{{"bucket": "bucket", "endpoint": "http://s3.test", "commit": "checkpointed",
                "prefix": "p/", "orphans": "{orphans}", "key_template": "{template}",
                "max_open_objects": {max_open_objects}, "lanes": {count}, "lane": {lane}}}"#
        );
        let mut settings = Settings::parse(&config).expect("it is a configuration");
        settings.upload.part_bytes = 16;
        settings.objects.memory_bytes_max = memory_bytes_max;
        World::with_settings(settings, options.clone(), seed).as_one_of_several(lane as u64)
    });
    let worlds: Vec<_> = worlds.collect();
    // Enough for lanes to be full at different times.
    let keys = random.usize(2..8);
    let source = source(&mut random, keys, 60);
    let mut lanes = Lanes {
        seed,
        worlds,
        shared: Shared::new(Bucket::new(options.clone())),
        order: (0..source.len()).collect(),
        source,
        next: 0,
        left: Vec::new(),
        saved: None,
        crashes_left: random.u32(..6),
        crash_one_in: *random.choice(&[5, 20, 100]).expect("some"),
        aborts,
        orphans: 0,
        begun_with_left: 0,
        random,
    };
    while lanes.life().is_err() {
        lanes.crash();
    }
    lanes.look_at_the_end();
    lanes
}

impl Lanes {
    fn life(&mut self) -> Result<(), Crashed> {
        self.open()?;
        self.give_left()?;
        while self.next < self.source.len() {
            self.write()?;
            if self.random.u8(..4) == 0 {
                self.checkpoint()?;
            }
        }
        self.each(|world| world.feed(Input::Seal))?;
        loop {
            self.until(|world| world.sink.is_settled())?;
            if !self.worlds.iter().any(|world| world.sink.waits_for_commit()) {
                return Ok(());
            }
            self.checkpoint()?;
        }
    }

    fn open(&mut self) -> Result<(), Crashed> {
        (self.next, self.left) = (0, Vec::new());
        if let Some(Saved { order, next, left, .. }) = self.saved.clone() {
            (self.order, self.next, self.left) = (order, next, left);
            self.begun_with_left += u64::from(!self.left.is_empty());
        }
        self.random.shuffle(&mut self.order[self.next..]);
        for lane in 0..self.worlds.len() {
            let state = self.saved.as_ref().map(|saved| saved.lanes[lane].clone());
            self.with(lane, |world| world.open(state.as_deref()));
            self.with(lane, |world| world.feed(Input::Tick));
            self.crashes()?;
        }
        if self.saved.is_some() {
            self.until(|world| world.sink.has_reply())?;
            for lane in 0..self.worlds.len() {
                _ = self.with(lane, |world| world.sink.take_reply());
                let counters = self.worlds[lane].sink.counters();
                self.orphans += counters.incomplete.orphans;
            }
        }
        Ok(())
    }

    /// Gives each lane its events of a batch, and those that full lanes have left once more after
    /// each checkpoint.
    fn write(&mut self) -> Result<(), Crashed> {
        let to = self.random.usize(self.next + 1..=self.source.len().min(self.next + 10));
        let batch: Vec<usize> = (self.next..to).collect();
        loop {
            let left = self.give(&batch)?;
            if left.len() < batch.len() {
                (self.next, self.left) = (to, left);
                break;
            }
            // Nobody has taken any of it.
            self.checkpoint()?;
        }
        if !self.left.is_empty() {
            self.checkpoint()?;
            // A crash here is rare, and what the next life begins with then is to be proven.
            if self.crashes_left > 0 && self.random.bool() {
                self.crashes_left -= 1;
                return Err(Crashed);
            }
        }
        self.give_left()
    }

    fn give_left(&mut self) -> Result<(), Crashed> {
        while !self.left.is_empty() {
            self.left = self.give(&self.left.clone())?;
            if !self.left.is_empty() {
                self.checkpoint()?;
            }
        }
        let next = self.next as u64;
        self.each(|world| world.feed(Input::Skip(next)))
    }

    /// Gives each lane its events of these, all of them or none. Returns those that full lanes have
    /// left. One that has taken its events, or has none, passes over those of others.
    fn give(&mut self, batch: &[usize]) -> Result<Vec<usize>, Crashed> {
        let mut lanes: Vec<usize> = (0..self.worlds.len()).collect();
        self.random.shuffle(&mut lanes);
        let (mut full, mut is_taken) = (Vec::new(), false);
        for lane in lanes {
            let runs = self.runs_of(lane, batch);
            if runs.is_empty() {
                continue;
            }
            match self.takes(lane, runs)? {
                true => is_taken = true,
                false => full.push(lane),
            }
        }
        let behind = batch.last().map_or(0, |last| *last as u64 + 1);
        for lane in (0..self.worlds.len()).filter(|lane| is_taken && !full.contains(lane)) {
            self.with(lane, |world| world.feed(Input::Skip(behind)));
        }
        let is_left = |at: &usize| full.contains(&self.lane_of(*at));
        Ok(batch.iter().copied().filter(is_left).collect())
    }

    /// Gives a lane its events. Returns whether it takes them: it may be full until a commit.
    fn takes(&mut self, lane: usize, mut runs: Vec<Run>) -> Result<bool, Crashed> {
        loop {
            let demand = self.worlds[lane].sink.demand(&runs);
            match self.worlds[lane].sink.admission(&demand) {
                Admission::Accept => break,
                Admission::Wait => self.turn()?,
                Admission::Busy => {
                    self.with(lane, |world| world.feed(Input::MakeRoom(demand)));
                    return Ok(false);
                }
            }
        }
        while !runs.is_empty() {
            while !self.worlds[lane].sink.has_room(&runs[0]) {
                self.turn()?;
            }
            let run = runs.remove(0);
            let rest = self.with(lane, |world| world.offer(run));
            runs.splice(..0, rest);
            self.crashes()?;
        }
        Ok(true)
    }

    /// The events of a lane that are in a batch, as runs.
    fn runs_of(&self, lane: usize, batch: &[usize]) -> Vec<Run> {
        let own = batch.iter().filter(|at| self.lane_of(**at) == lane);
        let runs = own.map(|at| {
            let (key, payload) = &self.source[self.order[*at]];
            self.worlds[lane].run(key, *at as u64, std::slice::from_ref(payload))
        });
        runs.collect()
    }

    /// The lane of the event at a position.
    fn lane_of(&self, at: usize) -> usize {
        let (key, _) = &self.source[self.order[at]];
        usize::try_from(lane_of(key, self.worlds.len() as u64)).expect("it is small")
    }

    fn checkpoint(&mut self) -> Result<(), Crashed> {
        self.each(|world| world.feed(Input::Prepare))?;
        self.until(|world| world.sink.is_at_rest())?;
        let (order, next, left) = (self.order.clone(), self.next, self.left.clone());
        let lanes = self.worlds.iter_mut().map(|world| world.sink.checkpoint()).collect();
        let saved = Saved { order, next, left, lanes };
        self.crashes()?;
        self.saved = Some(saved);
        self.crashes()?;
        self.each(|world| world.feed(Input::Commit))
    }

    /// Does that to each lane, unless they crash between two of them.
    fn each(&mut self, what: impl Fn(&mut World)) -> Result<(), Crashed> {
        for lane in 0..self.worlds.len() {
            self.with(lane, &what);
            self.crashes()?;
        }
        Ok(())
    }

    /// Lets things happen until that holds of all lanes.
    fn until(&mut self, holds: impl Fn(&World) -> bool) -> Result<(), Crashed> {
        while !self.worlds.iter().all(&holds) {
            self.turn()?;
        }
        Ok(())
    }

    /// Lets the next thing happen.
    fn turn(&mut self) -> Result<(), Crashed> {
        let moved = self.step();
        assert!(moved, "seed {}: nothing happens\n{}", self.seed, self.trace());
        self.crashes()
    }

    fn step(&mut self) -> bool {
        let times = self.worlds.iter().map(World::next_at).enumerate();
        let next = times.filter_map(|(lane, at)| Some((at?, lane))).min();
        next.is_some_and(|(_, lane)| self.with(lane, World::step))
    }

    fn crashes(&mut self) -> Result<(), Crashed> {
        if self.crashes_left == 0 || self.random.u32(..self.crash_one_in) > 0 {
            return Ok(());
        }
        self.crashes_left -= 1;
        Err(Crashed)
    }

    /// All are gone. What they have sent arrives, or some of it.
    fn crash(&mut self) {
        // Nobody looks for what was begun before there was a checkpoint.
        self.aborts &= self.saved.is_some();
        for lane in 0..self.worlds.len() {
            let (all, mut random) = (self.random.bool(), self.random.fork());
            self.with(lane, |world| world.crash(|| all || random.bool()));
        }
        while self.step() {}
    }

    fn with<T>(&mut self, lane: usize, what: impl FnOnce(&mut World) -> T) -> T {
        let world = &mut self.worlds[lane];
        world.exchange(&mut self.shared);
        let done = what(world);
        world.exchange(&mut self.shared);
        done
    }

    fn look_at_the_end(&self) {
        let objects = self.shared.bucket.objects();
        let text: Vec<u8> = objects.values().flat_map(|object| object.bytes.to_vec()).collect();
        let mut found: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let mut wanted: Vec<&[u8]> = self.source.iter().map(|(_, event)| &event[..]).collect();
        found.retain(|line| !line.is_empty());
        found.sort_unstable();
        wanted.sort_unstable();
        assert!(found == wanted, "seed {}: {objects:?}\n{}", self.seed, self.trace());
        let failed = self.worlds.iter().any(|world| !world.failed.is_empty());
        assert!(!failed, "seed {}: something failed\n{}", self.seed, self.trace());
        let open = self.shared.bucket.open_uploads();
        let left = self.aborts && !open.is_empty();
        assert!(!left, "seed {}: {open:?} are left\n{}", self.seed, self.trace());
    }

    fn trace(&self) -> String {
        self.shared.trace().join("\n")
    }
}

/// Which lane a key is in, of so many.
fn lane_of(key: &str, lanes: u64) -> u64 {
    let digest = Sha256::digest(key);
    let (first, _) = digest.split_first_chunk().expect("it has 32 bytes");
    u64::from_be_bytes(*first) % lanes
}

/// How many seeds run where nobody says otherwise.
const SEEDS: u64 = 1_000;
/// One seed in so many runs where their number is said: a run has several cores.
const SHARE: u64 = 10;
