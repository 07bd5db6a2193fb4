//! Several hosts at work on one source and one bucket at once. Each takes itself for the only one;
//! what they have in common is the checkpoint in the bucket.
//!
//! A host may stand still at any moment, while what it has sent arrives, and go on later: by then
//! others may have taken its checkpoint over. It may end at any moment, and others may begin.

mod checkpoint;
mod life;
mod look;

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use spillway_core::Settings;

use crate::bucket::Bucket;
use crate::visible_objects::VisibleObjects;
use crate::world::{Shared, World};
use life::{Ended, Life};
use look::Chain;

pub use look::Tally;

/// Makes the world of the life with this number, in fair weather or not.
pub type Make = Box<dyn FnMut(u64, bool) -> World>;

/// Several hosts and their bucket.
pub struct Lives {
    /// What was counted.
    pub tally: Tally,
    objects: VisibleObjects,
    lives: Vec<Life>,
    shared: Shared,
    settings: Settings,
    source: Rc<[(String, Bytes)]>,
    behaviour: LifeBehaviour,
    make: Make,
    random: Rng,
    chain: Chain,
    whose_turn: Option<usize>,
}

/// How hosts go about their work, and what befalls them.
#[derive(Clone, Copy, Debug)]
pub struct LifeBehaviour {
    /// The seed of the run.
    pub seed: u64,
    /// How many events one writes at once, at most.
    pub batch: usize,
    /// After how many events it takes a checkpoint.
    pub checkpoint_every: usize,
    /// Whether it does other things now and then: it tries aborts again, takes a checkpoint or
    /// gives up.
    pub has_whims: bool,
    /// Whether it seals everything now and then.
    pub flushes: bool,
    /// Whether it gives up where its core reports a failure.
    pub stops_on_failure: bool,
    /// How long it takes at most until it does the next thing.
    pub think_max: Duration,
    /// How long it may go on without storing a checkpoint, and others wait. Zero where nobody
    /// waits.
    pub lease: Duration,
    /// How many lives there are until the weather is fair and nothing befalls them any more.
    pub lives_max: usize,
    /// How many of them are alive at once, at most.
    pub at_once_max: usize,
    /// In one of so many turns, one of them pauses, crashes, or another begins.
    pub mishap_one_in: u32,
    /// How long one pauses at most.
    pub pause_max: Duration,
}

impl Lives {
    /// Nobody is alive yet.
    pub fn new(
        settings: Settings,
        bucket: Bucket,
        source: Vec<(String, Bytes)>,
        behaviour: LifeBehaviour,
        make: Make,
    ) -> Lives {
        Lives {
            tally: Tally::default(),
            objects: VisibleObjects::default(),
            lives: Vec::new(),
            shared: Shared::new(bucket),
            settings,
            source: source.into(),
            behaviour,
            make,
            random: Rng::with_seed(behaviour.seed ^ 0x11FE_5000_11FE_5000),
            chain: Chain::default(),
            whose_turn: None,
        }
    }

    /// Runs until one of them has stored the whole source and all others have ended, and looks
    /// whether all is well: after each turn, and at the end.
    pub fn run(&mut self) {
        while !self.lives.iter().any(|life| life.ended() == Some(Ended::Finished)) {
            if self.alive().is_empty() {
                self.begin(self.behaviour.pause_max);
            } else if self.lives.len() < self.behaviour.lives_max
                && self.random.u32(..self.behaviour.mishap_one_in) == 0
            {
                self.mishap();
            }
            self.turn();
        }
        // The others learn of it, and what they have sent arrives.
        while self.turn() {}
        self.look_at_the_end();
    }

    /// What happened, line by line.
    pub fn trace(&self) -> &[String] {
        self.shared.trace()
    }

    /// Ends the test with the seed and the trace.
    pub fn fail(&self, message: &str) -> ! {
        let (seed, trace) = (self.behaviour.seed, self.trace().join("\n"));
        panic!("{message}\nseed {seed}\n{trace}")
    }

    fn alive(&self) -> Vec<usize> {
        (0..self.lives.len()).filter(|index| self.lives[*index].ended().is_none()).collect()
    }

    /// Another begins within that time.
    fn begin(&mut self, within: Duration) {
        let number = self.lives.len() as u64 + 1;
        let is_fair = self.lives.len() >= self.behaviour.lives_max;
        if self.lives.len() > self.behaviour.lives_max + FAIR_LIVES_MAX {
            self.fail("nobody comes to an end");
        }
        let world = (self.make)(number, is_fair);
        let at = self.shared.elapsed() + self.some_time(within);
        let (source, behaviour) = (Rc::clone(&self.source), self.behaviour);
        let behaviour = LifeBehaviour {
            has_whims: behaviour.has_whims && !is_fair,
            stops_on_failure: behaviour.stops_on_failure && !is_fair,
            ..behaviour
        };
        self.lives.push(Life::new(world, number, source, behaviour, at));
    }

    /// Something befalls one that is alive, or another begins.
    fn mishap(&mut self) {
        let alive = self.alive();
        let one = alive[self.random.usize(..alive.len())];
        let (crashes, begins) = match self.random.u8(..6) {
            0 => (true, false),
            1 => (false, false),
            _ => (false, alive.len() < self.behaviour.at_once_max),
        };
        if crashes {
            return self.hand_over(one, Life::crash);
        }
        let pause = self.some_time(self.behaviour.pause_max);
        let until = self.shared.elapsed() + pause;
        self.hand_over(one, |life| life.pause(until));
        if begins {
            self.begin(pause);
        }
    }

    /// Lets the next thing happen that does. Returns false where nothing will.
    fn turn(&mut self) -> bool {
        let times = self.lives.iter().map(Life::next_at).enumerate();
        let times: Vec<_> = times.filter_map(|(index, at)| Some((at?, index))).collect();
        let now = self.shared.elapsed();
        let Some(next) = times.iter().map(|(at, _)| (*at).max(now)).min() else { return false };
        let ready: Vec<_> = times.iter().filter(|(at, _)| *at <= next).collect();
        let (_, index) = *ready[self.random.usize(..ready.len())];
        self.hand_over(index, |life| life.turn(next));
        self.look(index);
        self.tally.turns += 1;
        if self.tally.turns > TURNS_MAX {
            self.fail("it does not come to an end");
        }
        true
    }

    fn hand_over(&mut self, index: usize, what: impl FnOnce(&mut Life)) {
        let life = &mut self.lives[index];
        life.world.exchange(&mut self.shared);
        if self.whose_turn.replace(index) != Some(index) {
            let number = life.number;
            life.world.note(|| format!("life {number}:"));
        }
        what(life);
        life.world.exchange(&mut self.shared);
    }

    /// None, little, or up to the most.
    fn some_time(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(match self.random.u8(..3) {
            0 => 0,
            1 => self.random.u64(..=most.min(200_000_000)),
            _ => self.random.u64(..=most),
        })
    }
}

/// The name of the checkpoint.
const STATE_NAME: &str = "lives";
/// How many lives it may take in fair weather: one that lost the checkpoint to one before it ends.
const FAIR_LIVES_MAX: usize = 20;
/// More than any run needs that comes to an end.
const TURNS_MAX: u64 = 2_000_000;
