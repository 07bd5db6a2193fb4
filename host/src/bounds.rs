//! The bounds of the contract, as `wit/` lists them: what a component may answer. Pure checks, so
//! that a host need not trust what it counts on.

use std::time::Duration;

use crate::contract::{
    Boundaries, Description, Error, Failure, IncompleteUpload, Metric, Progress, Rejection, Run,
    SavedState, VisibleObject,
};

/// A bound that a component broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("in `{call}`, {what}")]
pub struct Breach {
    call: &'static str,
    what: String,
}

impl Breach {
    /// Says which call broke it.
    pub(crate) fn by(call: &'static str) -> impl FnOnce(String) -> Breach {
        move |what| Breach { call, what }
    }

    /// A call took too long that may not wait.
    pub(crate) fn waited(call: &'static str, limit: Duration) -> Breach {
        let what = format!("it did not answer within {limit:?}, and this call may not wait");
        Breach { call, what }
    }
}

/// Whether something is within its bounds; otherwise what was seen, and what is allowed.
pub(crate) type Kept = Result<(), String>;

/// What a sink was given, and how far it says that it has come.
pub(crate) struct Ledger {
    durable: u64,
    /// The position after the last one written or skipped. Not known of a sink that goes on from a
    /// checkpoint and was given nothing yet.
    next: Option<u64>,
    state_bytes_max: usize,
}

impl Ledger {
    /// That of a sink just opened, which `resumes` from a checkpoint or does not.
    pub(crate) fn new(resumes: bool, state_bytes_max: usize) -> Ledger {
        Ledger { durable: 0, next: (!resumes).then_some(0), state_bytes_max }
    }

    /// A batch was taken, but for these of its events.
    pub(crate) fn write(&mut self, batch: &[Run], rejected: &[Rejection]) -> Kept {
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
        if let Some(last) = batch.last() {
            self.skip(end(last));
        }
        Ok(())
    }

    /// No position before this one is still to come.
    pub(crate) fn skip(&mut self, to: u64) {
        self.next = self.next.max(Some(to));
    }

    /// What the sink reports.
    pub(crate) fn progress(&mut self, progress: &Progress) -> Kept {
        let Progress { durable, visible, failed, notices, .. } = progress;
        if *durable < self.durable {
            return Err(format!("`durable` fell from {} to {durable}", self.durable));
        }
        if let Some(next) = self.next.filter(|next| durable > next) {
            return Err(format!(
                "`durable` is {durable}, and the next position to be written is {next}"
            ));
        }
        self.durable = *durable;
        visible.iter().try_for_each(|object| self.visible(object))?;
        failed.iter().try_for_each(|failure| self.failure(failure))?;
        if notices.len() > NOTICES_MAX {
            return Err(format!("{} notices, at most {NOTICES_MAX} are allowed", notices.len()));
        }
        notices.iter().try_for_each(|notice| text("a notice", &notice.message))
    }

    /// The bytes of a checkpoint.
    pub(crate) fn state(&self, bytes: &[u8]) -> Kept {
        state(bytes, self.state_bytes_max)
    }

    fn visible(&self, object: &VisibleObject) -> Kept {
        let VisibleObject { object_key, first, last, events, .. } = object;
        text("an object key", object_key)?;
        self.span("a visible object", *first, *last, *events)
    }

    fn failure(&self, failure: &Failure) -> Kept {
        let Failure { object_key, begun, first, last, events, cause, .. } = failure;
        text("an object key", object_key)?;
        error(cause)?;
        if begun > first {
            return Err(format!("a failure of position {first} is of an object begun at {begun}"));
        }
        self.span("a failure", *first, *last, *events)
    }

    /// So many events from one position to another.
    fn span(&self, what: &str, first: u64, last: u64, events: u64) -> Kept {
        let is_sound = events > 0 && last.checked_sub(first).is_some_and(|more| events - 1 <= more);
        if !is_sound {
            return Err(format!("{what} has {events} events from position {first} to {last}"));
        }
        match self.next {
            Some(next) if last >= next => Err(format!(
                "{what} reaches position {last}, and the next position to be written is {next}"
            )),
            _ => Ok(()),
        }
    }
}

/// The bytes of a state.
pub(crate) fn state(bytes: &[u8], bytes_max: usize) -> Kept {
    within("a state", bytes.len(), bytes_max)
}

/// What a component is.
pub(crate) fn description(description: &Description) -> Kept {
    text("the name", &description.name)?;
    text("the version", &description.version)?;
    within("the schema", description.configuration_schema.len(), SCHEMA_BYTES_MAX)
}

/// Where a component wants to connect to.
pub(crate) fn authorities(authorities: &[String]) -> Kept {
    authorities.iter().try_for_each(|authority| text("an authority", authority))
}

/// What a state holds.
pub(crate) fn saved_state(saved: &SavedState) -> Kept {
    uploads(&saved.to_abort)?;
    saved.objects.iter().try_for_each(|object| text("an object key", &object.object_key))
}

/// Incomplete uploads.
pub(crate) fn uploads(uploads: &[IncompleteUpload]) -> Kept {
    uploads.iter().try_for_each(|upload| text("an object key", &upload.object_key))
}

/// The numbers of a sink.
pub(crate) fn metrics(metrics: &[Metric]) -> Kept {
    metrics.iter().try_for_each(|metric| {
        text("the name of a metric", &metric.name)?;
        text("the help of a metric", &metric.help)?;
        let mut labels = metric.labels.iter().flat_map(|(name, value)| [name, value]);
        labels.try_for_each(|label| text("a label of a metric", label))
    })
}

/// An error.
pub(crate) fn error(error: &Error) -> Kept {
    match error {
        Error::Invalid(problems) => problems.iter().try_for_each(|problem| {
            text("the field of a problem", &problem.field)?;
            text("the message of a problem", &problem.message)
        }),
        Error::Denied(message)
        | Error::Unavailable(message)
        | Error::UnknownState(message)
        | Error::Conflict(message)
        | Error::Unsupported(message) => text("the text of an error", message),
        Error::Busy | Error::Aborted | Error::Closed => Ok(()),
    }
}

/// A text that people read, or that names something.
pub(crate) fn text(what: &str, text: &str) -> Kept {
    within(what, text.len(), TEXT_BYTES_MAX)
}

fn within(what: &str, bytes: usize, max: usize) -> Kept {
    if bytes > max {
        return Err(format!("{what} has {bytes} bytes, at most {max} are allowed"));
    }
    Ok(())
}

/// The position after a run.
fn end(run: &Run) -> u64 {
    let events = match &run.boundaries {
        Boundaries::At(ends) => ends.len() as u64,
        Boundaries::Lines(lines) => u64::from(*lines),
    };
    run.first.saturating_add(events)
}

const TEXT_BYTES_MAX: usize = 4_096;
const SCHEMA_BYTES_MAX: usize = 1 << 20;
const NOTICES_MAX: usize = 1_000;

#[cfg(test)]
mod tests;
