//! Whether a flow goes on from a checkpoint: with its sink, and with what stands before that.

use crate::checkpoint::{Checkpoint, Through, Untaken};
use crate::cut;
use crate::lanes::{self, LaneSettings, configured};
use spillway::component::Component;
use spillway::contract::Error;
use spillway::egress::Passage;
use spillway::grants::Grants;
use spillway::sink::SinkError;

use super::Plan;

/// Whether a sink goes on from a checkpoint.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It does, with what it held.
    Resumes,
    /// It begins anew there: it is configured otherwise in these fields, and held nothing.
    BeginsAnew(String),
    /// It does not, or takes none: why.
    Not(String),
}

/// Whether the sink of a plan goes on from a checkpoint.
pub(super) async fn fit_of(plan: &Plan, found: &Checkpoint) -> Result<Fit, SinkError> {
    let Plan { sink, config, grants, lanes, transforms, .. } = plan;
    let before = Before { transforms: &transforms.identity(), are_read_again: false };
    fit(sink, config, grants, *lanes, &before, Some(found)).await
}

/// Whether a sink of this configuration goes on from a checkpoint. Makes no request: a sink that
/// holds nothing says of itself what its checkpoints depend on.
pub(super) async fn fit(
    sink: &Component,
    config: &str,
    grants: &Grants,
    lanes: LaneSettings,
    before: &Before<'_>,
    found: Option<&Checkpoint>,
) -> Result<Fit, SinkError> {
    let found = found.filter(|found| !found.state.is_empty());
    let count = lanes.count(found.map(|found| found.state.as_slice()));
    let config = [configured(config, 0, count)];
    let mut open = lanes::open(sink, &config, None, grants, Passage::new()).await?;
    let fresh = match open.checkpoint().await {
        Ok(fresh) => fresh,
        Err(SinkError::Refused(Error::Unsupported(text))) => {
            return Ok(Fit::Not(format!("the component does not support checkpoints: {text}")));
        }
        Err(error) => return Err(error),
    };
    let Some(found) = found else { return Ok(Fit::Resumes) };
    // The memory that holds what a sink of this configuration held has room to look at it.
    let saved = match open.inspect_state(&found.state).await {
        Ok(saved) => saved,
        Err(SinkError::Refused(error)) => {
            return Ok(Fit::Not(spillway::sink::explain(&error)));
        }
        Err(error) => return Err(error),
    };
    let mut now = open.inspect_state(&fresh).await?.configuration;
    let (mut then, lanes_then) = (saved.configuration, lanes::count(&found.state));
    if count.max(lanes_then) > 1 {
        lanes::name(&mut then, lanes_then);
        lanes::name(&mut now, count);
    }
    let differences = differences(&then, &now);
    let (objects, uploads) = (saved.objects.len(), saved.to_abort.len());
    if differences.is_empty() {
        let may_fail = before.are_read_again && objects > 0;
        let changed = changed(&found.writer.transforms, before.transforms).filter(|_| may_fail);
        let Some(changed) = changed else { return Ok(Fit::Resumes) };
        let (which, their) = if objects == 1 { ("object", "its") } else { ("objects", "their") };
        return Ok(Fit::Not(format!(
            "{changed} since the checkpoint, which has {objects} {which} that may still fail: \
             {their} events would become other dead letters. Restore that until the source is \
             read to its end, or write on_failed = \"stop\" in [sink] for that long"
        )));
    }
    let untaken = found.untaken.as_ref().map_or(0, Untaken::events);
    if objects + uploads == 0 && untaken == 0 {
        return Ok(Fit::BeginsAnew(differences));
    }
    let (count, what, done) = match (objects, uploads) {
        (0, 0) => (untaken as usize, "untaken event", "store"),
        (0, _) => (uploads, "incomplete upload", "abort"),
        _ => (objects, "open object", "complete"),
    };
    let plural = if count == 1 { "" } else { "s" };
    Ok(Fit::Not(format!(
        "the checkpoint has another configuration of the sink: {differences}. Only with that the \
         run can {done} {count} {what}{plural}. Restore it; or, to start over, remove the \
         checkpoint: then every event is stored again"
    )))
}

/// Fields of the configuration that a state depends on, where they have other values now. They are
/// a component's words: there may be many, and long ones.
fn differences(saved: &[(String, String)], now: &[(String, String)]) -> String {
    let others: Vec<_> = saved.iter().filter(|field| !now.contains(field)).collect();
    let others = others.into_iter().map(|(name, value)| {
        let now = now.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let [value, now] = [value.as_str(), now.unwrap_or_default()].map(cut::said);
        format!("`{}` was \"{value}\", but is now \"{now}\"", cut::said(name))
    });
    cut::list(others, SHOWN_MAX)
}

/// What stands before the sink of a flow.
pub(crate) struct Before<'a> {
    pub(super) transforms: &'a [Through],
    /// Whether events are read again that an earlier run gave to the sink, since their objects may
    /// fail: they must come to the sink as they did then.
    pub(super) are_read_again: bool,
}

/// How the transforms differ from those that events passed before, if they do.
fn changed(before: &[Through], now: &[Through]) -> Option<String> {
    let count = |through: &[Through]| match through.len() {
        1 => "1 [[transform]]".to_owned(),
        count => format!("{count} [[transform]]"),
    };
    if before.len() != now.len() {
        return Some(format!("the flow had {}, and has {}", count(before), count(now)));
    }
    before.iter().zip(now).enumerate().find_map(|(index, (before, now))| {
        let name = |through: &Through| format!("{} {}", through.name, through.version);
        if before.component != now.component {
            let (before, now) = (name(before), name(now));
            let was = if before == now { format!("another build of {now}") } else { before };
            return Some(format!("transform[{index}].component was {was}"));
        }
        let is_other = before.config != now.config;
        is_other.then(|| format!("transform[{index}].config was changed"))
    })
}

/// As many fields as a flow seldom changes at once.
const SHOWN_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, value: &str) -> Vec<(String, String)> {
        (0..count).map(|n| (format!("field{n}"), value.to_owned())).collect()
    }

    #[test]
    fn what_differs_is_named_with_both_values() {
        assert_eq!(differences(&values(3, "a"), &values(3, "a")), "");
        let said = differences(&values(2, "a"), &values(1, "b"));
        assert_eq!(
            said,
            "`field0` was \"a\", but is now \"b\", `field1` was \"a\", but is now \"\""
        );
    }

    /// As many values as the contract allows, and as long.
    #[test]
    fn no_difference_fills_the_screen() {
        let long = "\u{202e}".repeat(20_000);
        let saved: Vec<_> = (0..1_000).map(|n| (format!("{n}{long}"), long.clone())).collect();
        let said = differences(&saved, &[]);
        assert!(said.chars().count() < 5_000, "{} characters", said.chars().count());
        assert!(said.ends_with(" and 990 more"), "{said}");
    }
}
