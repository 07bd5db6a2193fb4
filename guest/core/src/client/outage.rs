//! Detects outages of the store, so that each is reported once when it begins and once when it
//! ends.

use std::time::Duration;

use crate::client::verdict::Class;
use crate::time::Instant;

/// Whether the store is available.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    /// The start of the current outage. `None` if the store is available.
    since: Option<Instant>,
    /// Whether the current outage was reported.
    is_reported: bool,
}

/// A change to report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OutageEvent {
    /// The attempt failed, and will be retried.
    Retry,
    /// The store has been unavailable for a while. Requests wait for it.
    Away,
    /// The store is available again after an outage of this length.
    Back(Duration),
}

impl Outage {
    /// Records the class of an attempt. Retries are only reported while the store is available.
    pub(crate) fn observe(
        &mut self,
        class: Class,
        is_retried: bool,
        now: Instant,
    ) -> Option<OutageEvent> {
        match class {
            // Neither class tells whether the store is available.
            Class::Stale => None,
            Class::Unreachable => is_retried.then_some(OutageEvent::Retry),
            Class::Transient | Class::Throttled | Class::Garbled => {
                let since = *self.since.get_or_insert(now);
                let is_long = now.since(since) >= OUTAGE_MIN;
                match (is_retried, self.is_reported, is_long) {
                    (false, ..) | (_, true, _) => None,
                    (true, false, false) => Some(OutageEvent::Retry),
                    (true, false, true) => {
                        self.is_reported = true;
                        Some(OutageEvent::Away)
                    }
                }
            }
            _ => {
                let since = self.since.take();
                let was_reported = std::mem::take(&mut self.is_reported);
                match since {
                    Some(since) if was_reported => Some(OutageEvent::Back(now.since(since))),
                    _ if is_retried => Some(OutageEvent::Retry),
                    _ => None,
                }
            }
        }
    }
}

/// Shorter outages are not reported.
const OUTAGE_MIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_that_a_store_is_away_and_once_that_it_is_back() {
        let mut outage = Outage::default();
        let at = |millis: u64| Instant(millis * 1_000_000);
        let mut observe = |class, is_retried, millis| outage.observe(class, is_retried, at(millis));
        assert_eq!(observe(Class::Done, false, 0), None);
        assert_eq!(observe(Class::Transient, true, 500), Some(OutageEvent::Retry));
        assert_eq!(observe(Class::Throttled, true, 900), Some(OutageEvent::Retry));
        assert_eq!(observe(Class::Done, false, 1_000), None, "a blip");
        assert_eq!(observe(Class::Transient, true, 2_000), Some(OutageEvent::Retry));
        assert_eq!(observe(Class::Transient, true, 3_000), Some(OutageEvent::Away));
        assert_eq!(observe(Class::Garbled, true, 4_000), None);
        assert_eq!(observe(Class::Stale, true, 5_000), None);
        assert_eq!(observe(Class::Transient, false, 9_000), None, "one is given up");
        assert_eq!(observe(Class::Unreachable, false, 9_500), None, "nothing was sent");
        let away = Duration::from_secs(8);
        assert_eq!(
            observe(Class::Refused, false, 10_000),
            Some(OutageEvent::Back(away)),
            "it answers"
        );
        assert_eq!(observe(Class::Conflict, true, 11_000), Some(OutageEvent::Retry));
        assert_eq!(observe(Class::Done, false, 12_000), None);
    }
}
