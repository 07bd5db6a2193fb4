//! The queue of calls: ready, delayed, and in flight.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::call::Call;
use super::retry::History;
use super::signer::Signed;
use super::verdict::Class;
use super::{Patience, Requester};
use crate::time::Instant;

/// The id of one attempt, unique within a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(pub u64);

/// One call with the history of its attempts.
pub(super) struct Task<O> {
    pub(super) owner: O,
    pub(super) call: Call,
    pub(super) history: History,
    /// The class of the last attempt. `None` before the first attempt has ended.
    pub(super) last_class: Option<Class>,
    /// Whether the call was cancelled. The attempt in flight is the last one.
    pub(super) is_cancelled: bool,
    /// When the first attempt was sent.
    begun: Option<Instant>,
}

impl<O> Task<O> {
    pub(super) fn new(owner: O, call: Call, history: History) -> Task<O> {
        Task { owner, call, history, last_class: None, is_cancelled: false, begun: None }
    }

    /// The same call for another owner.
    pub(super) fn of<P>(self, owner: P) -> Task<P> {
        let Task { owner: _, call, history, last_class, is_cancelled, begun } = self;
        Task { owner, call, history, last_class, is_cancelled, begun }
    }
}

/// An attempt in flight.
pub(super) struct InFlight<O> {
    pub(super) task: Task<O>,
    pub(super) signed: Signed,
    /// When it was sent.
    pub(super) sent: Instant,
}

/// The calls that are not done.
pub(super) struct Queue<O> {
    /// Calls that a person or a resuming sink waits for.
    urgent: VecDeque<Task<O>>,
    ready: VecDeque<Task<O>>,
    delayed: Vec<(Instant, Task<O>)>,
    in_flight: BTreeMap<ExchangeId, InFlight<O>>,
    exchanges: u64,
}

impl<O> Default for Queue<O> {
    fn default() -> Self {
        let (urgent, ready, delayed, in_flight) = Default::default();
        Queue { urgent, ready, delayed, in_flight, exchanges: 0 }
    }
}

impl<O: Requester> Queue<O> {
    /// Adds a call. It is sent as soon as the window permits.
    pub(super) fn push(&mut self, task: Task<O>) {
        match task.owner.patience() {
            Patience::Interactive => self.urgent.push_back(task),
            Patience::Configured | Patience::Background => self.ready.push_back(task),
        }
    }

    /// Adds a call to retry at `due`.
    pub(super) fn retry_at(&mut self, task: Task<O>, due: Instant) {
        self.delayed.push((due, task));
    }

    /// Adds a call to retry before all others.
    pub(super) fn retry_now(&mut self, task: Task<O>) {
        self.ready.push_front(task);
    }

    /// Removes and returns the next call to send. `None` if `in_flight_max` calls are in flight.
    /// Urgent calls come first, then the oldest, which is a retry that is due.
    pub(super) fn pop(&mut self, now: Instant, in_flight_max: usize) -> Option<Task<O>> {
        if self.in_flight.len() >= in_flight_max {
            return None;
        }
        let due = || self.delayed.iter().position(|(due, _)| *due <= now);
        let mut task = match self.urgent.pop_front() {
            Some(task) => task,
            None => match due() {
                Some(index) => self.delayed.remove(index).1,
                None => self.ready.pop_front()?,
            },
        };
        task.begun.get_or_insert(now);
        task.history.attempts += 1;
        Some(task)
    }

    /// Marks a call as in flight. Returns the id of the attempt.
    pub(super) fn dispatch(&mut self, task: Task<O>, signed: Signed, sent: Instant) -> ExchangeId {
        let exchange = ExchangeId(self.exchanges);
        self.exchanges += 1;
        self.in_flight.insert(exchange, InFlight { task, signed, sent });
        exchange
    }

    /// Removes and returns an attempt that has ended.
    pub(super) fn complete(&mut self, exchange: ExchangeId, now: Instant) -> Option<InFlight<O>> {
        let mut ended = self.in_flight.remove(&exchange)?;
        let elapsed = ended.task.begun.map(|begun| now.since(begun));
        ended.task.history.elapsed = elapsed.unwrap_or(Duration::ZERO);
        Some(ended)
    }

    /// Whether a call could be sent now if there were credentials.
    pub(super) fn has_due(&self, now: Instant) -> bool {
        self.has_ready() || self.delayed.iter().any(|(due, _)| *due <= now)
    }

    /// Removes the calls of `owner` that are not in flight, and returns their number. Those in
    /// flight are marked as cancelled, and not retried.
    pub(super) fn cancel(&mut self, owner: O) -> usize {
        for InFlight { task, .. } in self.in_flight.values_mut() {
            task.is_cancelled |= task.owner == owner;
        }
        self.withdraw(|other| (other == owner).then_some(())).len()
    }

    /// Removes the calls whose owner `wanted` maps to a value, except those in flight. Returns the
    /// values.
    pub(super) fn withdraw<T>(&mut self, wanted: impl Fn(O) -> Option<T>) -> Vec<T> {
        let mut withdrawn = Vec::new();
        let mut stays = |task: &Task<O>| {
            let found = wanted(task.owner);
            let stays = found.is_none();
            withdrawn.extend(found);
            stays
        };
        self.urgent.retain(|task| stays(task));
        self.ready.retain(|task| stays(task));
        self.delayed.retain(|(_, task)| stays(task));
        withdrawn
    }

    /// When the next call that is not in flight is due. `now` if one is ready.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        let ready = self.has_ready().then_some(now);
        ready.or_else(|| self.delayed.iter().map(|(due, _)| *due).min())
    }

    /// The number of calls in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether there are no calls.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_ready() && self.delayed.is_empty() && self.in_flight.is_empty()
    }

    fn has_ready(&self) -> bool {
        !self.urgent.is_empty() || !self.ready.is_empty()
    }
}
