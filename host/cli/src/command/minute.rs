//! What a run that does not end did in a minute, in a line.

use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount};

use crate::age;
use crate::run::Totals;
use crate::telemetry::View;

use super::view::counted;

/// Looks once a minute at what has come about since the last look.
pub(crate) struct Minutes {
    before: Numbers,
    at: Instant,
}

/// What came about since then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Minute {
    pub(crate) seconds: u64,
    pub(crate) numbers: Numbers,
    pub(crate) lag_events: u64,
    pub(crate) lag: Duration,
}

/// Numbers of a run that only rise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) lines: u64,
    pub(crate) read_bytes: u64,
    pub(crate) events: u64,
    pub(crate) rejected: u64,
    pub(crate) objects: u64,
    pub(crate) object_bytes: u64,
    pub(crate) objects_failed: u64,
}

impl Minutes {
    pub(crate) fn begin(view: &View, now: Instant) -> Minutes {
        Minutes { before: Numbers::of(&view.totals), at: now }
    }

    /// What has come about since the last look; nothing where that is nothing.
    pub(crate) fn next(&mut self, view: &View, now: Instant) -> Option<Minute> {
        let numbers = Numbers::of(&view.totals);
        let since = numbers.since(&self.before);
        let seconds = now.saturating_duration_since(self.at).as_secs();
        (self.before, self.at) = (numbers, now);
        let is_news = since != Numbers::default();
        let View { lag_events, lag, .. } = *view;
        is_news.then_some(Minute { seconds, numbers: since, lag_events, lag })
    }
}

impl Numbers {
    fn of(totals: &Totals) -> Numbers {
        Numbers {
            lines: totals.lines,
            read_bytes: totals.input_bytes,
            events: totals.events,
            rejected: totals.rejected,
            objects: totals.objects,
            object_bytes: totals.object_bytes,
            objects_failed: totals.failed_objects,
        }
    }

    fn since(&self, before: &Numbers) -> Numbers {
        Numbers {
            lines: self.lines.saturating_sub(before.lines),
            read_bytes: self.read_bytes.saturating_sub(before.read_bytes),
            events: self.events.saturating_sub(before.events),
            rejected: self.rejected.saturating_sub(before.rejected),
            objects: self.objects.saturating_sub(before.objects),
            object_bytes: self.object_bytes.saturating_sub(before.object_bytes),
            objects_failed: self.objects_failed.saturating_sub(before.objects_failed),
        }
    }
}

impl Minute {
    /// All of it as a sentence.
    pub(crate) fn sentence(&self) -> String {
        let Numbers { lines, read_bytes, events, rejected, .. } = self.numbers;
        let Numbers { objects, object_bytes, objects_failed, .. } = self.numbers;
        let mut text = format!(
            "{} s: {} ({}) read, {}, {} ({}) stored",
            self.seconds,
            counted(lines, "line"),
            HumanBytes(read_bytes),
            counted(events, "event"),
            counted(objects, "object"),
            HumanBytes(object_bytes),
        );
        if rejected > 0 {
            text.push_str(&format!(", {} rejected", HumanCount(rejected)));
        }
        if objects_failed > 0 {
            text.push_str(&format!(", {} failed", counted(objects_failed, "object")));
        }
        if self.lag_events > 0 {
            let (count, age) = (HumanCount(self.lag_events), age::show(self.lag));
            text.push_str(&format!("; {count} not stored yet, the oldest for {age}"));
        }
        text
    }
}

/// How often it is looked.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Monitor;

    fn view(totals: Totals, lag_events: u64, lag: u64) -> View {
        View { totals, lag_events, lag: Duration::from_secs(lag), ..Monitor::new().view() }
    }

    #[test]
    fn a_minute_has_what_came_about_in_it() {
        let begin = Instant::now();
        let totals = Totals { lines: 10, events: 9, objects: 1, ..Totals::default() };
        let mut minutes = Minutes::begin(&view(totals.clone(), 0, 0), begin);
        let later = Totals {
            lines: 12_355,
            input_bytes: 3 << 20,
            events: 12_340,
            rejected: 2,
            objects: 4,
            object_bytes: 1 << 20,
            failed_objects: 1,
            ..totals
        };
        let minute = minutes.next(&view(later.clone(), 40, 75), begin + MINUTE).unwrap();
        assert_eq!((minute.numbers.lines, minute.numbers.objects), (12_345, 3));
        assert_eq!(
            minute.sentence(),
            "60 s: 12,345 lines (3.00 MiB) read, 12,331 events, 3 objects (1.00 MiB) stored, 2 \
             rejected, 1 object failed; 40 not stored yet, the oldest for 1m 15s"
        );
        let next = Totals { lines: later.lines + 1, ..later };
        let minute = minutes.next(&view(next, 0, 0), begin + 2 * MINUTE).unwrap();
        assert_eq!(minute.sentence(), "60 s: 1 line (0 B) read, 0 events, 0 objects (0 B) stored");
    }

    /// A day in which a line comes every hour has as many lines of its own.
    #[test]
    fn a_minute_without_anything_has_no_line() {
        let begin = Instant::now();
        let mut totals = Totals::default();
        let mut minutes = Minutes::begin(&view(totals.clone(), 0, 0), begin);
        let mut said = 0;
        for minute in 1..=1_440 {
            totals.lines += u64::from(minute % 60 == 0);
            let view = view(totals.clone(), 3, 10);
            said += usize::from(minutes.next(&view, begin + MINUTE * minute).is_some());
        }
        assert_eq!(said, 24);
    }
}
