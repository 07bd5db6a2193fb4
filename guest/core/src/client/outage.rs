//! What a person is told of a store that is away: that it is, and that it is back, once each.

use std::time::Duration;

use crate::client::verdict::Class;
use crate::time::Instant;

/// Whether the store does its work.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    /// Since when it has not.
    since: Option<Instant>,
    /// Whether that was told.
    is_told: bool,
}

/// What is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// This attempt failed, and is made again.
    Retry,
    /// The store has been away for so long that it will be waited for.
    Away,
    /// It is back, after this long.
    Back(Duration),
}

impl Outage {
    /// Takes in what an attempt came to. One that is made again is news as long as that is rare.
    pub(crate) fn meets(&mut self, class: Class, is_retried: bool, now: Instant) -> Option<News> {
        match class {
            // They say nothing of the store.
            Class::Stale => None,
            Class::Unreachable => is_retried.then_some(News::Retry),
            Class::Transient | Class::Throttled | Class::Garbled => {
                let since = *self.since.get_or_insert(now);
                let is_long = now.since(since) >= BLIP;
                match (is_retried, self.is_told, is_long) {
                    (false, ..) | (_, true, _) => None,
                    (true, false, false) => Some(News::Retry),
                    (true, false, true) => {
                        self.is_told = true;
                        Some(News::Away)
                    }
                }
            }
            _ => {
                let since = self.since.take();
                let was_told = std::mem::take(&mut self.is_told);
                match since {
                    Some(since) if was_told => Some(News::Back(now.since(since))),
                    _ if is_retried => Some(News::Retry),
                    _ => None,
                }
            }
        }
    }
}

/// What is over so soon is none that anybody waits for.
const BLIP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_that_a_store_is_away_and_once_that_it_is_back() {
        let mut outage = Outage::default();
        let at = |millis: u64| Instant(millis * 1_000_000);
        let mut meets = |class, is_retried, millis| outage.meets(class, is_retried, at(millis));
        assert_eq!(meets(Class::Done, false, 0), None);
        assert_eq!(meets(Class::Transient, true, 500), Some(News::Retry));
        assert_eq!(meets(Class::Throttled, true, 900), Some(News::Retry));
        assert_eq!(meets(Class::Done, false, 1_000), None, "a blip");
        assert_eq!(meets(Class::Transient, true, 2_000), Some(News::Retry));
        assert_eq!(meets(Class::Transient, true, 3_000), Some(News::Away));
        assert_eq!(meets(Class::Garbled, true, 4_000), None);
        assert_eq!(meets(Class::Stale, true, 5_000), None);
        assert_eq!(meets(Class::Transient, false, 9_000), None, "one is given up");
        assert_eq!(meets(Class::Unreachable, false, 9_500), None, "nothing was sent");
        let away = Duration::from_secs(8);
        assert_eq!(meets(Class::Refused, false, 10_000), Some(News::Back(away)), "it answers");
        assert_eq!(meets(Class::Conflict, true, 11_000), Some(News::Retry));
        assert_eq!(meets(Class::Done, false, 12_000), None);
    }
}
