//! The bounds of the contract, as `wit/` lists them: what a component may answer. Pure checks, so
//! that a host need not trust what it counts on.

mod ledger;

use crate::contract::{
    Description, Error, IncompleteUpload, Metric, MetricValue, SavedState, StoredState,
};
use crate::engine::Limits;

pub(crate) use ledger::{Ledger, Seen, Told};

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
    pub(crate) fn waited(call: &'static str, limits: &Limits) -> Breach {
        let what = format!(
            "it did not answer within {:?}, and this call may not wait; {}",
            limits.prompt_call_max,
            limits.raised_by("prompt_call_max")
        );
        Breach { call, what }
    }
}

/// Whether something is within its bounds; otherwise what was seen, and what is allowed.
pub(crate) type Kept = Result<(), String>;

/// The bytes of a state.
pub(crate) fn state(bytes: &[u8], limits: &Limits) -> Kept {
    within("a state", bytes.len(), limits.state_bytes_max)
        .map_err(|what| format!("{what}; {}", limits.raised_by("state_bytes_max")))
}

/// The state that a host left.
pub(crate) fn stored_state(stored: &StoredState, limits: &Limits) -> Kept {
    text("the version", &stored.version)?;
    state(&stored.bytes, limits)
}

/// What a component is.
pub(crate) fn description(description: &Description) -> Kept {
    text("the name", &description.name)?;
    text("the version", &description.version)?;
    within("the schema", description.configuration_schema.len(), SCHEMA_BYTES_MAX)
}

/// Where a component wants to connect to.
pub(crate) fn authorities(authorities: &[String]) -> Kept {
    many("authorities", authorities.len(), AUTHORITIES_MAX)?;
    authorities.iter().try_for_each(|authority| {
        text("an authority", authority)?;
        match authority.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(()),
            false => Err("an authority has characters that no host has".to_owned()),
        }
    })
}

/// What a state of so many bytes holds.
pub(crate) fn saved_state(saved: &SavedState, state_bytes: usize) -> Kept {
    uploads(&saved.to_abort)?;
    many("values of a configuration", saved.configuration.len(), VALUES_MAX)?;
    saved.configuration.iter().try_for_each(|(name, value)| {
        text("the name of a value", name)?;
        within("a value of a configuration", value.len(), VALUE_BYTES_MAX)
    })?;
    many("objects in a state", saved.objects.len(), OBJECTS_MAX)?;
    saved.objects.iter().try_for_each(|object| {
        text("an object key", &object.object_key)?;
        // Whatever was written, it holds no key that is longer than it is.
        within("the key of an event", object.key.len(), state_bytes.max(TEXT_BYTES_MAX))
    })
}

/// Incomplete uploads.
pub(crate) fn uploads(uploads: &[IncompleteUpload]) -> Kept {
    many("incomplete uploads", uploads.len(), UPLOADS_MAX)?;
    uploads.iter().try_for_each(|upload| text("an object key", &upload.object_key))
}

/// The numbers of a sink.
pub(crate) fn metrics(metrics: &[Metric]) -> Kept {
    many("metrics", metrics.len(), METRICS_MAX)?;
    metrics.iter().try_for_each(|metric| {
        text("the name of a metric", &metric.name)?;
        text("the help of a metric", &metric.help)?;
        many("labels of a metric", metric.labels.len(), LABELS_MAX)?;
        let mut labels = metric.labels.iter().flat_map(|(name, value)| [name, value]);
        labels.try_for_each(|label| text("a label of a metric", label))?;
        match &metric.value {
            MetricValue::Histogram(of) => many("buckets", of.buckets.len(), BUCKETS_MAX),
            MetricValue::Counter(_) | MetricValue::Gauge(_) => Ok(()),
        }
    })
}

/// An error.
pub(crate) fn error(error: &Error) -> Kept {
    match error {
        Error::Invalid(problems) => {
            many("problems", problems.len(), PROBLEMS_MAX)?;
            problems.iter().try_for_each(|problem| {
                text("the field of a problem", &problem.field)?;
                text("the message of a problem", &problem.message)
            })?;
            let bytes = problems.iter().map(|p| p.field.len() + p.message.len()).sum();
            within("the text of all problems", bytes, PROBLEMS_BYTES_MAX)
        }
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

fn many(what: &str, count: usize, max: usize) -> Kept {
    if count > max {
        return Err(format!("{count} {what}, at most {max} are allowed"));
    }
    Ok(())
}

/// How much an answer may have, all of its lists and texts together. States have a bound of their
/// own.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;

const TEXT_BYTES_MAX: usize = 4_096;
const SCHEMA_BYTES_MAX: usize = 1 << 20;
const AUTHORITIES_MAX: usize = 100;
const PROBLEMS_MAX: usize = 100;
const PROBLEMS_BYTES_MAX: usize = 64 << 10;
const UPLOADS_MAX: usize = 10_000;
const OBJECTS_MAX: usize = 100_000;
const VALUES_MAX: usize = 1_000;
const VALUE_BYTES_MAX: usize = 64 << 10;
const METRICS_MAX: usize = 1_000;
const LABELS_MAX: usize = 16;
const BUCKETS_MAX: usize = 256;

#[cfg(test)]
mod tests;
