//! Inputs for the tests of events, and ways to take them in.

use std::io::Read;
use std::time::Duration;

use crate::batch::{Framing, Run};
use crate::events::{Batch, Events, shared};
use crate::map::MapConfig;
use crate::place::{Begun, Place};
use crate::source::{Source, SourceConfig};

pub(super) async fn soon(events: &mut Events) -> Option<Batch> {
    let next = tokio::time::timeout(Duration::from_secs(10), events.next());
    next.await.expect("what was written is handed over").unwrap()
}

/// All batches of `text` as one, however the reads were timed.
pub(super) async fn all(text: &[u8], source: &str, map: &str, framing: Framing) -> Batch {
    let mut events = open(text.to_vec(), source, map, framing);
    let mut whole = Batch::default();
    while let Some(more) = events.next().await.unwrap() {
        more.runs.into_iter().for_each(|run| add(&mut whole.runs, run));
        whole.rejected.extend(more.rejected);
        whole.filtered += more.filtered;
        whole.blank += more.blank;
        whole.lines += more.lines;
        whole.bytes += more.bytes;
        whole.several.extend(more.several);
        whole.next = more.next;
    }
    whole
}

fn add(runs: &mut Vec<Run>, run: Run) {
    match runs.last_mut() {
        Some(last)
            if last.key == run.key
                && last.at.map(|at| at / 1_000_000_000) == run.at.map(|at| at / 1_000_000_000)
                && last.first + last.ends.len() as u64 == run.first =>
        {
            let start = last.payload.len() as u32;
            last.ends.extend(run.ends.iter().map(|end| start + end));
            last.payload.extend(run.payload);
        }
        _ => runs.push(run),
    }
}

pub(super) async fn joined(text: &[u8], source: &str, map: &str, framing: Framing) -> String {
    all(text, source, map, framing).await.runs.iter().map(text_of).collect()
}

pub(super) fn open(text: Vec<u8>, source: &str, map: &str, framing: Framing) -> Events {
    open_reader(std::io::Cursor::new(text), source, map, framing)
}

pub(super) fn open_reader(
    input: impl Read + Send + 'static,
    source: &str,
    map: &str,
    framing: Framing,
) -> Events {
    open_at(input, source, map, framing, Place::default(), None)
}

/// What is behind `place`, of whose line `begun` was taken.
pub(super) fn open_at(
    input: impl Read + Send + 'static,
    source: &str,
    map: &str,
    framing: Framing,
    place: Place,
    begun: Option<Begun>,
) -> Events {
    let source: SourceConfig = toml::from_str(&format!("type = 'stdin'\n{source}")).unwrap();
    let settings = source.settings().unwrap();
    let map: MapConfig = toml::from_str(map).unwrap();
    let map = map.settings(settings.codec).unwrap().map;
    let source = Source::from_reader("a test", input, settings.lines, place.start).unwrap();
    Events::new(source, shared(map), framing, place, begun).unwrap()
}

pub(super) fn text_of(run: &Run) -> String {
    String::from_utf8(run.payload.clone()).unwrap()
}

/// The events of runs: position, key and payload.
pub(super) fn events_of(runs: &[Run]) -> Vec<(u64, String, Vec<u8>)> {
    let events = |run: &Run| {
        let events = (run.first..).zip(run.payloads());
        events.map(|(at, payload)| (at, run.key.clone(), payload.to_vec())).collect::<Vec<_>>()
    };
    runs.iter().flat_map(events).collect()
}

/// Gives `chunk` bytes at a time.
pub(super) struct Chunks {
    pub(super) text: Vec<u8>,
    pub(super) at: usize,
    pub(super) chunk: usize,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let end = self.text.len().min(self.at + self.chunk.min(buffer.len()));
        let now = &self.text[self.at..end];
        buffer[..now.len()].copy_from_slice(now);
        self.at = end;
        Ok(now.len())
    }
}

pub(super) struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("disk on fire"))
    }
}
