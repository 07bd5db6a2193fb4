//! Which problems are named: the first few of a run that ends, or one of each kind a minute of a
//! run that does not.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What was named of each kind of problem.
pub(crate) struct Repeats {
    each_minute: bool,
    kinds: BTreeMap<String, Named>,
}

struct Named {
    /// How many there were, named or not.
    count: u64,
    /// How many there were since the last that was named.
    since: u64,
    /// When that was.
    at: Instant,
}

/// What is said of one more problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saying {
    /// The problem. There were so many of its kind since one was said.
    It { since: u64 },
    /// That there are more, and no more will be named.
    More,
    /// Nothing.
    Nothing,
}

impl Repeats {
    /// Of a run that ends: ten of each kind are named.
    pub(crate) fn first_ones() -> Repeats {
        Repeats { each_minute: false, kinds: BTreeMap::new() }
    }

    /// Of a run that goes on for months: one of each kind is named a minute, with the number of
    /// those that were not.
    pub(crate) fn one_a_minute() -> Repeats {
        Repeats { each_minute: true, kinds: BTreeMap::new() }
    }

    /// There is one more of that kind.
    pub(crate) fn one_more(&mut self, kind: &str, now: Instant) -> Saying {
        let is_room = self.kinds.len() < KINDS_MAX || self.kinds.contains_key(kind);
        let kind = if is_room { kind } else { OTHERS };
        let Some(named) = self.kinds.get_mut(kind) else {
            self.kinds.insert(kind.to_owned(), Named { count: 1, since: 0, at: now });
            return Saying::It { since: 0 };
        };
        named.count += 1;
        if self.each_minute {
            if !named.is_due(now) {
                named.since += 1;
                return Saying::Nothing;
            }
            let since = std::mem::take(&mut named.since);
            named.at = now;
            return Saying::It { since };
        }
        match named.count {
            0..=NAMED_MAX => Saying::It { since: 0 },
            ENOUGH => Saying::More,
            _ => Saying::Nothing,
        }
    }

    /// The kinds of which there were more that were not named a minute ago or longer, with their
    /// numbers. They count as said. Kinds that did not come back are forgotten.
    pub(crate) fn untold(&mut self, now: Instant) -> Vec<(String, u64)> {
        if !self.each_minute {
            return Vec::new();
        }
        let mut untold = Vec::new();
        self.kinds.retain(|kind, named| {
            if !named.is_due(now) {
                return true;
            }
            let since = std::mem::take(&mut named.since);
            if since > 0 {
                named.at = now;
                untold.push((kind.clone(), since));
            }
            since > 0
        });
        untold
    }
}

impl Named {
    fn is_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) >= APART
    }
}

/// What kind of message it is: the text without its numbers, its URLs and what it quotes.
pub(crate) fn kind(message: &str) -> String {
    let mut kind = String::new();
    for (index, piece) in message.split('`').enumerate() {
        if index % 2 == 1 {
            kind.push('…');
            continue;
        }
        for word in piece.split_inclusive(' ') {
            match word.contains("://") {
                true => kind.push_str("… "),
                false => numberless(word, &mut kind),
            }
        }
    }
    kind.chars().take(KIND_CHARS_MAX).collect()
}

fn numberless(word: &str, kind: &mut String) {
    for c in word.chars() {
        match c.is_ascii_digit() {
            true if kind.ends_with('…') => {}
            true => kind.push('…'),
            false => kind.push(c),
        }
    }
}

/// How many problems of one kind are named in a run that ends.
const NAMED_MAX: u64 = 10;
const ENOUGH: u64 = NAMED_MAX + 1;
/// How much time lies between two of one kind in a run that does not.
const APART: Duration = Duration::from_secs(60);
/// How many kinds are told apart.
const KINDS_MAX: usize = 100;
const OTHERS: &str = "other problems";
const KIND_CHARS_MAX: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn of_a_run_that_ends_the_first_are_named() {
        let (mut repeats, now) = (Repeats::first_ones(), Instant::now());
        let said: Vec<_> = (0..13).map(|_| repeats.one_more("rejected", now)).collect();
        assert_eq!(said[..10], [Saying::It { since: 0 }; 10]);
        assert_eq!(said[10..], [Saying::More, Saying::Nothing, Saying::Nothing]);
        assert_eq!(repeats.one_more("other", now), Saying::It { since: 0 });
        assert_eq!(repeats.untold(now + seconds(1_000)), []);
    }

    #[test]
    fn of_a_run_that_does_not_one_a_minute_is_named() {
        let (mut repeats, begin) = (Repeats::one_a_minute(), Instant::now());
        assert_eq!(repeats.one_more("a", begin), Saying::It { since: 0 });
        for second in 1..60 {
            assert_eq!(repeats.one_more("a", begin + seconds(second)), Saying::Nothing);
        }
        // Another kind is told at once.
        assert_eq!(repeats.one_more("b", begin + seconds(30)), Saying::It { since: 0 });
        assert_eq!(repeats.one_more("a", begin + seconds(60)), Saying::It { since: 59 });
        assert_eq!(repeats.one_more("a", begin + seconds(61)), Saying::Nothing);
        assert_eq!(repeats.untold(begin + seconds(119)), []);
        assert_eq!(repeats.untold(begin + seconds(120)), [("a".to_owned(), 1)]);
        // That was said, so the next one waits again.
        assert_eq!(repeats.one_more("a", begin + seconds(121)), Saying::Nothing);
        assert_eq!(repeats.untold(begin + seconds(180)), [("a".to_owned(), 1)]);
        assert_eq!(repeats.untold(begin + seconds(240)), []);
        assert!(repeats.kinds.is_empty(), "what is over is forgotten");
    }

    /// A day of a problem at every tick is a line a minute.
    #[test]
    fn a_day_of_one_problem_is_a_line_a_minute() {
        let (mut repeats, begin) = (Repeats::one_a_minute(), Instant::now());
        let (mut lines, mut counted) = (0, 0);
        for second in 0..86_400 {
            if let Saying::It { since } = repeats.one_more("a", begin + seconds(second)) {
                (lines, counted) = (lines + 1, counted + since + 1);
            }
        }
        assert_eq!(lines, 1_440);
        let rest = repeats.untold(begin + seconds(86_400));
        assert_eq!(counted + rest[0].1, 86_400);
    }

    #[test]
    fn there_is_a_limit_to_how_many_kinds_there_are() {
        let (mut repeats, begin) = (Repeats::one_a_minute(), Instant::now());
        let mut said = 0;
        for n in 0..1_000 {
            said += u64::from(repeats.one_more(&n.to_string(), begin) != Saying::Nothing);
        }
        assert_eq!(said, KINDS_MAX as u64 + 1);
        let untold = repeats.untold(begin + seconds(60));
        assert_eq!(untold, [(OTHERS.to_owned(), 1_000 - said)]);
    }

    #[test]
    fn a_kind_is_the_text_without_what_differs() {
        let one = "the object `a/1` gets the name `a/2`, since 3 others have it";
        let other = "the object `b` gets the name `c 7`, since 12 others have it";
        assert_eq!(kind(one), "the object … gets the name …, since … others have it");
        assert_eq!(kind(one), kind(other));
        assert_ne!(kind(one), kind("the store is back"));
        let part = |name: &str| format!("UploadPart 7 s3://b/{name} at http://h:1: no answer");
        assert_eq!(kind(&part("2026/a-1f")), "UploadPart … … at … no answer");
        assert_eq!(kind(&part("2026/a-1f")), kind(&part("2027/b-2a")));
        assert_eq!(kind(&"x".repeat(500)).len(), KIND_CHARS_MAX);
    }
}
