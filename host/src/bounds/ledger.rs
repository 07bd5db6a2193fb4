//! What a sink was given, and what it says of it: an answer is taken only where it fits all that
//! came before.

use std::collections::BTreeSet;
use std::slice;
use std::time::Duration;

use super::{Kept, TEXT_BYTES_MAX, error, many, text, within};
use crate::contract::{
    Boundaries, Ending, Failure, Notice, Progress, Rejection, Run, VisibleObject,
};
use crate::engine::Limits;

/// What a sink was given, and how far it says that it has come.
pub(crate) struct Ledger {
    durable: u64,
    /// How much was written, at most. A sink that goes on from a checkpoint has what an earlier one
    /// was given, too: no more than there are positions before its own, once those are known.
    accepted: Option<u64>,
    /// How many events it has reported, in visible objects and in failures.
    reported: u64,
    /// The first events of what it has reported, as far as they are not durable.
    firsts: BTreeSet<u64>,
    /// The position after the last one written or skipped. Not known of a sink that goes on from a
    /// checkpoint and was given nothing yet.
    next: Option<u64>,
    key_bytes_max: usize,
    limits: Limits,
    notice_bytes: u64,
    object_bytes: u64,
    /// The commits in a row that it wanted, and after which nothing moved.
    idle_commits: u32,
    /// The requests that had ended when it was last looked.
    requests: u64,
}

/// The call whose progress is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// By `poll`.
    Poll,
    /// By `flush`.
    Flush,
    /// By `close`.
    Close(Ending),
}

/// What its host knows of a sink without asking it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// How long the sink has been open.
    pub(crate) open: Duration,
    /// How many of its requests have ended.
    pub(crate) requests: u64,
}

impl Ledger {
    /// That of a sink just opened, which `resumes` from a checkpoint or does not.
    pub(crate) fn new(resumes: bool, limits: Limits) -> Ledger {
        Ledger {
            durable: 0,
            accepted: (!resumes).then_some(0),
            reported: 0,
            firsts: BTreeSet::new(),
            next: (!resumes).then_some(0),
            key_bytes_max: TEXT_BYTES_MAX,
            limits,
            notice_bytes: 0,
            object_bytes: 0,
            idle_commits: 0,
            requests: 0,
        }
    }

    /// A batch was taken, but for these of its events.
    pub(crate) fn write(&mut self, batch: &[Run], rejected: &[Rejection]) -> Kept {
        self.took(batch, rejected, batch.last().map(end))
    }

    /// A batch was taken up to this event.
    pub(crate) fn write_until(&mut self, batch: &[Run], rejected: Option<&Rejection>) -> Kept {
        let until = rejected.map(|rejected| rejected.position.saturating_add(1));
        let rejected = rejected.map(slice::from_ref).unwrap_or_default();
        self.took(batch, rejected, until.or_else(|| batch.last().map(end)))
    }

    /// A batch was taken before position `until`, but for these of its events.
    fn took(&mut self, batch: &[Run], rejected: &[Rejection], until: Option<u64>) -> Kept {
        let mut positions = batch.iter().map(|run| run.first..end(run)).peekable();
        let mut least = 0;
        for Rejection { position, reason } in rejected {
            text("the reason of a rejection", reason)?;
            if *position < least {
                return Err(format!(
                    "position {position} is rejected after {}, and rejections rise",
                    least - 1
                ));
            }
            while positions.next_if(|run| run.end <= *position).is_some() {}
            if !positions.peek().is_some_and(|run| run.contains(position)) {
                return Err(format!(
                    "position {position} is rejected, and the batch has no such position"
                ));
            }
            least = position.saturating_add(1);
        }
        let until = until.unwrap_or_default();
        let events = |run: &Run| end(run).min(until).saturating_sub(run.first);
        let accepted = batch.iter().map(events).sum::<u64>().saturating_sub(rejected.len() as u64);
        self.accepted = self.accepted.map(|sum| sum.saturating_add(accepted));
        let longest = batch.iter().map(|run| run.key.len()).max();
        self.key_bytes_max = self.key_bytes_max.max(longest.unwrap_or_default());
        if !batch.is_empty() {
            self.skip(until);
        }
        Ok(())
    }

    /// Of a sink that goes on from a checkpoint: the position that it was stored with. No earlier
    /// one is still to come.
    pub(crate) fn begin_at(&mut self, position: u64) {
        // Each position has one event, or none.
        self.accepted.get_or_insert(position);
        self.skip(position);
    }

    /// No position before this one is still to come.
    pub(crate) fn skip(&mut self, to: u64) {
        self.next = self.next.max(Some(to));
    }

    /// A checkpoint was committed.
    pub(crate) fn commit(&mut self) {
        self.idle_commits += 1;
    }

    /// What the sink reports.
    pub(crate) fn progress(&mut self, progress: &Progress, told: Told, seen: Seen) -> Kept {
        let Progress { durable, visible, failed, notices, wants_checkpoint, .. } = progress;
        self.durable(*durable)?;
        visible.iter().try_for_each(|object| self.visible(object))?;
        failed.iter().try_for_each(|failure| self.failure(failure))?;
        if let Some(accepted) = self.accepted.filter(|accepted| self.reported > *accepted) {
            return Err(format!(
                "{} events are visible or failed, and no more than {accepted} were accepted",
                self.reported
            ));
        }
        let has_moved = *durable > self.durable
            || !(visible.is_empty() && failed.is_empty())
            || seen.requests > self.requests;
        self.durable = *durable;
        self.firsts = self.firsts.split_off(durable);
        self.notices(notices, seen.open)?;
        self.ended(told, *wants_checkpoint)?;
        self.requests = seen.requests;
        if has_moved || !wants_checkpoint {
            self.idle_commits = 0;
        }
        if self.idle_commits >= IDLE_COMMITS_MAX {
            return Err(format!(
                "`wants-checkpoint` is still true after {} commits, and nothing has moved",
                self.idle_commits
            ));
        }
        Ok(())
    }

    /// The bytes of a checkpoint.
    pub(crate) fn state(&self, bytes: &[u8]) -> Kept {
        super::state(bytes, &self.limits)
    }

    fn durable(&self, durable: u64) -> Kept {
        if durable < self.durable {
            return Err(format!("`durable` fell from {} to {durable}", self.durable));
        }
        match self.next_max() {
            next if durable > next => Err(format!(
                "`durable` is {durable}, and the next position to be written is {next}"
            )),
            _ => Ok(()),
        }
    }

    /// The position after the last one that it may know.
    fn next_max(&self) -> u64 {
        self.next.unwrap_or(POSITION_MAX)
    }

    /// What has come to its end has stored, rejected or reported all that it was given.
    fn ended(&self, told: Told, wants_checkpoint: bool) -> Kept {
        let (call, is_ended) = match told {
            Told::Poll | Told::Close(Ending::Abort | Ending::Suspend) => return Ok(()),
            Told::Flush => ("flush", !wants_checkpoint),
            Told::Close(Ending::Complete) => ("close", true),
        };
        match self.next.filter(|next| is_ended && self.durable < *next) {
            Some(next) => Err(format!(
                "`durable` is {} when `{call}` is done, and everything before {next} was written",
                self.durable
            )),
            None => Ok(()),
        }
    }

    fn notices(&mut self, notices: &[Notice], open: Duration) -> Kept {
        many("notices", notices.len(), NOTICES_MAX)?;
        notices.iter().try_for_each(|notice| text("a notice", &notice.message))?;
        self.notice_bytes += notices.iter().map(|n| n.message.len() as u64).sum::<u64>();
        let max = NOTICE_BYTES_MAX + NOTICE_BYTES_A_SECOND * open.as_secs();
        if self.notice_bytes > max {
            return Err(format!(
                "its notices have {} bytes in all, at most {max} are allowed after {} seconds",
                self.notice_bytes,
                open.as_secs()
            ));
        }
        Ok(())
    }

    fn visible(&mut self, object: &VisibleObject) -> Kept {
        let VisibleObject { key, object_key, first, last, events, bytes, .. } = object;
        self.names(key, object_key)?;
        self.object_bytes = self.object_bytes.saturating_add(*bytes);
        if *bytes > OBJECT_BYTES_MAX || self.object_bytes > OBJECTS_BYTES_MAX {
            return Err(format!("a visible object has {bytes} bytes, which no store has room for"));
        }
        self.span("a visible object", *first, *last, *events)
    }

    fn failure(&mut self, failure: &Failure) -> Kept {
        let Failure { key, object_key, begun, first, last, events, cause } = failure;
        self.names(key, object_key)?;
        error(cause)?;
        if begun > first {
            return Err(format!("a failure of position {first} is of an object begun at {begun}"));
        }
        self.span("a failure", *first, *last, *events)
    }

    fn names(&self, key: &str, object_key: &str) -> Kept {
        within("the key of an event", key.len(), self.key_bytes_max)?;
        text("an object key", object_key)
    }

    /// So many events from one position to another, which were not reported before.
    fn span(&mut self, what: &str, first: u64, last: u64, events: u64) -> Kept {
        let is_sound = events > 0 && last.checked_sub(first).is_some_and(|more| events - 1 <= more);
        if !is_sound {
            return Err(format!("{what} has {events} events from position {first} to {last}"));
        }
        let next = self.next_max();
        if last >= next {
            return Err(format!(
                "{what} reaches position {last}, and the next position to be written is {next}"
            ));
        }
        // What it said to be durable was visible, or had failed, before it said so.
        if first < self.durable {
            return Err(format!(
                "{what} begins at position {first}, and all before {} was durable already",
                self.durable
            ));
        }
        if !self.firsts.insert(first) {
            return Err(format!("position {first} is reported twice, now in {what}"));
        }
        self.reported = self.reported.saturating_add(events);
        Ok(())
    }
}

/// The position after a run.
fn end(run: &Run) -> u64 {
    run.first.saturating_add(events(run))
}

fn events(run: &Run) -> u64 {
    match &run.boundaries {
        Boundaries::At(ends) => ends.len() as u64,
        Boundaries::Lines(lines) => u64::from(*lines),
    }
}

pub(super) const NOTICES_MAX: usize = 1_000;
/// What a sink may say at its beginning.
pub(super) const NOTICE_BYTES_MAX: u64 = 16 << 20;
/// And what more for each second: a thousand sentences.
pub(super) const NOTICE_BYTES_A_SECOND: u64 = 256 << 10;
pub(super) const IDLE_COMMITS_MAX: u32 = 100;
/// A pebibyte, more than an object of any store; and of all of them so much that no sum overflows.
pub(super) const OBJECT_BYTES_MAX: u64 = 1 << 50;
const OBJECTS_BYTES_MAX: u64 = 1 << 60;
/// As far as positions are not known.
pub(super) const POSITION_MAX: u64 = 1 << 62;
