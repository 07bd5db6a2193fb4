//! What the thread of a member is told, and how it waits for that.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Assignment;

/// Tells the thread of a member what to do. Clones tell the same thread.
#[derive(Clone, Default)]
pub struct Hand(Arc<Bell>);

#[derive(Default)]
struct Bell {
    inner: Mutex<Inner>,
    rung: Condvar,
}

#[derive(Default)]
struct Inner {
    told: Vec<Told>,
    is_rung: bool,
}

/// A partition that is to be read.
pub(super) struct Start {
    pub(super) of: Assignment,
    /// From which offset on; where there is none, from where the group is.
    pub(super) from: Option<u64>,
}

/// What the thread is told.
pub(super) enum Told {
    /// Read this partition.
    Start(Start),
    /// All records of this partition before this offset are stored.
    Durable(Assignment, u64),
    /// This partition was taken over from a process that had not let go of it.
    TakenOver,
    /// Nobody reads this partition any more.
    Released(Assignment),
    /// Leave the group.
    Leave,
}

impl Hand {
    /// Reads a partition, from this offset on; where there is none, from where the group is, or
    /// where the flow says.
    pub fn start(&self, of: &Assignment, from: Option<u64>) {
        self.tell(Told::Start(Start { of: of.clone(), from }), true);
    }

    /// All records of a partition before this offset are stored, or dealt with otherwise.
    pub fn durable(&self, of: &Assignment, offset: u64) {
        // It is committed when it is time for that.
        self.tell(Told::Durable(of.clone(), offset), false);
    }

    /// A partition was taken over from a process that had not let go of it.
    pub fn taken_over(&self) {
        self.tell(Told::TakenOver, false);
    }

    /// Nobody reads a partition any more, and nothing more of it will be stored.
    pub fn released(&self, of: &Assignment) {
        self.tell(Told::Released(of.clone()), true);
    }

    /// Leaves the group.
    pub(super) fn leave(&self) {
        self.tell(Told::Leave, true);
    }

    /// These were told, and are to be heard the next time: before what was told since, and at once.
    pub(super) fn put_back(&self, starts: Vec<Start>) {
        let mut inner = self.lock();
        let since = mem::take(&mut inner.told);
        inner.told = starts.into_iter().map(Told::Start).chain(since).collect();
        inner.is_rung = true;
        self.0.rung.notify_one();
    }

    /// There is something to look at.
    pub(super) fn ring(&self) {
        self.lock().is_rung = true;
        self.0.rung.notify_one();
    }

    /// Waits until somebody rings, but not for longer than this. Returns what was told.
    pub(super) fn wait(&self, longest: Duration) -> Vec<Told> {
        let until = Instant::now() + longest;
        let mut inner = self.lock();
        while !inner.is_rung
            && let Some(left) = until.checked_duration_since(Instant::now())
            && !left.is_zero()
        {
            let waited = self.0.rung.wait_timeout(inner, left);
            (inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        inner.is_rung = false;
        mem::take(&mut inner.told)
    }

    fn tell(&self, told: Told, rings: bool) {
        let mut inner = self.lock();
        inner.told.push(told);
        if rings {
            inner.is_rung = true;
            self.0.rung.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing under the lock leaves it half changed.
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Partition;

    #[test]
    fn what_is_put_back_is_heard_at_once_and_before_what_was_told_since() {
        let hand = Hand::default();
        let of = |number| {
            let partition = Arc::new(Partition { topic: "t".to_owned(), number });
            Assignment { partition, epoch: 0 }
        };
        let start = |number| Start { of: of(number), from: None };
        hand.start(&of(2), None);
        hand.put_back(vec![start(0), start(1)]);
        let begun = Instant::now();
        let heard = hand.wait(LONG);
        assert!(begun.elapsed() < LONG);
        let number = |told: &Told| match told {
            Told::Start(start) => Some(start.of.partition.number),
            _ => None,
        };
        let numbers: Vec<_> = heard.iter().filter_map(number).collect();
        assert_eq!(numbers, [0, 1, 2]);
    }

    const LONG: Duration = Duration::from_secs(60);
}
