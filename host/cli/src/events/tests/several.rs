//! Lines that are several events.

use super::super::open::{BATCH_BYTES_MAX, BATCH_RUNS_MAX};
use super::support::{all, events_of, open, open_at};
use crate::batch::Framing;
use crate::place::{Begun, Place, Several};
use crate::source::{SourceError, Start};
use crate::testing::{Random, seeds};

#[tokio::test]
async fn each_has_a_position_and_so_has_a_line_without_any() {
    let text = b"[1,2,3]\n[]\n[4]\nx\n\n[5,6]";
    let batch = all(text, "", "fixed_key = 'k'\npayload = '.[]'", Framing::Newline).await;
    let events: Vec<_> =
        events_of(&batch.runs).into_iter().map(|(at, _, json)| (at, json)).collect();
    let wanted = [(0, b"1"), (1, b"2"), (2, b"3"), (4, b"4"), (7, b"5"), (8, b"6")];
    assert_eq!(events, wanted.map(|(at, json)| (at, json.to_vec())));
    let several = [(0, 3), (5, 2)].map(|(line, events)| Several { line, events, now: None });
    assert_eq!(batch.several, several);
    let rejected: Vec<_> = batch.rejected.iter().map(|r| (r.position, r.lines_before)).collect();
    assert_eq!((rejected, batch.filtered, batch.blank), (vec![(5, 3)], 1, 1));
    let start = Start { line: 6, offset: text.len() as u64 };
    assert_eq!((batch.lines, batch.next), (6, Place { start, position: 9, taken: 0 }));
}

#[tokio::test]
async fn a_line_that_fails_in_part_is_rejected_whole() {
    let map = "events = '.[]'\nkey = '.k'";
    let text = b"[{\"k\":\"a\"},{\"k\":1}]\n[{\"k\":\"b\"}]\n";
    let batch = all(text, "", map, Framing::Newline).await;
    assert_eq!(events_of(&batch.runs), [(1, "b".to_owned(), b"{\"k\":\"b\"}".to_vec())]);
    assert_eq!(batch.rejected[0].line, b"[{\"k\":\"a\"},{\"k\":1}]");
    assert!(batch.rejected[0].reason.starts_with("event 2: the key `.k` is a number"));
}

#[tokio::test]
async fn runs_go_on_over_lines() {
    let text = b"[1,2]\n[3]\n[4,5,6]\n";
    let batch = open(text.to_vec(), "", "fixed_key = 'k'\npayload = '.[]'", Framing::Bare);
    let batch = { batch }.next().await.unwrap().unwrap();
    assert_eq!(batch.runs.len(), 1);
    assert_eq!((&*batch.runs[0].payload, batch.runs[0].first), (&b"123456"[..], 0));
}

#[tokio::test]
async fn batches_are_bounded_within_a_line() {
    let keys: Vec<_> = (0..5_000).map(|key| format!("{{\"k\":\"{key}\"}}")).collect();
    let line = format!("0\n[{}]\n1\n", keys.join(","));
    let map = "events = '.[]?'\nkey = '.k'";
    let mut events = open(line.into_bytes(), "", map, Framing::Newline);
    let (mut found, mut lines, mut places) = (Vec::new(), 0, Vec::new());
    while let Some(batch) = events.next().await.unwrap() {
        assert!(batch.runs.len() <= BATCH_RUNS_MAX);
        lines += batch.lines;
        found.extend(events_of(&batch.runs).into_iter().map(|(at, key, _)| (at, key)));
        places.push((batch.next.start.line, batch.next.position, batch.next.taken));
        assert_eq!(batch.several.len(), usize::from(places.len() == 1));
    }
    let wanted: Vec<_> = (0..5_000).map(|key| (key + 1, key.to_string())).collect();
    assert!(found == wanted, "each is there once, at its position");
    assert_eq!(lines, 3);
    assert_eq!(places[..2], [(1, 1, 1_024), (1, 1, 2_048)]);
    assert_eq!(places.last(), Some(&(3, 5_002, 0)));

    let long = format!("[{}]", vec![format!("\"{}\"", "x".repeat(1_000)); 5_000].join(","));
    let map = "fixed_key = 'k'\npayload = '.[]'";
    let mut events = open(long.into_bytes(), "", map, Framing::Newline);
    let mut count = 0;
    while let Some(batch) = events.next().await.unwrap() {
        let bytes: usize = batch.runs.iter().map(|run| run.payload.len()).sum();
        assert!(bytes as u64 <= BATCH_BYTES_MAX + 1_003, "{bytes}");
        count += events_of(&batch.runs).len();
    }
    assert_eq!(count, 5_000);
}

/// Whoever goes on behind any event reads the others, and those only.
#[tokio::test]
async fn from_any_place_all_behind_it_is_read() {
    for seed in seeds(60) {
        let random = &mut Random::new(seed);
        let mut lines: Vec<String> = Vec::new();
        for n in 0..1 + random.below(12) {
            let event = |i: usize, key: &str| format!("{{\"k\":\"{key}\",\"n\":{n}.{i}}}");
            lines.push(match random.below(5) {
                0 => "[]".to_owned(),
                1 => "nonsense".to_owned(),
                2 => String::new(),
                _ => {
                    let count = 1 + random.below(6);
                    let keys = ["a", "a", "b"];
                    let events: Vec<_> =
                        (0..count).map(|i| event(i, keys[random.below(keys.len())])).collect();
                    format!("[{}]", events.join(","))
                }
            });
        }
        let text = lines.join("\n") + "\n";
        let map = "events = '.[]'\nkey = '.k'\npayload = '{n, t: now}'";
        let whole = all(text.as_bytes(), "", map, Framing::Newline).await;
        let events = events_of(&whole.runs);
        let several = whole.several;
        if several.is_empty() {
            continue;
        }
        let Several { line, events: count, now } = *random.pick(&several);
        let before: Vec<_> = lines[..line as usize].iter().map(|l| l.len() + 1).collect();
        let offset = before.iter().sum::<usize>();
        let place = Place {
            start: Start { line, offset: offset as u64 },
            position: line
                + several.iter().filter(|s| s.line < line).map(|s| s.events - 1).sum::<u64>(),
            taken: 1 + random.below(count as usize - 1) as u64,
        };
        let mut begun = Begun::at(now);
        let of_line = events.iter().skip_while(|(at, ..)| *at < place.position);
        of_line.take(place.taken as usize).for_each(|(_, key, payload)| begun.add(key, payload));
        let rest = text.as_bytes()[offset..].to_vec();
        let open = |begun: Begun| {
            let input = std::io::Cursor::new(rest.clone());
            open_at(input, "", map, Framing::Newline, place, Some(begun))
        };
        let mut reader = open(begun.clone());
        let mut found = Vec::new();
        while let Some(batch) = reader.next().await.unwrap() {
            found.extend(events_of(&batch.runs));
        }
        let wanted: Vec<_> =
            events.iter().filter(|(at, ..)| *at >= place.next_position()).cloned().collect();
        // Other lines were mapped at another time.
        let of_line = count as usize - place.taken as usize;
        assert_eq!(found[..of_line], wanted[..of_line], "SPILLWAY_SEED={seed}");
        let keys = |events: &[(u64, String, Vec<u8>)]| {
            events.iter().map(|(at, key, _)| (*at, key.clone())).collect::<Vec<_>>()
        };
        assert_eq!(keys(&found), keys(&wanted), "SPILLWAY_SEED={seed}");
        // With another time the events are others, and that is told.
        let mut other = begun;
        other.now = now.map(|now| now + 1_000_000_000);
        let line = line + 1;
        for _ in 0..2 {
            match open(other.clone()).next().await {
                Err(SourceError::OtherEvents { line: said, events }) => {
                    assert_eq!((said, events), (line, other.events), "SPILLWAY_SEED={seed}");
                }
                read => panic!("SPILLWAY_SEED={seed}: {read:?}"),
            }
            // So is one that has fewer of them.
            (0..count).for_each(|_| other.add("k", b"1"));
        }
    }
}
