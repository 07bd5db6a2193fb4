//! The events of a source, mapped and grouped into batches for a sink.

mod mapper;
mod work;

use std::sync::{Arc, Mutex};

use self::mapper::{Mapper, OpenBatch, Rest};
use self::work::Work;
use crate::batch::{Framing, Run};
use crate::map::Map;
use crate::place::{Begun, LineStarts, Place, Several};
use crate::source::{FileStats, LineSettings, Note, Source, SourceError};

/// The events of a source, batch by batch.
pub struct Events {
    source: Source,
    framing: Framing,
    work: Work,
    /// What the last batch left of the piece that it ended in.
    rest: Option<Rest>,
    /// Where the next batch begins.
    place: Place,
    /// The events of the first line that an earlier run has taken.
    begun: Option<Begun>,
}

/// What a stretch of the input became.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The events, in the order of the input.
    pub runs: Vec<Run>,
    /// The lines that cannot become events, in the order of the input.
    pub rejected: Vec<Rejected>,
    /// The lines that have several events, in the order of the input.
    pub several: Vec<Several>,
    /// Where its lines begin.
    pub starts: LineStarts,
    /// What is to be known of the files that they are of.
    pub notes: Vec<Note>,
    /// How many lines the expressions filtered out.
    pub filtered: u64,
    /// How many lines were passed over because they are blank.
    pub blank: u64,
    /// How many lines begin in it, of whatever fate.
    pub lines: u64,
    /// How many bytes of the input they are, line ends included.
    pub bytes: u64,
    /// Where it ends, and the next one begins.
    pub next: Place,
}

/// A line that cannot become an event.
#[derive(Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Position that its first event would have.
    pub position: u64,
    /// How many lines the input has before it.
    pub lines_before: u64,
    /// Why.
    pub reason: String,
    /// The line without its line end; of a line over the limit only how it begins (1 KiB).
    pub line: Vec<u8>,
    /// How long the line is, in bytes: more than `line` holds if that is only its beginning.
    pub line_bytes: u64,
}

/// What was to be read before something else was.
pub(crate) struct Before {
    source: Source,
    place: Place,
    begun: Option<Begun>,
}

/// A map that any number of [`Events`] share, one after the other.
pub fn shared(mut map: Map) -> Arc<Map> {
    work::prepare(&mut map);
    Arc::new(map)
}

impl Events {
    /// The events that `map`, which is [`shared`], makes of `source`, in runs with this framing.
    /// The source begins with the line of `place`, of which `begun` was taken before.
    ///
    /// # Errors
    ///
    /// The map has an expression, and there is no thread for it.
    pub fn new(
        source: Source,
        map: Arc<Map>,
        framing: Framing,
        place: Place,
        begun: Option<Begun>,
    ) -> Result<Events, SourceError> {
        let work = Work::new(Mapper { map, framing, lines: source.lines() });
        let work = work.map_err(|source| SourceError::MapThread { source })?;
        Ok(Events { source, framing, work, rest: None, place, begun })
    }

    /// The next batch; nothing at the end of the input. Cancel safe.
    ///
    /// Waits until there is at least one line, and then takes what was read already: about 1 MiB at
    /// most, and more only if the first event is. A batch may be without runs, and may end between
    /// two events of a line.
    ///
    /// # Errors
    ///
    /// Reading failed, or the first line has other events than when some of it were taken. All
    /// lines before were returned.
    pub async fn next(&mut self) -> Result<Option<Batch>, SourceError> {
        if !self.work.is_busy() {
            if self.rest.is_none() {
                // Nothing is in hand that could be lost by waiting.
                self.rest = self.source.next().await?.map(Rest::from);
            }
            let Some(rest) = self.rest.take() else { return Ok(None) };
            let open = OpenBatch::new(self.framing, self.place, self.begun.take());
            self.work.begin(open, rest);
        }
        loop {
            let filled = self.work.done().await;
            if let Some(block) = filled.spare {
                self.source.recycle(block);
            }
            self.rest = filled.rest;
            let is_over = self.rest.is_some() || filled.open.is_changed();
            match if is_over { None } else { self.source.try_next() } {
                Some(piece) => self.work.begin(filled.open, Rest::from(piece)),
                None => {
                    let batch = filled.open.close()?;
                    self.place = batch.next;
                    return Ok(Some(batch));
                }
            }
        }
    }

    /// How many bytes of a last line were left, since it has no line feed yet.
    pub fn left(&self) -> u64 {
        self.source.left()
    }

    /// The numbers of the files that are followed, as of the last second.
    pub(crate) fn files(&self) -> Arc<Mutex<Vec<FileStats>>> {
        self.source.files()
    }

    /// How lines are found.
    pub(crate) fn lines(&self) -> LineSettings {
        self.source.lines()
    }

    /// Goes on with the lines of another source from `place` on, where a line begins, and returns
    /// what it had and [goes back](Events::go_back) to. This is for before the first batch.
    pub(crate) fn read(&mut self, source: Source, place: Place) -> Before {
        Before {
            source: std::mem::replace(&mut self.source, source),
            place: std::mem::replace(&mut self.place, place),
            begun: self.begun.take(),
        }
    }

    /// Goes on with what was before another source was [read](Events::read). What was read of that,
    /// and not returned, is lost.
    pub(crate) fn go_back(&mut self, before: Before) {
        let Before { source, place, begun } = before;
        (self.source, self.place, self.begun) = (source, place, begun);
        self.rest = None;
    }

    /// How much there is to read, in bytes, if that is known.
    pub fn input_bytes(&self) -> Option<u64> {
        self.source.input_bytes()
    }
}

#[cfg(test)]
mod tests;
