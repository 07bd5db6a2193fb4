use super::*;
use crate::testing::{Random, seeds};

#[test]
fn a_stack_trace_is_one_event() {
    let lines = "INFO up\r\nERROR no\r\njava.lang.Error: no\r\n\tat a.b(C.java:1)\r\n\r\n\
                 Caused by: x\r\nINFO on\r\n";
    let wanted = [
        "INFO up\r\n",
        "ERROR no\r\njava.lang.Error: no\r\n\tat a.b(C.java:1)\r\n\r\nCaused by: x\r\n",
        "INFO on\r\n",
    ];
    assert_eq!(joined("start = '^[A-Z]{4,5} '", lines), wanted);
    assert_eq!(joined(r"continue = '^(\s|Caused by:|[\w.]+Error:|$)'", lines), wanted);
}

#[test]
fn what_is_before_the_first_start_is_an_event_too() {
    assert_eq!(joined("start = '^>'", " a\n b\n> c\n d\n"), [" a\n b\n", "> c\n d\n"]);
    assert_eq!(joined("continue = '^ '", " a\n b\nc\n d\n"), [" a\n b\n", "c\n d\n"]);
}

#[test]
fn an_event_waits_for_the_line_behind_it() {
    let multiline = of("start = '^>'");
    assert!(multiline.events(b"> a\n b\n", &[4, 7], false).is_empty());
    assert_eq!(multiline.events(b"> a\n b\n> c\n", &[4, 7, 11], false), [7]);
    assert_eq!(multiline.events(b"> a\n b\n> c\n", &[4, 7, 11], true), [7, 11]);
    assert!(multiline.events(b"", &[], true).is_empty());
}

#[test]
fn an_event_that_is_full_ends_whatever_follows() {
    let text = "> 1\n2\n3\n4\n5\n> 6\n";
    let by_lines = joined("start = '^>'\nlines_max = 2", text);
    assert_eq!(by_lines, ["> 1\n2\n", "3\n4\n", "5\n", "> 6\n"]);
    // The line end behind the last line does not count, those within do.
    let by_bytes = joined("start = '^>'\nbytes_max = 5", text);
    assert_eq!(by_bytes, ["> 1\n2\n", "3\n4\n5\n", "> 6\n"]);
    // It waits for nothing.
    assert_eq!(of("start = '^>'\nlines_max = 2").events(b"> 1\n2\n", &[4, 6], false), [6]);
    assert_eq!(of("start = '^>'\nbytes_max = 3").events(b"> 1\n", &[4], false), [4]);
    // A line is never parted.
    let long = joined("continue = '^ '\nbytes_max = 3", "a\n 23456\n b\nc\n");
    assert_eq!(long, ["a\n", " 23456\n", " b\n", "c\n"]);
}

#[test]
fn a_pattern_sees_a_line_without_its_end() {
    assert_eq!(joined("start = '^a$'", "a\r\nb\na\n"), ["a\r\nb\n", "a\n"]);
    let kept = config("start = '^a$'").settings(Crlf::Keep, 1 << 20).unwrap();
    assert_eq!(kept.events(b"a\na\r\na\n", &[2, 5, 7], true), [5, 7]);
    // Bytes that are no UTF-8 match what they are.
    assert_eq!(of(r"start = '(?-u)^\xff'").events(b"\xff\n1\n\xff\n", &[2, 4, 6], true), [4, 6]);
}

#[test]
fn the_same_lines_give_the_same_events_in_any_portions() {
    for seed in seeds(3000) {
        let random = &mut Random::new(seed);
        let lines: Vec<&str> = (0..random.below(30))
            .map(|_| *random.pick(&["> a\n", ">\r\n", " b\n", "\n", " long 0123456789\n", "c\n"]))
            .collect();
        let rule = *random.pick(&["start = '^>'", "continue = '^( |$)'"]);
        let (lines_max, bytes_max) = (1 + random.below(6), 1 + random.below(40));
        let settings = format!("{rule}\nlines_max = {lines_max}\nbytes_max = {bytes_max}");
        let multiline = of(&settings);
        let text = lines.concat();
        let whole = split(&text, &multiline.events(text.as_bytes(), &ends(&text), true));
        assert_eq!(whole.concat(), text, "SPILLWAY_SEED={seed}");
        // One line after the other, and now and then a look at what there is.
        let (mut held, mut found) = (String::new(), Vec::new());
        for (index, line) in lines.iter().enumerate() {
            held.push_str(line);
            let is_last = index + 1 == lines.len();
            if is_last || random.below(3) == 0 {
                let events = multiline.events(held.as_bytes(), &ends(&held), is_last);
                found.extend(split(&held, &events));
                held.drain(..events.last().map_or(0, |end| *end as usize));
            }
        }
        assert_eq!(found, whole, "SPILLWAY_SEED={seed} {settings} {text:?}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (text, said) in [
        (
            "",
            ": needs `start`, a regular expression for the first line of an event, or `continue`, \
             one for its other lines",
        ),
        (
            "start = 'a'\ncontinue = 'b'",
            ".continue: cannot be used together with `start`; remove one of them",
        ),
        ("start = ''", ".start: is empty, expected a regular expression"),
        ("start = '^(a'", ".start: `^(a` is not a regular expression: unclosed group"),
        (
            r"continue = '\p{Greek}x{2,1}'",
            ".continue: `\\p{Greek}x{2,1}` is not a regular expression: invalid repetition count \
             range, the start must be <= the end",
        ),
        ("start = 'a'\nlines_max = 0", ".lines_max: is 0, expected 1 or more"),
        (
            "start = 'a'\nbytes_max = 2000",
            ".bytes_max: is 2000, expected 1 to 1000, the `line_bytes_max`",
        ),
        ("start = 'a'\ntimeout = '1'", ".timeout: 1 has no unit; write 1s, 1m, 1h or 1d"),
    ] {
        let problems = config(text).settings(Crlf::Strip, 1000).unwrap_err();
        let shown: Vec<_> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(shown, [format!("source.multiline{said}")], "{text}");
    }
    let too_large = compile(r"(\w{1000}){1000}").unwrap_err();
    assert!(too_large.contains("takes more than the "), "{too_large}");
}

#[test]
fn defaults() {
    let multiline = of("start = 'a'");
    assert_eq!((multiline.lines_max, multiline.bytes_max), (500, 1 << 20));
    assert_eq!(multiline.timeout(), Duration::from_secs(1));
    let short = config("start = 'a'").settings(Crlf::Strip, 100).unwrap();
    assert_eq!(short.bytes_max, 100);
    assert_ne!(short, multiline);
    assert_eq!(of("start = 'a'"), multiline);
    assert_ne!(of("continue = 'a'"), multiline);
}

fn joined(settings: &str, text: &str) -> Vec<String> {
    split(text, &of(settings).events(text.as_bytes(), &ends(text), true))
}

fn split(text: &str, events: &[u32]) -> Vec<String> {
    let starts = std::iter::once(0).chain(events.iter().copied());
    starts.zip(events).map(|(from, to)| text[from as usize..*to as usize].to_owned()).collect()
}

fn ends(text: &str) -> Vec<u32> {
    text.bytes().zip(1..).filter(|(byte, _)| *byte == b'\n').map(|(_, end)| end).collect()
}

fn of(settings: &str) -> Multiline {
    config(settings).settings(Crlf::Strip, 64 << 20).unwrap()
}

fn config(settings: &str) -> MultilineConfig {
    toml::from_str(settings).unwrap()
}
