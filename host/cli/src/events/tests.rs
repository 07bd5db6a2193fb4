mod gaps;
mod places;
mod random;
mod several;
mod support;

use std::io::{Read, Write};
use std::time::Duration;

use self::support::{Failing, all, joined, open, open_reader, soon, text_of};
use super::open::{BATCH_BYTES_MAX, BATCH_LINES_MAX, BATCH_REJECTED_MAX, BATCH_RUNS_MAX};
use super::*;

#[tokio::test]
async fn the_published_demo() {
    let text = r#"{"key": "key1", "payload": {"event1": "hello1", "key2":[1,2,3,4,5]} }
{"key": "key2", "payload": {"event3": {"nested Obj": ["vec1", "vec2", "vec3"]}} }
{"key": "key3", "payload": {"event3": null}}
"#;
    let batch = all(text.as_bytes(), "", KEY_AND_PAYLOAD, Framing::Bare).await;
    let runs: Vec<_> = batch.runs.iter().map(|run| (&*run.key, run.first, text_of(run))).collect();
    assert_eq!(
        runs,
        [
            ("key1", 0, r#"{"event1":"hello1","key2":[1,2,3,4,5]}"#.to_owned()),
            ("key2", 1, r#"{"event3":{"nested Obj":["vec1","vec2","vec3"]}}"#.to_owned()),
            ("key3", 2, r#"{"event3":null}"#.to_owned()),
        ]
    );
    assert_eq!((batch.lines, batch.bytes, batch.next.position), (3, text.len() as u64, 3));
}

#[tokio::test]
async fn positions_and_offsets_go_through_everything_that_is_no_event() {
    let long = "x".repeat(50);
    let text = format!(
        "{{\"key\":\"a\",\"payload\":1}}\n\nnot json\r\n{long}\n  \t\r\n\
         {{\"key\":\"a\",\"payload\":2}}\n{{\"key\":\"a\",\"payload\":3}}"
    );
    let source = "line_bytes_max = 40";
    let batch = all(text.as_bytes(), source, KEY_AND_PAYLOAD, Framing::Newline).await;
    let runs: Vec<_> = batch.runs.iter().map(|run| (run.first, text_of(run))).collect();
    assert_eq!(runs, [(0, "1\n".to_owned()), (5, "2\n3\n".to_owned())]);
    let rejected: Vec<_> =
        batch.rejected.iter().map(|line| (line.position, line.reason.as_str())).collect();
    assert_eq!(
        rejected,
        [
            (2, "not JSON: expected a value at byte 1"),
            (3, "the line is 50 bytes long, more than the 40 that `line_bytes_max` allows"),
        ]
    );
    assert_eq!(batch.rejected[0].line, b"not json");
    assert_eq!((batch.rejected[1].line.len(), batch.rejected[1].line_bytes), (50, 50));
    assert_eq!((batch.lines, batch.blank), (7, 2));
    assert_eq!((batch.next.position, batch.next.start.offset), (7, text.len() as u64));
}

#[tokio::test]
async fn raw_lines_cross_as_they_were_read() {
    let text = b"one\n\n\xff\xfe\nlast";
    let batch = all(text, "codec = 'raw'", "fixed_key = 'k'", Framing::Newline).await;
    let [run] = &batch.runs[..] else { panic!("{batch:?}") };
    assert_eq!((&*run.payload, &*run.ends), (&b"one\n\n\xff\xfe\nlast\n"[..], &[4, 5, 8, 13][..]));
    assert_eq!((batch.next.position, batch.next.start.offset, batch.bytes), (4, 12, 12));
}

#[tokio::test]
async fn raw_lines_with_crlf_bare_or_without_empty_ones() {
    let (raw, fixed) = ("codec = 'raw'", "fixed_key = 'k'");
    let text = b"one\r\n\r\ntwo\n";
    assert_eq!(joined(text, raw, fixed, Framing::Newline).await, "one\n\ntwo\n");
    assert_eq!(joined(text, raw, fixed, Framing::Bare).await, "onetwo");
    let kept = "codec = 'raw'\ncrlf = 'keep'";
    assert_eq!(joined(text, kept, fixed, Framing::Newline).await, "one\r\n\r\ntwo\n");
    let skip = "codec = 'raw'\nempty_lines = 'skip'";
    assert_eq!(all(b"\none\n", skip, fixed, Framing::Newline).await.blank, 1);
    let batch = all(b"one\n\ntwo\n", skip, fixed, Framing::Newline).await;
    let runs: Vec<_> = batch.runs.iter().map(|run| (run.first, text_of(run))).collect();
    assert_eq!(runs, [(0, "one\n".to_owned()), (2, "two\n".to_owned())]);
    assert_eq!(batch.blank, 1);
}

#[tokio::test]
async fn blank_lines_are_rejected_if_json_keeps_them() {
    let batch = all(b"\n", "empty_lines = 'keep'", KEY_AND_PAYLOAD, Framing::Bare).await;
    assert_eq!(batch.rejected[0].reason, "not JSON: expected a value at byte 1");
}

#[tokio::test]
async fn a_byte_order_mark_is_passed_over_once() {
    let text = b"\xEF\xBB\xBF1\n\xEF\xBB\xBF2\n";
    let batch = all(text, "", "fixed_key = 'k'", Framing::Newline).await;
    assert_eq!(text_of(&batch.runs[0]), "1\n");
    assert_eq!(batch.rejected[0].position, 1);
}

#[tokio::test]
async fn an_event_of_40_mib() {
    let text = format!("{{\"key\":\"k\",\"payload\":\"{}\"}}\n{{}}\n", "x".repeat(40 << 20));
    let mut events = open(text.into_bytes(), "", KEY_AND_PAYLOAD, Framing::Newline);
    let batch = events.next().await.unwrap().unwrap();
    assert_eq!(batch.runs[0].payload.len(), (40 << 20) + 3);
    assert_eq!(batch.lines, 1);
    assert_eq!(events.next().await.unwrap().unwrap().rejected.len(), 1);
}

#[tokio::test]
async fn batches_are_bounded() {
    let many_keys: String =
        (0..5000).map(|key| format!("{{\"key\":\"{key}\",\"payload\":0}}\n")).collect();
    let mut events = open(many_keys.into_bytes(), "", KEY_AND_PAYLOAD, Framing::Newline);
    let mut runs = Vec::new();
    while let Some(batch) = events.next().await.unwrap() {
        assert!(batch.runs.len() <= BATCH_RUNS_MAX);
        runs.extend(batch.runs);
    }
    let expected: Vec<String> = (0..5000).map(|key| key.to_string()).collect();
    assert_eq!(runs.iter().map(|run| run.key.as_str()).collect::<Vec<_>>(), expected);

    let line = format!("{{\"key\":\"k\",\"payload\":\"{}\"}}\n", "x".repeat(1000));
    let mut events = open(line.repeat(5000).into_bytes(), "", KEY_AND_PAYLOAD, Framing::Newline);
    let mut lines = 0;
    while let Some(batch) = events.next().await.unwrap() {
        assert!(batch.bytes <= BATCH_BYTES_MAX && batch.runs.len() == 1);
        lines += batch.lines;
    }
    assert_eq!(lines, 5000);

    for line in ["\n", "a\n"] {
        let text = line.repeat(3 * BATCH_LINES_MAX + 5);
        let mut events =
            open(text.clone().into_bytes(), "codec = 'raw'", "fixed_key = 'k'", Framing::Newline);
        let (mut lines, mut stored) = (0, String::new());
        while let Some(batch) = events.next().await.unwrap() {
            assert!(batch.lines <= BATCH_LINES_MAX as u64);
            assert_eq!(batch.runs[0].first, lines);
            lines += batch.lines;
            stored.extend(batch.runs.iter().map(text_of));
        }
        assert_eq!((lines, stored), (3 * BATCH_LINES_MAX as u64 + 5, text));
    }

    let mut events = open(b"x\n".repeat(3000), "", KEY_AND_PAYLOAD, Framing::Newline);
    assert!(events.next().await.unwrap().unwrap().rejected.len() <= BATCH_REJECTED_MAX);
}

/// What is left of a piece is at hand, however the reads are timed: one holds more than a batch.
#[tokio::test]
async fn the_next_batch_is_begun_when_one_is_returned() {
    let line = "{\"key\":\"k\",\"payload\":0}\n";
    let text = line.repeat(4 * BATCH_LINES_MAX);
    let mut events = open(text.into_bytes(), "", KEY_AND_PAYLOAD, Framing::Bare);
    let (mut begun, mut lines) = (0, 0);
    while let Some(batch) = soon(&mut events).await {
        lines += batch.lines;
        begun += u32::from(events.work.is_busy());
    }
    assert_eq!(lines, 4 * BATCH_LINES_MAX as u64);
    assert!(begun > 0, "no batch was begun before it was asked for");
    let raw = b"x\n".repeat(4 * BATCH_LINES_MAX);
    let mut events = open(raw, "codec = 'raw'", "fixed_key = 'k'", Framing::Newline);
    while soon(&mut events).await.is_some() {
        assert!(!events.work.is_busy(), "lines that are taken over need no thread");
    }
}

#[tokio::test]
async fn a_pause_holds_nothing_back_and_waiting_can_be_cancelled() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut events = open_reader(reader, "codec = 'raw'", "fixed_key = 'k'", Framing::Newline);
    writer.write_all(b"one\ntw").unwrap();
    assert_eq!(text_of(&soon(&mut events).await.unwrap().runs[0]), "one\n");
    let waiting = tokio::time::timeout(Duration::from_millis(30), events.next());
    assert!(waiting.await.is_err(), "half a line is no event");
    writer.write_all(b"o\nthree").unwrap();
    let batch = soon(&mut events).await.unwrap();
    assert_eq!((batch.runs[0].first, text_of(&batch.runs[0])), (1, "two\n".to_owned()));
    drop(writer);
    assert_eq!(text_of(&soon(&mut events).await.unwrap().runs[0]), "three\n");
    assert!(soon(&mut events).await.is_none());
}

#[tokio::test]
async fn an_expression_that_computes_for_ever_can_be_left() {
    // Without a term to evaluate there is no step to count.
    let map = "fixed_key = 'k'\npayload = 'last(range(300000000))'";
    let mut events = open(b"1\n".to_vec(), "", map, Framing::Newline);
    for _ in 0..3 {
        let waiting = tokio::time::timeout(Duration::from_millis(30), events.next());
        assert!(waiting.await.is_err(), "it has no end");
    }
}

#[tokio::test]
async fn an_expression_that_is_left_and_waited_for_again_loses_nothing() {
    let map = "fixed_key = 'k'\npayload = 'reduce range(100000) as $i (0; . + $i) | 1'";
    let mut events = open(b"{}\n".repeat(20), "", map, Framing::Newline);
    let mut lines = 0;
    loop {
        match tokio::time::timeout(Duration::from_millis(1), events.next()).await {
            Ok(Ok(Some(batch))) => lines += batch.lines,
            Ok(Ok(None)) => break,
            Ok(Err(error)) => panic!("{error}"),
            Err(_) => {}
        }
    }
    assert_eq!(lines, 20);
}

#[tokio::test]
async fn what_an_expression_makes_may_be_deep() {
    for (payload, reason) in [
        ("def f: 1 + f; f", "it recurses too deeply"),
        ("def f: [f]; f", "it recurses too deeply"),
        ("reduce range(300000) as $i (0; [.])", "is nested more than 256 deep"),
        ("last(limit(100000; recurse([.])))", "is nested more than 256 deep"),
        ("reduce range(300000) as $i (0; [.]) | error", "failed: [[["),
        ("reduce range(9000000) as $i (0; [.])", "it takes too many steps"),
    ] {
        let map = format!("fixed_key = 'k'\npayload = '{payload}'");
        let batch = all(b"{}\n", "", &map, Framing::Newline).await;
        assert!(batch.rejected[0].reason.contains(reason), "{payload}: {:?}", batch.rejected);
    }
    let map = "fixed_key = 'k'\npayload = 'reduce range(300000) as $i (0; [.]) | tojson | length'";
    assert_eq!(text_of(&all(b"{}\n", "", map, Framing::Newline).await.runs[0]), "600001\n");
}

#[tokio::test]
async fn times_part_runs() {
    let text = r#"{"key":"a","payload":1,"t":"2026-05-01T12:00:00.25Z"}
{"key":"a","payload":2,"t":"2026-05-01T12:00:00Z"}
{"key":"a","payload":3,"t":"2026-05-01T12:00:01Z"}
{"key":"a","payload":4}
"#;
    let map = "key = '.key'\npayload = '.payload'\nat = '.t'";
    let batch = all(text.as_bytes(), "", map, Framing::Bare).await;
    let runs: Vec<_> = batch.runs.iter().map(|run| (run.at, text_of(run))).collect();
    let noon = 1_777_636_800_000_000_000;
    let wanted =
        [(Some(noon + 250_000_000), "12".to_owned()), (Some(noon + 1_000_000_000), "3".to_owned())];
    assert_eq!(runs, wanted);
    assert_eq!(batch.rejected[0].reason, "no time: `.t` is missing");
}

#[tokio::test]
async fn a_failed_read_comes_after_the_batch_before_it() {
    let failing = (&b"one\ntw"[..]).chain(Failing);
    let mut events = open_reader(failing, "codec = 'raw'", "fixed_key = 'k'", Framing::Newline);
    assert_eq!(events.next().await.unwrap().unwrap().next.start.offset, 4);
    let error = events.next().await.unwrap_err();
    assert_eq!(error.to_string(), "reading a test failed after 4 bytes");
    assert!(!error.is_wrong_use());
}

const KEY_AND_PAYLOAD: &str = "key = '.key'\npayload = '.payload'";
