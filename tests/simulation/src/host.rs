//! A host as small as can be: it reads a source, writes what it reads in batches, stores
//! checkpoints together with its place in the source, and begins again from the last of them after
//! a crash.
//!
//! Whatever it does next is an instant, and it can crash at every one of them.

mod ledger;
mod steps;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use spillway_core::{Input, ObjectSummary};

use crate::world::{FaultPlan, World};
use ledger::Ledger;

/// A host and its world.
pub struct Host {
    /// The core and the bucket.
    pub world: World,
    /// The events, each of which stands at its position. See [`event`].
    pub source: Vec<(String, Bytes)>,
    /// How it goes about its work.
    pub behaviour: HostBehaviour,
    /// The instants at which it crashes, counted from its beginning.
    pub crashes: BTreeSet<u64>,
    /// The times at which it crashes, by the clock of [`World::elapsed`]: at the first instant from
    /// then on.
    pub crash_times: BTreeSet<Duration>,
    /// The checkpoint that it stored last.
    pub stored: Option<Checkpoint>,
    /// How many instants there have been.
    pub instants: u64,
    /// How often it crashed.
    pub crashed: u32,
    /// How often it ended for a failure.
    pub stopped: u32,
    taken: Option<Checkpoint>,
    next: usize,
    /// How many of the failures that the world has heard of it has dealt with.
    dealt_with: usize,
    is_alive: bool,
    random: Rng,
    ledger: Ledger,
}

/// A checkpoint, and what belongs to it.
#[derive(Clone)]
pub struct Checkpoint {
    /// The bytes that the core gave.
    pub state: Vec<u8>,
    /// When, by the clock of [`World::elapsed`].
    pub at: Duration,
    /// How many events of the source were written before it.
    pub next: usize,
    /// What the core says is in it.
    pub objects: Vec<ObjectSummary>,
    /// How many failures had been heard of by then.
    failed: usize,
}

/// How a host goes about its work.
#[derive(Clone, Copy, Debug)]
pub struct HostBehaviour {
    /// How many events it writes at once, at most.
    pub batch: usize,
    /// After how many events it takes a checkpoint.
    pub checkpoint_every: usize,
    /// Whether it does other things now and then: it pauses, seals everything, closes and begins
    /// again, and cannot store a checkpoint.
    pub has_whims: bool,
    /// Whether sealing everything is among them.
    pub flushes: bool,
    /// One in so many instants is a crash, until there were enough.
    pub crash_one_in: Option<u32>,
    /// How many crashes are enough.
    pub crashes_max: u32,
    /// Which of the requests that are on their way in a crash arrive.
    pub arrivals: Arrivals,
    /// How long it takes at most until it begins again.
    pub down_max: Duration,
    /// What it does where the core reports a failure.
    pub on_failed: OnFailed,
}

/// Which of the requests that are on their way in a crash arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// All.
    All,
    /// None.
    None,
    /// Some.
    Some,
}

/// What a host does where the core reports a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailed {
    /// It sets the events aside, and goes on.
    Continue,
    /// It ends, stores nothing, and begins again from its last checkpoint; when it has done so
    /// often enough, in fair weather; and when that does not help, it goes on.
    Stop,
}

/// Why a life ends before the source does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is one of the instants at which it crashes.
    Crash,
    /// The core reported a failure, and the host stops for it.
    Stop,
}

impl Default for HostBehaviour {
    fn default() -> HostBehaviour {
        HostBehaviour {
            batch: 1,
            checkpoint_every: 2,
            has_whims: false,
            flushes: false,
            crash_one_in: None,
            crashes_max: 0,
            arrivals: Arrivals::All,
            down_max: Duration::from_secs(1),
            on_failed: OnFailed::Continue,
        }
    }
}

impl Host {
    /// A host that has done nothing yet.
    pub fn new(
        mut world: World,
        source: Vec<(String, Bytes)>,
        behaviour: HostBehaviour,
        seed: u64,
    ) -> Host {
        // It hears what is reported when it asks for it.
        world.is_deaf = true;
        Host {
            world,
            source,
            behaviour,
            crashes: BTreeSet::new(),
            crash_times: BTreeSet::new(),
            stored: None,
            instants: 0,
            crashed: 0,
            stopped: 0,
            taken: None,
            next: 0,
            dealt_with: 0,
            is_alive: false,
            random: Rng::with_seed(seed ^ 0xC0FF_EE00_C0FF_EE00),
            ledger: Ledger::default(),
        }
    }

    /// Begins, or goes on, and runs until the whole source is stored, however often it crashes, and
    /// looks whether all is well: after each instant and at the end.
    pub fn run(&mut self) {
        loop {
            match self.live() {
                Ok(()) => break,
                Err(End::Crash) => {
                    self.crashed += 1;
                    self.crash();
                }
                Err(End::Stop) => {
                    self.stopped += 1;
                    self.stop();
                }
            }
        }
        self.world.land_all();
        self.world.listen();
        self.look();
        self.look_at_the_end();
    }

    fn live(&mut self) -> Result<(), End> {
        if !self.is_alive {
            self.begin()?;
        }
        let mut since = 0;
        while self.next < self.source.len() {
            let before = self.next;
            self.write()?;
            self.listen()?;
            since += self.next - before;
            if since >= self.behaviour.checkpoint_every || self.world.sink.wants_checkpoint() {
                self.checkpoint_and_commit()?;
                since = 0;
            }
            if self.behaviour.has_whims {
                self.follow_a_whim()?;
            }
        }
        self.finish()
    }

    /// One more thing is about to happen.
    fn instant(&mut self) -> Result<(), End> {
        self.look();
        self.instants += 1;
        let now = self.world.elapsed();
        let is_due = self.crash_times.first().is_some_and(|time| *time <= now);
        self.crash_times.retain(|time| *time > now);
        let is_planned = self.crashes.remove(&self.instants) || is_due;
        let is_random = self.crashed < self.behaviour.crashes_max
            && self.behaviour.crash_one_in.is_some_and(|count| self.random.u32(..count) == 0);
        if is_planned || is_random { Err(End::Crash) } else { Ok(()) }
    }

    /// The host and the core are gone, and for a while nothing else happens.
    pub fn crash(&mut self) {
        self.is_alive = false;
        let (arrivals, mut random) = (self.behaviour.arrivals, self.random.fork());
        self.world.crash(|| match arrivals {
            Arrivals::All => true,
            Arrivals::None => false,
            Arrivals::Some => random.bool(),
        });
        self.rewind();
        let down_max = u64::try_from(self.behaviour.down_max.as_nanos()).unwrap_or(u64::MAX);
        let down = match self.random.u8(..3) {
            0 => 0,
            1 => self.random.u64(..=down_max.min(200_000_000)),
            _ => self.random.u64(..=down_max),
        };
        self.world.run_for(Duration::from_nanos(down));
    }

    /// What happened since the last checkpoint was taken that is stored did not happen.
    fn rewind(&mut self) {
        let (next, failed) = self.stored.as_ref().map_or((0, 0), |s| (s.next, s.failed));
        self.world.failed.truncate(failed);
        self.world.accepted.retain(|position, _| *position < next as u64);
        (self.next, self.dealt_with, self.taken) = (next, failed, None);
    }

    /// Ends because of a failure: what a checkpoint knows stays, the rest goes.
    fn stop(&mut self) {
        if self.stopped > STOPS_MAX {
            self.world.note(|| "fair weather".to_owned());
            self.world.on_request(|_, random| FaultPlan::random(random));
        }
        if self.stopped > 2 * STOPS_MAX {
            self.behaviour.on_failed = OnFailed::Continue;
        }
        let is_closed = self.random.bool() && self.close().is_ok();
        self.world.note(|| format!("stopped (closed: {is_closed})"));
        self.crash();
    }

    /// Closes as a host does that will go on later.
    ///
    /// # Errors
    ///
    /// Where it ends before.
    pub fn close(&mut self) -> Result<(), End> {
        self.world.note(|| "keep".to_owned());
        self.feed(Input::Suspend)?;
        self.settle()?;
        self.feed(Input::RetryAborts)?;
        self.settle()?;
        self.world.listen();
        self.look();
        self.look_at_uploads();
        Ok(())
    }
}

/// An event that tells where it stands, and no other like it.
pub fn event(position: usize, text: &str) -> Bytes {
    Bytes::from(format!("<{position}:{text}>"))
}

/// After so many stops the weather is fair; after twice as many it stops no more.
const STOPS_MAX: u32 = 4;
