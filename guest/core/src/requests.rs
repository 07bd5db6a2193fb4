//! Which requests wait, which are due, and which are under way.

use std::collections::{BTreeMap, VecDeque};

use crate::time::Instant;
use crate::upload::Operation;

/// Tells one attempt from all others of a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(pub u64);

/// Tells one object from all others of a sink, in the order they were begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadNumber(pub u64);

/// One request, over all its attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) upload: UploadNumber,
    pub(crate) operation: Operation,
    /// How many attempts were made.
    pub(crate) attempts: u32,
}

/// The requests of a sink that are not done.
#[derive(Default)]
pub(crate) struct Requests {
    ready: VecDeque<Task>,
    waiting: Vec<(Instant, Task)>,
    flying: BTreeMap<ExchangeId, Task>,
    exchanges: u64,
}

impl Requests {
    /// Adds a request to be sent as soon as there is room.
    pub(crate) fn add(&mut self, upload: UploadNumber, operation: Operation) {
        self.ready.push_back(Task { upload, operation, attempts: 0 });
    }

    /// Sends a request again, not before `due`.
    pub(crate) fn again(&mut self, task: Task, due: Instant) {
        self.waiting.push((due, task));
    }

    /// Sends a request again before any other.
    pub(crate) fn first(&mut self, task: Task) {
        self.ready.push_front(task);
    }

    /// The next request to send now, with a number for this attempt, while fewer than `flying_max`
    /// are under way. What is due again goes first: it is the oldest.
    pub(crate) fn take(&mut self, now: Instant, flying_max: usize) -> Option<(ExchangeId, Task)> {
        if self.flying.len() >= flying_max {
            return None;
        }
        let due = self.waiting.iter().position(|(due, _)| *due <= now);
        let mut task = match due {
            Some(index) => self.waiting.remove(index).1,
            None => self.ready.pop_front()?,
        };
        task.attempts += 1;
        let exchange = ExchangeId(self.exchanges);
        self.exchanges += 1;
        self.flying.insert(exchange, task);
        Some((exchange, task))
    }

    /// Whether something could be sent now if there were credentials.
    pub(crate) fn is_wanting(&self, now: Instant) -> bool {
        !self.ready.is_empty() || self.waiting.iter().any(|(due, _)| *due <= now)
    }

    /// The attempt is over, one way or another.
    pub(crate) fn landed(&mut self, exchange: ExchangeId) -> Option<Task> {
        self.flying.remove(&exchange)
    }

    /// Forgets the requests of `upload` that are not under way, and returns how many they were.
    pub(crate) fn forget(&mut self, upload: UploadNumber) -> usize {
        let before = self.ready.len() + self.waiting.len();
        self.ready.retain(|task| task.upload != upload);
        self.waiting.retain(|(_, task)| task.upload != upload);
        before - self.ready.len() - self.waiting.len()
    }

    /// When the next request is due that waits for its time.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.waiting.iter().map(|(due, _)| *due).min()
    }

    /// How many are under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.flying.len()
    }

    /// Whether none is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.waiting.is_empty() && self.flying.is_empty()
    }
}
