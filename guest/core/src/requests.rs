//! Which requests wait, which are due, and which are under way.

use std::collections::{BTreeMap, VecDeque};

use crate::classify::Class;
use crate::clock::Offset;
use crate::credentials::Secret;
use crate::ids::ExchangeId;
use crate::retry::History;
use crate::s3::Operation;
use crate::time::{Instant, Timestamp};

/// Whom a request is made for.
pub(crate) trait Requester: Copy + PartialEq {
    /// Whether its uploads are not begun while uploads are held back.
    fn can_be_held_back(self) -> bool;
}

/// One request, over all its attempts, and whom it is made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task<O> {
    pub(crate) owner: O,
    pub(crate) operation: Operation,
    pub(crate) history: History,
    /// What the last attempt came to; nothing before the first has ended.
    pub(crate) met: Option<Class>,
    /// When it was sent first.
    begun: Option<Instant>,
}

/// A request without its owner, who keeps it to make it again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempted(Task<()>);

impl Attempted {
    /// The same request, made for `owner`.
    pub(crate) fn of<O>(self, owner: O) -> Task<O> {
        let Task { owner: (), operation, history, met, begun } = self.0;
        Task { owner, operation, history, met, begun }
    }
}

impl<O> Task<O> {
    /// The request without its owner.
    pub(crate) fn attempted(self) -> Attempted {
        let Task { owner: _, operation, history, met, begun } = self;
        Attempted(Task { owner: (), operation, history, met, begun })
    }
}

/// How an attempt was signed, as far as its answer may say that it was wrong.
#[derive(Clone, Default)]
pub(crate) struct Signed {
    pub(crate) at: Timestamp,
    pub(crate) offset: Offset,
    pub(crate) region: String,
    /// Which credentials they were, counted from 1.
    pub(crate) generation: u64,
    /// The token that was sent along, which the answer may repeat.
    pub(crate) session_token: Option<Secret>,
}

/// An attempt that is under way.
pub(crate) struct Flying<O> {
    pub(crate) task: Task<O>,
    pub(crate) signed: Signed,
    /// When it was sent.
    pub(crate) sent: Instant,
}

/// The requests that are not done, of owners of any kind.
pub(crate) struct Requests<O> {
    ready: VecDeque<Task<O>>,
    waiting: Vec<(Instant, Task<O>)>,
    flying: BTreeMap<ExchangeId, Flying<O>>,
    exchanges: u64,
    /// What is not sent for now, while something is held back.
    held: Option<Vec<Task<O>>>,
}

impl<O> Default for Requests<O> {
    fn default() -> Self {
        let (ready, waiting, flying) = Default::default();
        Requests { ready, waiting, flying, exchanges: 0, held: None }
    }
}

impl<O: Requester> Requests<O> {
    /// Adds a request to be sent as soon as there is room.
    pub(crate) fn add(&mut self, owner: O, operation: Operation) {
        self.add_with(owner, operation, History::default());
    }

    /// Adds one of which something is known already.
    pub(crate) fn add_with(&mut self, owner: O, operation: Operation, history: History) {
        let task = Task { owner, operation, history, met: None, begun: None };
        match &mut self.held {
            Some(held) if begins_upload(&task) => held.push(task),
            _ => self.ready.push_back(task),
        }
    }

    /// Begins no upload until [`release`](Requests::release).
    pub(crate) fn hold_back(&mut self) {
        let ready = std::mem::take(&mut self.ready);
        let (held, others): (Vec<Task<O>>, Vec<Task<O>>) =
            ready.into_iter().partition(begins_upload);
        (self.held, self.ready) = (Some(held), others.into());
    }

    /// Whether no upload is begun for now.
    pub(crate) fn holds_back(&self) -> bool {
        self.held.is_some()
    }

    /// Begins uploads again, and returns for whom.
    pub(crate) fn release(&mut self) -> Vec<O> {
        let held = self.held.take().unwrap_or_default();
        self.ready.extend(&held);
        held.into_iter().map(|task| task.owner).collect()
    }

    /// Sends a request again, not before `due`.
    pub(crate) fn again(&mut self, task: Task<O>, due: Instant) {
        self.waiting.push((due, task));
    }

    /// Sends a request again before any other.
    pub(crate) fn at_once(&mut self, task: Task<O>) {
        self.ready.push_front(task);
    }

    /// The next request to send now, while fewer than `flying_max` are under way. What is due again
    /// goes first: it is the oldest.
    pub(crate) fn take(&mut self, now: Instant, flying_max: usize) -> Option<Task<O>> {
        if self.flying.len() >= flying_max {
            return None;
        }
        let due = self.waiting.iter().position(|(due, _)| *due <= now);
        let mut task = match due {
            Some(index) => self.waiting.remove(index).1,
            None => self.ready.pop_front()?,
        };
        task.begun.get_or_insert(now);
        task.history.attempts += 1;
        Some(task)
    }

    /// The attempt is under way, under a number of its own.
    pub(crate) fn fly(&mut self, task: Task<O>, signed: Signed, sent: Instant) -> ExchangeId {
        let exchange = ExchangeId(self.exchanges);
        self.exchanges += 1;
        self.flying.insert(exchange, Flying { task, signed, sent });
        exchange
    }

    /// Whether something could be sent now if there were credentials.
    pub(crate) fn is_wanting(&self, now: Instant) -> bool {
        !self.ready.is_empty() || self.waiting.iter().any(|(due, _)| *due <= now)
    }

    /// The attempt is over, one way or another.
    pub(crate) fn landed(&mut self, exchange: ExchangeId, now: Instant) -> Option<Flying<O>> {
        let mut flying = self.flying.remove(&exchange)?;
        let task = &mut flying.task;
        task.history.elapsed = task.begun.map(|begun| now.since(begun)).unwrap_or_default();
        Some(flying)
    }

    /// Forgets the requests of `owner` that are not under way, and returns how many they were.
    pub(crate) fn forget(&mut self, owner: O) -> usize {
        let before = self.waiting();
        self.ready.retain(|task| task.owner != owner);
        self.waiting.retain(|(_, task)| task.owner != owner);
        self.held.iter_mut().for_each(|held| held.retain(|task| task.owner != owner));
        before - self.waiting()
    }

    /// Forgets the requests of the owners that are `wanted` and that are not under way, and returns
    /// what they are wanted for.
    pub(crate) fn forget_where<T>(&mut self, wanted: impl Fn(O) -> Option<T>) -> Vec<T> {
        let mut forgotten = Vec::new();
        let mut keep = |task: &Task<O>| {
            let found = wanted(task.owner);
            let keep = found.is_none();
            forgotten.extend(found);
            keep
        };
        self.ready.retain(|task| keep(task));
        self.waiting.retain(|(_, task)| keep(task));
        forgotten
    }

    /// When the next request is due that is not under way: `now` where one is ready.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        let ready = (!self.ready.is_empty()).then_some(now);
        ready.or_else(|| self.waiting.iter().map(|(due, _)| *due).min())
    }

    /// How many are under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.flying.len()
    }

    /// Whether none is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting() == 0 && self.flying.is_empty()
    }

    fn waiting(&self) -> usize {
        self.ready.len() + self.waiting.len() + self.held.as_ref().map_or(0, Vec::len)
    }
}

fn begins_upload<O: Requester>(task: &Task<O>) -> bool {
    task.operation == Operation::CreateMultipartUpload && task.owner.can_be_held_back()
}
