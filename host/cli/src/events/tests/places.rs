//! Where lines lie, for maps that ask.

use super::support::{all, events_of};
use crate::batch::Framing;
use crate::events::{Events, shared};
use crate::map::MapConfig;
use crate::place::Place;
use crate::source::{Source, SourceConfig, Start};

#[tokio::test]
async fn each_line_of_a_file_knows_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    // More than a batch takes, and more than a read gives.
    let lines: Vec<String> =
        (0..40_000).map(|n| format!("> {n}\n{}", " more\n".repeat(n % 3))).collect();
    std::fs::write(&path, lines.concat()).unwrap();
    let file = path.display();
    let source = format!("type = 'file'\npath = '{file}'\ncodec = 'raw'");
    let source = source + "\nmultiline = { start = '^>' }";
    let map = "fixed_key = 'of/{file}'\npayload = '[$file, $line, $offset, .[2:]]'";
    let (mut line, mut offset, mut wanted) = (1, 0, Vec::new());
    for text in &lines {
        let event = serde_json::json!([path, line, offset, text[2..].trim_end_matches('\n')]);
        wanted.push((format!("of/{}", &file.to_string()[1..]), event.to_string().into_bytes()));
        line += text.matches('\n').count();
        offset += text.len();
    }
    let found = mapped(&source, map, Place::default()).await;
    assert_eq!(found.len(), wanted.len());
    assert!(found == wanted, "the first is {:?}", found[0]);
    // From the middle on it is the same, though lines before were not read.
    let before = 30_000;
    let offset = lines[..before].iter().map(String::len).sum::<usize>() as u64;
    let start = Start { line: before as u64, offset };
    let place = Place { start, position: start.line, taken: 0 };
    let rest = mapped(&source, map, place).await;
    assert!(rest == wanted[before..], "the first is {:?}", rest[0]);
}

#[tokio::test]
async fn raw_lines_of_a_file_are_runs_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    std::fs::write(&path, "one\ntwo\n").unwrap();
    let source = format!("type = 'file'\npath = '{}'\ncodec = 'raw'", path.display());
    let key = path.display().to_string()[1..].to_owned();
    let wanted = [(key.clone(), b"one".to_vec()), (key, b"two".to_vec())];
    assert_eq!(mapped(&source, "fixed_key = '{file}'", Place::default()).await, wanted);
}

#[tokio::test]
async fn an_event_of_empty_lines_is_blank() {
    let map = "fixed_key = 'k'";
    let source = "multiline = { continue = '^$' }";
    let batch = all(b"\n\n\n{\"a\":\n1}\n\n", source, map, Framing::Newline).await;
    // Of the document, only an empty line belongs to the line before.
    assert_eq!((batch.lines, batch.blank, batch.rejected.len()), (3, 1, 2));
    let source = "multiline = { start = '^\\{' }";
    let batch = all(b"\n\n{\"a\":\n1}\n\n", source, map, Framing::Newline).await;
    assert_eq!((batch.lines, batch.blank, batch.runs.len()), (2, 1, 1));
    assert_eq!(batch.runs[0].payload, b"{\"a\":1}\n");
}

/// The events of a flow that reads a file from a place on: key and payload.
async fn mapped(source: &str, map: &str, place: Place) -> Vec<(String, Vec<u8>)> {
    let source: SourceConfig = toml::from_str(source).unwrap();
    let mut settings = source.settings().unwrap();
    let map: MapConfig = toml::from_str(map).unwrap();
    let map = map.settings(settings.codec).unwrap().map;
    settings.lines.origins = map.asks_for_place();
    let source = Source::open(&settings, place.start).unwrap();
    let mut events = Events::new(source, shared(map), Framing::Newline, place, None).unwrap();
    let mut found = Vec::new();
    while let Some(batch) = events.next().await.unwrap() {
        assert_eq!(batch.rejected, []);
        found.extend(events_of(&batch.runs).into_iter().map(|(_, key, bytes)| (key, bytes)));
    }
    found
}
