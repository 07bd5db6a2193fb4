//! What became visible in a bucket, as whoever uses it reads it: whole events, each in one object.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use spillway_core::{ObjectSummary, Phase, Settings, Span};

use crate::bucket::Visible;
use crate::decode;

/// The objects that became visible, and those that may.
#[derive(Default)]
pub struct VisibleObjects {
    /// The objects that became visible, by name and first event. What replaced itself is there
    /// once.
    objects: BTreeMap<(u64, String), Seen>,
    /// In which of them an event is.
    places: BTreeMap<u64, String>,
    /// The objects that stored checkpoints allowed to become visible.
    allowed: BTreeSet<(String, u64, u64)>,
}

/// An object that became visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// The key of its events.
    pub key: String,
    /// Their positions.
    pub positions: Vec<u64>,
    /// Its bytes as they are stored.
    pub bytes: Bytes,
}

impl VisibleObjects {
    /// A checkpoint with these objects is stored: those that are committed may become visible.
    pub fn allow(&mut self, objects: &[ObjectSummary]) {
        let committed = objects.iter().filter(|object| object.phase == Phase::Committed);
        self.allowed.extend(committed.map(|ObjectSummary { span, .. }| {
            let Span { object_key: name, first, last, .. } = span;
            (name.clone(), *first, *last)
        }));
    }

    /// One more became visible.
    ///
    /// # Errors
    ///
    /// It is not whole, no stored checkpoint allows it, or another object holds one of its events.
    pub fn take_in(
        &mut self,
        settings: &Settings,
        source: &[(String, Bytes)],
        visible: &Visible,
    ) -> Result<Seen, String> {
        let seen = read(settings, source, &visible.key, &visible.object.bytes)?;
        let (first, last) = (seen.positions[0], seen.positions[seen.positions.len() - 1]);
        let what = format!("{:?} of {first}..={last}", seen.name);
        if !self.allowed.contains(&(seen.name.clone(), first, last)) {
            return Err(format!("{what} is visible, and no stored checkpoint covers it"));
        }
        let place = (first, seen.name.clone());
        if self.objects.get(&place).is_some_and(|known| *known == seen) {
            return Ok(seen);
        }
        for position in &seen.positions {
            if let Some(other) = self.places.insert(*position, seen.name.clone()) {
                return Err(format!("event {position} is in {other:?} as well as in {what}"));
            }
        }
        self.objects.insert(place, seen.clone());
        Ok(seen)
    }

    /// The objects, in the order of their events.
    pub fn iter(&self) -> impl Iterator<Item = &Seen> {
        self.objects.values()
    }

    /// Whether one of them holds the event.
    pub fn holds(&self, position: u64) -> bool {
        self.places.contains_key(&position)
    }
}

/// Reads an object: whole events of one key, all there are of it from the first to the last.
fn read(
    settings: &Settings,
    source: &[(String, Bytes)],
    name: &str,
    stored: &Bytes,
) -> Result<Seen, String> {
    let encoding = settings.upload.encoding;
    let bytes = decode::decompressed(encoding.compression, stored)
        .map_err(|error| format!("an object that no one can read: {error}"))?;
    let positions = positions(&bytes);
    let at = |position: &u64| source.get(usize::try_from(*position).ok()?);
    let events: Option<Vec<_>> = positions.iter().map(at).collect();
    let Some(events) = events.filter(|events| !events.is_empty()) else {
        return Err(format!("{name:?} holds what is in no source: {bytes:?}"));
    };
    let payloads: Vec<&[u8]> = events.iter().map(|(_, payload)| &payload[..]).collect();
    if decode::framed(encoding.framing, &payloads) != bytes {
        return Err(format!("{name:?} does not hold whole events: {bytes:?}"));
    }
    let key = events[0].0.clone();
    let range = positions[0]..=positions[positions.len() - 1];
    let all = range.filter(|position| at(position).is_some_and(|(k, _)| *k == key));
    // Objects of one key and several dates take turns.
    let is_dated = settings.names.template.to_string().contains("{date:");
    let is_whole = if is_dated { positions.is_sorted() } else { all.eq(positions.iter().copied()) };
    if !is_whole {
        return Err(format!("{name:?} has gaps, or another order: {positions:?}"));
    }
    Ok(Seen { name: name.to_owned(), key, positions, bytes: stored.clone() })
}

/// The positions of the events in these bytes.
fn positions(bytes: &[u8]) -> Vec<u64> {
    let mut positions = Vec::new();
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'<') {
        let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = &bytes[at + 1..at + 1 + digits];
        if bytes.get(at + 1 + digits.len()) == Some(&b':') {
            positions.extend(str::from_utf8(digits).ok().and_then(|text| text.parse::<u64>().ok()));
        }
    }
    positions
}
