//! One bucket and one time for several worlds, each with a core of its own. They take turns: what
//! they share is handed to the one whose turn it is, and taken back after it.

use std::time::Duration;

use super::World;
use super::events::Event;
use crate::bucket::Bucket;

/// What several worlds share.
pub struct Shared {
    /// The bucket.
    pub bucket: Bucket,
    elapsed: u64,
    trace: Vec<String>,
}

impl Shared {
    /// A bucket at the beginning of time.
    pub fn new(bucket: Bucket) -> Shared {
        Shared { bucket, elapsed: 0, trace: Vec::new() }
    }

    /// How long the worlds have been running.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed)
    }

    /// What happened in all of them, line by line.
    pub fn trace(&self) -> &[String] {
        &self.trace
    }
}

impl World {
    /// The world as one of several with one seed: its random numbers, and the nonces of its core,
    /// are others than theirs.
    #[must_use]
    pub fn as_one_of_several(mut self, number: u64) -> World {
        self.life = number << 32;
        let seed = self.seed ^ number.wrapping_mul(0xA076_1D64_78BD_642F);
        self.random = fastrand::Rng::with_seed(seed);
        self
    }

    /// Hands over what is shared, or takes it back. No time of either is before the other's then.
    pub fn exchange(&mut self, shared: &mut Shared) {
        std::mem::swap(&mut self.bucket, &mut shared.bucket);
        std::mem::swap(&mut self.trace, &mut shared.trace);
        let elapsed = self.elapsed.max(shared.elapsed);
        (self.elapsed, shared.elapsed) = (elapsed, elapsed);
    }

    /// Until then the core stands still: it is not woken, and hears no answer. What it has sent
    /// goes on its way.
    pub fn pause(&mut self, until: Duration) {
        let until = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        self.paused_until = self.paused_until.max(until);
        let queue = std::mem::take(&mut self.queue);
        self.queue.extend(queue.into_iter().map(|((at, number), event)| match event {
            Event::Lands { .. } => ((at.max(until), number), event),
            Event::Arrives(_) => ((at, number), event),
        }));
    }

    /// When the next thing happens by itself.
    pub fn next_at(&self) -> Option<Duration> {
        self.next().map(Duration::from_nanos)
    }

    /// Lets time pass up to then, in which nothing happens by itself.
    pub fn advance(&mut self, to: Duration) {
        let to = u64::try_from(to.as_nanos()).unwrap_or(u64::MAX);
        self.elapsed = self.elapsed.max(to);
    }
}
