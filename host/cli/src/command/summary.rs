//! What a run has done, when it is over.

use crate::run::{End, Lines, NotStored, Totals};
use indicatif::{HumanBytes, HumanCount};
use serde_json::json;
use tracing::info;

use super::log::SPILLWAY;
use super::output;
use super::view::counted;

/// Prints the totals of a run on standard output, or on standard error if that fails: they cannot
/// be asked for later.
pub(crate) fn summary(totals: &Totals, end: Option<End>, seconds: f64, as_json: bool) {
    let sentence = sentence(totals, end, seconds);
    let said = if as_json {
        let mut summary = json!(totals);
        summary["end"] = json!(name(end));
        summary["seconds"] = json!((seconds * 1_000.0).round() / 1_000.0);
        output::document(&summary)
    } else {
        output::line(&sentence)
    };
    if !said {
        info!(target: SPILLWAY, event = "summary", "{sentence}");
    }
}

/// How it ended, in one word.
pub(crate) fn name(end: Option<End>) -> &'static str {
    match end {
        Some(End::Complete) => "complete",
        Some(End::Reloading) => "reloading",
        Some(End::NothingToDo) => "nothing_to_do",
        Some(End::NotBegun | End::Stopped) => "stopped",
        Some(End::Aborted) => "aborted",
        Some(End::GivenUp) => "given_up",
        None => "failed",
    }
}

/// The totals as a sentence.
pub(crate) fn sentence(totals: &Totals, end: Option<End>, seconds: f64) -> String {
    let Totals { events, rejected, filtered, failed_events, failed_objects, .. } = totals;
    let how = match (end, totals.checkpoints()) {
        (Some(End::Complete | End::Reloading), _) => "Done",
        (Some(End::NothingToDo), _) => return format!("{NOTHING_TO_DO}{}", unfinished(totals)),
        (Some(End::NotBegun), _) => return NOT_BEGUN.to_owned(),
        (Some(End::Stopped), None) => "Stopped; open objects were completed",
        (Some(End::Stopped), Some(_)) => "Stopped; open objects are saved for the next run",
        (Some(End::Aborted), None) => "Interrupted; open objects were aborted",
        (Some(End::GivenUp), None) => "Interrupted; open objects were given up",
        (Some(End::Aborted | End::GivenUp), Some(_)) => {
            "Interrupted; the objects of the last checkpoint are kept"
        }
        (None, _) => "Failed",
    };
    let what = match totals.lines_of_several_events {
        0 => {
            format!("{} of {} lines became events", HumanCount(*events), HumanCount(totals.lines))
        }
        _ => format!("{} of {}", counted(*events, "event"), counted(totals.lines, "line")),
    };
    let mut text = format!(
        "{how}: {what}, stored in {} ({}), in {seconds:.1} s.",
        counted(totals.objects, "object"),
        HumanBytes(totals.object_bytes),
    );
    add(&mut text, *rejected, "rejected");
    add(&mut text, *filtered, "filtered out");
    let is_whole = end == Some(End::Complete) && totals.restarts == 0;
    let is_from_the_start = totals.kept.as_ref().is_none_or(|k| k.resumed_from_line.is_none());
    if is_whole && is_from_the_start {
        let accounted = totals.stored_events + failed_events;
        add(&mut text, events.saturating_sub(accounted), "dropped by the component");
    }
    let of_objects = match failed_objects {
        0 => String::new(),
        count => format!(", of {}", counted(*count, "object")),
    };
    add(&mut text, *failed_events, &format!("not stored{of_objects}"));
    if let Some(not_stored) = &totals.not_stored {
        text.push_str(&format!(" The events that were not stored {}.", place(not_stored)));
    }
    add(&mut text, totals.dead_letters, "written as dead letters");
    if totals.restarts > 0 {
        let times = counted(totals.restarts, "time");
        text.push_str(&format!(" The component trapped and was restarted {times}."));
    }
    if let Some(kept) = &totals.kept {
        let stored = counted(kept.checkpoints, "checkpoint");
        text.push_str(&format!(
            " {stored} stored; the next run starts at line {}{}.",
            HumanCount(kept.next_line),
            match kept.next_line_taken {
                0 => String::new(),
                taken => format!(", after {} of it", counted(taken, "event")),
            }
        ));
    }
    if let Some(count) = totals.checkpoints_of_partitions {
        text.push_str(&format!(" {} stored.", counted(count, "checkpoint")));
    }
    text.push_str(&unfinished(totals));
    text
}

/// Where events are: exactly, as far as that can be read.
fn place(NotStored { between, ranges }: &NotStored) -> String {
    let range = |Lines { first, last }: &Lines| match first == last {
        true => HumanCount(*first).to_string(),
        false => format!("{} to {}", HumanCount(*first), HumanCount(*last)),
    };
    match ranges.as_deref() {
        None => format!(
            "are between lines {} and {}",
            HumanCount(between.first),
            HumanCount(between.last)
        ),
        Some([Lines { first, last }]) if first == last => {
            format!("are in line {}", HumanCount(*first))
        }
        Some(ranges) if ranges.len() <= RANGES_SHOWN => {
            let ranges: Vec<_> = ranges.iter().map(range).collect();
            format!("are in lines {}", ranges.join(", "))
        }
        Some(ranges) => {
            let (shown, more) = ranges.split_at(RANGES_SHOWN);
            let shown: Vec<_> = shown.iter().map(range).collect();
            let (shown, more) = (shown.join(", "), counted(more.len() as u64, "more range"));
            format!("are in lines {shown}, and {more} up to line {}", HumanCount(between.last))
        }
    }
}

fn add(text: &mut String, count: u64, what: &str) {
    if count > 0 {
        text.push_str(&format!(" {} {what}.", HumanCount(count)));
    }
}

/// The sentence about a last line without a line feed, which is not lost.
fn unfinished(totals: &Totals) -> String {
    let bytes = totals.kept.as_ref().map_or(0, |kept| kept.unfinished_bytes);
    if bytes == 0 {
        return String::new();
    }
    let wait = if bytes == 1 { "byte waits" } else { "bytes wait" };
    format!(" The last line has no line feed yet: {} {wait} for the next run.", HumanCount(bytes))
}

/// How many ranges of lines a sentence has.
const RANGES_SHOWN: usize = 10;
const NOT_BEGUN: &str =
    "Stopped before anything was read: the next run begins where this one would have.";
const NOTHING_TO_DO: &str = "Nothing to do: the whole source is stored, and it has no new lines.";
