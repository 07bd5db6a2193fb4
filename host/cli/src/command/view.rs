//! A run in two lines, as wide as there is room.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::telemetry::View;
use indicatif::{HumanBytes, HumanCount};
use spillway::egress::{Bad, Counts};

/// What a person sees of a run at one moment.
pub(crate) struct Status<'a> {
    pub(crate) view: &'a View,
    /// How fast it has been reading lately, in bytes a second.
    pub(crate) rate: f64,
    /// How many warnings there were.
    pub(crate) warnings: u64,
}

/// Something to show. What matters less goes first where there is no room for all.
struct Item {
    matters: u8,
    text: String,
}

impl Status<'_> {
    /// How far the reading is, in at most so many columns.
    pub(crate) fn reading(&self, columns: usize) -> String {
        let totals = &self.view.totals;
        let mut items = Vec::new();
        if let Some(share) = self.share() {
            let percent = format!("{:.0}%", (share * 100.0).floor());
            if columns >= BAR_FROM_COLUMNS {
                items.push(Item::new(9, format!("{} {percent}", bar(share))));
            } else {
                items.push(Item::new(9, percent));
            }
        }
        items.push(Item::new(8, counted(totals.events, "event")));
        items.push(Item::new(4, format!("{} read", HumanBytes(totals.input_bytes))));
        items.push(Item::new(7, format!("{}/s", HumanBytes(self.rate as u64))));
        items.push(Item::new(5, clock(self.view.elapsed)));
        items.extend(self.left().map(|left| Item::new(6, format!("{} left", clock(left)))));
        fit(items, columns)
    }

    /// What becomes of it in the store, in at most so many columns.
    pub(crate) fn storing(&self, columns: usize) -> String {
        let View { totals, sink, traffic, .. } = self.view;
        let number = |name| sink.sum(name).unwrap_or(0.0) as u64;
        // A sink that is in the middle of a call cannot be asked, and what it holds may have
        // changed.
        let age = self.view.sink_at.and_then(|at| at.elapsed().ok());
        let is_new = age.is_some_and(|age| age < NEW_UNTIL);
        let current = |name| if is_new { number(name) } else { 0 };
        let retries = number("spillway_retries_total");
        let mut items = Vec::new();
        items.extend(self.waiting().map(|text| Item::new(9, text)));
        if self.view.closing {
            items.push(Item::new(7, "completing".to_owned()));
        }
        items.push(Item::new(8, format!("{} stored", counted(totals.objects, "object"))));
        let mut add = |matters, count: u64, text: String| {
            if count > 0 {
                items.push(Item::new(matters, text));
            }
        };
        let open = current("spillway_objects_open");
        add(4, open, format!("{} open", HumanCount(open)));
        let in_flight = traffic.map_or(0, |counts| counts.in_flight);
        add(5, in_flight, format!("{} in flight", counted(in_flight, "request")));
        let held = current("spillway_held_bytes");
        add(3, held, format!("{} held", HumanBytes(held)));
        let retried = if retries == 1 { "retry" } else { "retries" };
        add(6, retries, format!("{} {retried}", HumanCount(retries)));
        let failed = totals.failed_objects;
        add(7, failed, format!("{} failed", counted(failed, "object")));
        add(2, totals.rejected, format!("{} rejected", HumanCount(totals.rejected)));
        add(1, self.warnings, counted(self.warnings, "warning"));
        fit(items, columns)
    }

    /// All of it in one line.
    pub(crate) fn line(&self) -> String {
        format!("{}{BETWEEN}{}", self.reading(usize::MAX), self.storing(usize::MAX))
    }

    /// Why nothing moves, where the store is in the way.
    pub(crate) fn waiting(&self) -> Option<String> {
        waiting(self.view.traffic?)
    }

    /// How much of the input is read.
    fn share(&self) -> Option<f64> {
        let bytes = self.view.input_bytes.filter(|bytes| *bytes > 0)?;
        // A file may grow while it is read.
        Some((self.view.totals.input_bytes as f64 / bytes as f64).min(1.0))
    }

    /// How long it takes to read the rest, as fast as lately.
    fn left(&self) -> Option<Duration> {
        let left = self.view.input_bytes?.saturating_sub(self.view.totals.input_bytes);
        let seconds = left as f64 / self.rate;
        (left > 0 && seconds.is_finite() && seconds < LEFT_MAX)
            .then(|| Duration::from_secs_f64(seconds))
    }
}

impl Item {
    fn new(matters: u8, text: String) -> Item {
        Item { matters, text }
    }
}

/// What the store is waited for, if it is.
pub(crate) fn waiting(counts: Counts) -> Option<String> {
    let Counts { stalled, bad_in_a_row: times, .. } = counts;
    let how = match is_away(&counts) {
        Some(bad) if times > 1 => format!(" ({bad} {}×)", HumanCount(times)),
        Some(bad) => format!(" ({bad})"),
        None if stalled >= WAITING_FROM => String::new(),
        None => return None,
    };
    Some(format!("waiting for the store{how} {}", clock(stalled)))
}

/// How the last request ended, where that says that the store is away or busy.
pub(crate) fn is_away(counts: &Counts) -> Option<Bad> {
    counts.bad.filter(|bad| counts.bad_in_a_row > 0 && bad.is_passing())
}

/// How fast something has been growing lately.
#[derive(Default)]
pub(crate) struct Rate(VecDeque<(Instant, u64)>);

impl Rate {
    /// It is `total` now; returns how much it has grown in a second lately.
    pub(crate) fn per_second(&mut self, total: u64, now: Instant) -> f64 {
        let age = |at: Instant| now.saturating_duration_since(at);
        if self.0.back().is_none_or(|(at, _)| age(*at) >= RATE_STEP) {
            self.0.push_back((now, total));
        }
        // One sample stays that is older than the time looked at.
        while self.0.get(1).is_some_and(|(at, _)| age(*at) >= RATE_TIME) {
            self.0.pop_front();
        }
        let Some((at, before)) = self.0.front().copied() else { return 0.0 };
        let seconds = age(at).as_secs_f64();
        if seconds > 0.0 { total.saturating_sub(before) as f64 / seconds } else { 0.0 }
    }
}

/// The items that there is room for, in their order.
fn fit(mut items: Vec<Item>, columns: usize) -> String {
    loop {
        let texts: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
        let line = texts.join(BETWEEN);
        // Every character that is used here takes one column.
        if line.chars().count() <= columns {
            return line;
        }
        if items.len() == 1 {
            return line.chars().take(columns).collect();
        }
        let least = items.iter().enumerate().min_by_key(|(_, item)| item.matters);
        let least = least.map_or(0, |(index, _)| index);
        items.remove(least);
    }
}

fn bar(share: f64) -> String {
    let full = (share * BAR_COLUMNS as f64) as usize;
    "█".repeat(full) + &"░".repeat(BAR_COLUMNS - full)
}

pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", HumanCount(count), if count == 1 { "" } else { "s" })
}

/// As a clock shows it: minutes and seconds, with hours where there are any.
pub(crate) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

const BETWEEN: &str = " · ";
const BAR_COLUMNS: usize = 16;
const BAR_FROM_COLUMNS: usize = 70;
/// How long requests may be under way before it is said that they are waited for.
pub(crate) const WAITING_FROM: Duration = Duration::from_secs(3);
/// How long what the sink said of itself is shown as what is.
const NEW_UNTIL: Duration = Duration::from_secs(3);
const RATE_STEP: Duration = Duration::from_millis(250);
const RATE_TIME: Duration = Duration::from_secs(5);
/// Longer than that, in seconds, is no forecast.
const LEFT_MAX: f64 = 100.0 * 3_600.0;

#[cfg(test)]
mod tests;
