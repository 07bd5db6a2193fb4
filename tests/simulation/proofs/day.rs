//! A stream that does not end, over a day of virtual time: objects end by their age, credentials
//! expire each hour, the store is away for an hour, the wall clock is set back and forward, and the
//! process crashes.
//!
//! Which seeds run is told as in `simulation`.

mod plan;
mod proof;

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use spillway_core::Input;
use spillway_simulation::host::{Arrivals, End, Host, HostBehaviour, OnFailed, event};
use spillway_simulation::world::World;

use crate::simulation::one_seed_in;
use plan::Plan;

#[test]
fn a_stream_goes_on_for_a_day() {
    one_seed_in(SEEDS_OF_A_DAY, SEEDS, run);
}

#[test]
fn one_seed_is_one_day() {
    let (first, second) = (run(7), run(7));
    assert_eq!(first.fingerprint(), second.fingerprint());
    assert_eq!(first.trace(), second.trace());
}

fn run(seed: u64) -> World {
    let mut random = Rng::with_seed(seed);
    let plan = Plan::new(&mut random);
    let behaviour = HostBehaviour {
        batch: random.usize(1..20),
        checkpoint_every: 1_000,
        arrivals: *random.choice(&[Arrivals::All, Arrivals::None, Arrivals::Some]).expect("some"),
        down_max: DOWN_MAX,
        on_failed: OnFailed::Stop,
        ..HostBehaviour::default()
    };
    let mut host = Host::new(plan.world(&mut random, seed), Vec::new(), behaviour, seed);
    host.crash_times = plan.crashes.clone();
    let mut day =
        Day { plan, host, lives: Vec::new(), backlog: 0, checkpoint_due: CHECKPOINT_EVERY, random };
    day.pass();
    // What is left is stored, and everything is looked at.
    day.host.run();
    proof::holds(&day);
    day.host.world
}

/// A host that follows a stream.
struct Day {
    plan: Plan,
    host: Host,
    lives: Vec<Life>,
    /// The most events that came and were not taken.
    backlog: usize,
    checkpoint_due: Duration,
    random: Rng,
}

/// A life after a crash, or after a failure.
struct Life {
    /// When the checkpoint was taken from which it goes on.
    from: Duration,
    /// When it began.
    began: Duration,
}

impl Day {
    /// Follows the stream for a day. Something like systemd starts it again whenever it ends.
    fn pass(&mut self) {
        while let Err(end) = self.live() {
            match end {
                End::Crash => self.host.crashed += 1,
                End::Stop => self.host.stopped += 1,
            }
            self.host.crash();
            self.host.world.run_for(RESTART_AFTER);
            let from = self.host.stored.as_ref().map_or(Duration::ZERO, |stored| stored.at);
            self.lives.push(Life { from, began: self.host.world.elapsed() });
        }
    }

    fn live(&mut self) -> Result<(), End> {
        self.host.begin()?;
        while self.host.world.elapsed() < DAY {
            self.wait_for_something()?;
            self.arrive();
            while self.behind() > 0 {
                self.host.write()?;
                self.arrive();
                self.backlog = self.backlog.max(self.behind());
                self.host.listen()?;
                if self.host.world.sink.wants_checkpoint() {
                    self.checkpoint()?;
                }
            }
            if self.host.world.elapsed() >= self.checkpoint_due {
                self.checkpoint()?;
            }
            self.host.listen()?;
        }
        Ok(())
    }

    /// Lets time pass until an event comes, a checkpoint is due, or the time of a crash has come.
    fn wait_for_something(&mut self) -> Result<(), End> {
        let now = self.host.world.elapsed();
        let event = self.plan.arrivals.get(self.host.source.len()).map(|(at, _)| *at);
        let crash = self.host.crash_times.first().copied();
        let next = event.into_iter().chain(crash).fold(self.checkpoint_due, Duration::min);
        self.host.world.run_for(next.saturating_sub(now));
        if crash == Some(next) {
            if self.random.bool() {
                // In the midst of what it does next.
                self.host.crash_times.remove(&next);
                self.host.crashes.insert(self.host.instants + self.random.u64(1..15));
            }
            self.host.feed(Input::Tick)?;
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), End> {
        self.host.checkpoint_and_commit()?;
        self.checkpoint_due = self.host.world.elapsed() + CHECKPOINT_EVERY;
        Ok(())
    }

    /// The stream has grown.
    fn arrive(&mut self) {
        let now = self.host.world.elapsed();
        let source = &mut self.host.source;
        let new = self.plan.arrivals[source.len()..].iter().take_while(|(at, _)| *at <= now);
        for (_, key) in new {
            let text = "x".repeat(self.random.usize(..40));
            let event: Bytes = event(source.len(), &text);
            source.push(((*key).to_owned(), event));
        }
    }

    /// How many events are there that were not taken.
    fn behind(&self) -> usize {
        let taken = usize::try_from(self.host.world.sink.next_position()).unwrap_or(usize::MAX);
        self.host.source.len().saturating_sub(taken)
    }
}

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
const CHECKPOINT_EVERY: Duration = Duration::from_secs(30);
/// How long it takes at most until it is noticed that it is gone, and how long it then takes.
const DOWN_MAX: Duration = Duration::from_secs(300);
const RESTART_AFTER: Duration = Duration::from_secs(1);
/// How many seeds run where nobody says otherwise.
const SEEDS: u64 = 20;
/// So many seeds of other tests take as long as a day does.
const SEEDS_OF_A_DAY: u64 = 100;
