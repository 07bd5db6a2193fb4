//! The events of a run, and runs made of some of them.

use std::borrow::Cow;
use std::ops::Range;

use crate::bindings::spillway::sink::types::{Boundaries, Error, Framing, Payload, Problem, Run};

/// The events of a run.
pub(crate) struct Events<'a> {
    bytes: &'a [u8],
    ends: Cow<'a, [u32]>,
    framing: Framing,
}

impl<'a> Events<'a> {
    /// Finds where the events of a run end.
    ///
    /// # Errors
    ///
    /// `invalid` where the boundaries are not those of the payload.
    pub(crate) fn of(run: &'a Run) -> Result<Events<'a>, Error> {
        let bytes = match &run.payload {
            Payload::Bytes(bytes) => bytes.as_slice(),
            Payload::Text(text) => text.as_bytes(),
        };
        let (ends, count) = match &run.boundaries {
            Boundaries::At(ends) => (Cow::Borrowed(ends.as_slice()), ends.len()),
            Boundaries::Lines(count) => {
                let ends = memchr::memchr_iter(b'\n', bytes).map(|at| at as u32 + 1);
                (ends.collect(), *count as usize)
            }
        };
        let is_whole = ends.len() == count
            && ends.is_sorted()
            && ends.last().map_or(0, |end| *end as usize) == bytes.len();
        if !is_whole {
            let message = format!("the run at position {} has other boundaries", run.first);
            return Err(Error::Invalid(vec![Problem { field: "batch".to_owned(), message }]));
        }
        Ok(Events { bytes, ends, framing: run.framing })
    }

    pub(crate) fn count(&self) -> usize {
        self.ends.len()
    }

    /// An event, without what separates it from the next.
    pub(crate) fn event(&self, index: usize) -> &'a [u8] {
        let Range { start, end } = bytes(&self.ends, index..index + 1);
        let framed = &self.bytes[start..end];
        match self.framing {
            Framing::Newline => framed.strip_suffix(b"\n").unwrap_or(framed),
            Framing::Bare => framed,
        }
    }

    pub(crate) fn into_ends(self) -> Vec<u32> {
        self.ends.into_owned()
    }
}

/// The events of a run that go on, as ranges of neighbours with one key.
#[derive(Default)]
pub(crate) struct Pieces(Vec<(Range<usize>, Option<String>)>);

impl Pieces {
    /// The event at `index` goes on, with another key if there is one. Indices rise.
    pub(crate) fn add(&mut self, index: usize, key: Option<String>) {
        match self.0.last_mut() {
            Some((events, last)) if events.end == index && *last == key => events.end += 1,
            _ => self.0.push((index..index + 1, key)),
        }
    }

    /// A run for each of them. A run that goes on as a whole is not copied.
    pub(crate) fn runs(self, mut run: Run, ends: &[u32]) -> Vec<Run> {
        let is_whole = |events: &Range<usize>| *events == (0..ends.len());
        if matches!(self.0.as_slice(), [(events, _)] if is_whole(events)) {
            run.key = self.0.into_iter().find_map(|(_, key)| key).unwrap_or(run.key);
            return vec![run];
        }
        self.0.into_iter().map(|(events, key)| part(&run, ends, events, key)).collect()
    }
}

/// Some events of a run, as a run of their own.
fn part(run: &Run, ends: &[u32], events: Range<usize>, key: Option<String>) -> Run {
    let range = bytes(ends, events.clone());
    let payload = match &run.payload {
        Payload::Bytes(bytes) => Payload::Bytes(bytes[range.clone()].to_vec()),
        Payload::Text(text) => match text.get(range.clone()) {
            Some(text) => Payload::Text(text.to_owned()),
            // Events of a text may end within a character.
            None => Payload::Bytes(text.as_bytes()[range.clone()].to_vec()),
        },
    };
    let boundaries = match &run.boundaries {
        Boundaries::At(ends) => {
            let ends = ends[events.clone()].iter().map(|end| end - range.start as u32);
            Boundaries::At(ends.collect())
        }
        Boundaries::Lines(_) => Boundaries::Lines(events.len() as u32),
    };
    Run {
        key: key.unwrap_or_else(|| run.key.clone()),
        first: run.first + events.start as u64,
        at: run.at,
        payload,
        boundaries,
        framing: run.framing,
    }
}

/// Where events lie in the payload.
fn bytes(ends: &[u32], events: Range<usize>) -> Range<usize> {
    let before = |index: usize| index.checked_sub(1).map_or(0, |before| ends[before] as usize);
    before(events.start)..before(events.end)
}
