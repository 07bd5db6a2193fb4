//! One host, that keeps its checkpoint in the bucket and takes itself for the only one.
//!
//! It is a state machine, so that others can do anything between any two of its steps.

mod holding;

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use spillway_core::{Admission, Input, Run};

use super::checkpoint::Checkpoint;
use super::{LifeBehaviour, STATE_NAME};
use crate::world::World;
use holding::Storing;

/// A host, and its world.
pub struct Life {
    /// Its core, and what is on its way from and to that.
    pub world: World,
    /// Which one it is.
    pub number: u64,
    /// How often it was told that the checkpoint is another's.
    pub conflicts: u64,
    /// How many checkpoints it has committed.
    pub commits: u64,
    /// The version of the checkpoint that it holds. `None` until it has stored one.
    pub version: Option<String>,
    behaviour: LifeBehaviour,
    source: Rc<[(String, Bytes)]>,
    random: Rng,
    stage: Stage,
    /// What it does after the next commit.
    after_commit: Stage,
    /// What is to be stored before it goes on with its stage.
    storing: Option<Storing>,
    /// What it has stored or loaded last, or is about to store.
    last: Checkpoint,
    stores: u64,
    /// When it began to store the last.
    stored_at: Duration,
    is_holder: bool,
    /// Whether everything is visible, so that the next checkpoint is the last.
    is_last: bool,
    /// The positions of the events that were reported failed, to the life itself and before it.
    failed: BTreeSet<u64>,
    heard: usize,
    /// The events that the sink takes next.
    pending: Vec<Run>,
    next: usize,
    /// How many events were written since the last commit.
    since: usize,
    /// Before then it does nothing, and does not open its core.
    ready_at: Duration,
    opens_at: Duration,
    takes: u32,
}

/// What it does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Reads the checkpoint.
    Load,
    Loading,
    /// Opens its core, once the lease of the holder before it has ended.
    Open,
    /// Its core looks for uploads that were left behind.
    Looking,
    /// Chooses the next events.
    Write,
    /// Waits until the sink takes them.
    Admit,
    /// Gives them to the sink.
    Give,
    /// Takes a checkpoint.
    Prepare,
    Preparing,
    Commit,
    /// Everything is written, and becomes visible.
    Settle,
    /// It gives up in order.
    Closing,
    Over(Ended),
}

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The whole source is stored.
    Finished,
    /// Before.
    Early,
}

impl Life {
    /// A host that begins at `at`.
    pub fn new(
        world: World,
        number: u64,
        source: Rc<[(String, Bytes)]>,
        behaviour: LifeBehaviour,
        at: Duration,
    ) -> Life {
        let random = Rng::with_seed(behaviour.seed ^ number.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        Life {
            world,
            number,
            conflicts: 0,
            commits: 0,
            version: None,
            behaviour,
            source,
            random,
            stage: Stage::Load,
            after_commit: Stage::Write,
            storing: None,
            last: Checkpoint::default(),
            stores: 0,
            stored_at: Duration::ZERO,
            is_holder: false,
            is_last: false,
            failed: BTreeSet::new(),
            heard: 0,
            pending: Vec::new(),
            next: 0,
            since: 0,
            ready_at: at,
            opens_at: at,
            takes: 0,
        }
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<Ended> {
        match self.stage {
            Stage::Over(ended) => Some(ended),
            _ => None,
        }
    }

    /// Whether the event at this position, of this key, was reported failed to it or before it.
    pub fn has_failed(&self, key: &str, position: u64) -> bool {
        let mut spans = self.world.failed.iter().map(|failure| &failure.span);
        self.failed.contains(&position) || spans.any(|span| span.key == key && span.holds(position))
    }

    /// When it does something, or something of its world happens.
    pub fn next_at(&self) -> Option<Duration> {
        self.acts_at().into_iter().chain(self.world.next_at()).min()
    }

    /// Does the next thing, or lets it happen, at `now`.
    pub fn turn(&mut self, now: Duration) {
        let acts = self.acts_at().is_some_and(|at| at <= now);
        if acts && self.world.next_at().is_none_or(|at| at > now || self.random.bool()) {
            self.world.advance(now);
            self.act();
            let most = u64::try_from(self.behaviour.think_max.as_micros()).unwrap_or(u64::MAX);
            let thinks = Duration::from_micros(self.random.u64(..=most));
            self.ready_at = self.ready_at.max(self.world.elapsed() + thinks);
        } else {
            self.world.step();
        }
    }

    /// Stands still until then.
    pub fn pause(&mut self, until: Duration) {
        self.world.note(|| format!("paused until {} ms", until.as_millis()));
        self.world.pause(until);
        self.ready_at = self.ready_at.max(until);
    }

    /// Is gone without a word. Of its requests that are on their way, some arrive or all.
    pub fn crash(&mut self) {
        let (all, mut random) = (self.random.bool(), self.random.fork());
        self.world.crash(|| all || random.bool());
        self.stage = Stage::Over(Ended::Early);
    }

    fn acts_at(&self) -> Option<Duration> {
        let sink = &self.world.sink;
        let is_ready = match (&self.storing, self.stage) {
            (_, Stage::Over(_)) => false,
            (Some(storing), _) => !storing.is_asked || sink.has_reply(),
            (None, Stage::Loading | Stage::Looking) => sink.has_reply(),
            (None, Stage::Open) => return Some(self.ready_at.max(self.opens_at)),
            (None, Stage::Admit) => sink.admission(&sink.demand(&self.pending)) != Admission::Wait,
            (None, Stage::Give) => self.pending.first().is_none_or(|run| sink.has_room(run)),
            (None, Stage::Preparing) => sink.is_at_rest(),
            (None, Stage::Settle | Stage::Closing) => sink.is_settled(),
            _ => true,
        };
        is_ready.then_some(self.ready_at)
    }

    fn act(&mut self) {
        if self.hears_of_a_failure() && self.behaviour.stops_on_failure {
            return self.give_up();
        }
        match &self.storing {
            Some(storing) if storing.is_asked => self.on_stored(),
            Some(_) => self.ask(),
            None => match self.must_renew() {
                true => self.store(),
                false => self.go_on(),
            },
        }
    }

    /// Takes down which events were reported failed since it looked last. Whether any were.
    fn hears_of_a_failure(&mut self) -> bool {
        self.world.listen();
        let new = &self.world.failed[self.heard..];
        let is_failed = |position: u64, key: &str| {
            new.iter().any(|failure| failure.span.key == key && failure.span.holds(position))
        };
        let events = (0..).zip(self.source.iter());
        let failed = events.filter(|(position, (key, _))| is_failed(*position, key));
        self.failed.extend(failed.map(|(position, _)| position));
        let has_failed = !new.is_empty();
        self.heard = self.world.failed.len();
        has_failed
    }

    fn go_on(&mut self) {
        match self.stage {
            Stage::Load => {
                self.world.feed(Input::LoadState { name: STATE_NAME.to_owned() });
                self.stage = Stage::Loading;
            }
            Stage::Loading => self.on_loaded(),
            Stage::Open => {
                self.world.open(self.last.state.as_deref());
                (self.next, self.failed) = (self.last.next, self.last.failed.clone());
                self.stage = if self.last.state.is_some() { Stage::Looking } else { Stage::Write };
                self.world.feed(Input::Tick);
            }
            Stage::Looking => {
                _ = self.world.sink.take_reply();
                self.stage = Stage::Write;
            }
            Stage::Write => self.write(),
            Stage::Admit => {
                let demand = self.world.sink.demand(&self.pending);
                if self.world.sink.admission(&demand) == Admission::Accept {
                    self.stage = Stage::Give;
                } else {
                    self.world.feed(Input::MakeRoom(demand));
                    self.checkpoint_and_then(Stage::Admit);
                }
            }
            Stage::Give => self.give(),
            Stage::Prepare => {
                self.world.feed(Input::Prepare);
                self.stage = Stage::Preparing;
            }
            Stage::Preparing => {
                self.last.state = Some(self.world.sink.checkpoint());
                (self.last.next, self.last.failed) = (self.next, self.failed.clone());
                self.stage = Stage::Commit;
                self.store();
            }
            Stage::Commit => {
                self.world.feed(Input::Commit);
                self.commits += 1;
                (self.stage, self.since) = (self.after_commit, 0);
            }
            Stage::Settle => self.settle(),
            Stage::Closing => {
                self.world.feed(Input::RetryAborts);
                self.crash();
            }
            Stage::Over(_) => {}
        }
    }

    fn write(&mut self) {
        if self.next == self.source.len() {
            self.world.feed(Input::Seal);
            self.stage = Stage::Settle;
            return;
        }
        let whim = if self.behaviour.has_whims { self.random.u8(..40) } else { u8::MAX };
        match whim {
            0 if self.behaviour.flushes => self.world.feed(Input::Seal),
            1 => self.world.feed(Input::RetryAborts),
            2 => return self.checkpoint_and_then(Stage::Write),
            3 => return self.give_up(),
            _ => {}
        }
        let left = self.source.len() - self.next;
        let count = self.random.usize(1..=self.behaviour.batch.min(left));
        let events = &self.source[self.next..self.next + count];
        let mut first = self.next as u64;
        for same in events.chunk_by(|(one, _), (other, _)| one == other) {
            let payloads: Vec<_> = same.iter().map(|(_, payload)| payload.clone()).collect();
            self.pending.push(self.world.run(&same[0].0, first, &payloads));
            first += same.len() as u64;
        }
        (self.since, self.stage) = (self.since + count, Stage::Admit);
    }

    fn give(&mut self) {
        if !self.pending.is_empty() {
            let rest = self.world.offer(self.pending.remove(0));
            self.pending.splice(..0, rest);
            return;
        }
        self.next = usize::try_from(self.world.sink.next_position()).unwrap_or(usize::MAX);
        self.stage = Stage::Write;
        let is_due = self.since >= self.behaviour.checkpoint_every;
        if is_due || self.world.sink.wants_checkpoint() {
            self.checkpoint_and_then(Stage::Write);
        }
    }

    fn checkpoint_and_then(&mut self, stage: Stage) {
        (self.stage, self.after_commit) = (Stage::Prepare, stage);
    }

    fn settle(&mut self) {
        if !self.world.sink.waits_for_commit() {
            if self.is_last {
                self.world.note(|| "finished".to_owned());
                self.world.crash(|| true);
                self.stage = Stage::Over(Ended::Finished);
                return;
            }
            self.is_last = true;
            self.world.feed(Input::RetryAborts);
        }
        self.checkpoint_and_then(Stage::Settle);
    }

    /// Commits nothing any more: it closes its core, or just ends.
    fn give_up(&mut self) {
        self.world.note(|| "it gives up".to_owned());
        self.storing = None;
        if self.random.bool() {
            return self.crash();
        }
        self.world.feed(Input::Suspend);
        self.stage = Stage::Closing;
    }
}
