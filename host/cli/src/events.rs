//! The events of a source, mapped and grouped into batches for a sink.

mod line_place;
mod mapper;
mod open;
mod work;

use std::sync::Arc;

use self::mapper::{Mapper, Rest};
use self::open::OpenBatch;
use self::work::Work;
use crate::batch::{Framing, Run};
use crate::map::Map;
use crate::place::{Begun, LineStarts, Place, Several};
use crate::source::{LineSettings, Note, SharedStats, Source, SourceError};

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
    /// Whether another source is read for a while.
    is_elsewhere: bool,
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
    /// The keys of the records that its lines are, where they are kept, each with how many lines
    /// the input has before its own.
    pub keys: Vec<(u64, Vec<u8>)>,
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

impl Batch {
    /// The key of the record that the line behind so many lines is, if it has one and keys are
    /// kept.
    pub fn key(&self, lines_before: u64) -> Option<&[u8]> {
        let index = self.keys.binary_search_by_key(&lines_before, |(line, _)| *line).ok()?;
        Some(&self.keys[index].1)
    }
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
    /// There is no thread for the map.
    pub fn new(
        source: Source,
        map: Arc<Map>,
        framing: Framing,
        place: Place,
        begun: Option<Begun>,
    ) -> Result<Events, SourceError> {
        let mapper = Mapper { map, framing, lines: source.lines() };
        let work = Work::new(mapper, source.is_one_of_many());
        let work = work.map_err(|source| SourceError::MapThread { source })?;
        Ok(Events { source, framing, work, rest: None, place, begun, is_elsewhere: false })
    }

    /// The next batch; nothing at the end of the input. Cancel safe.
    ///
    /// Waits until there is at least one line, and then takes what was read already: about 1 MiB at
    /// most, and more only if the first event is. A batch may be without runs, and may end between
    /// two events of a line. The first piece of the batch behind it is being mapped when this
    /// returns, if it was read already.
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
            self.begin(rest);
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
                    let mut open = filled.open;
                    // A batch may have no line, but what is to be known of files.
                    self.begun = open.begun.take();
                    let batch = open.close()?;
                    self.place = batch.next;
                    self.go_ahead();
                    return Ok(Some(batch));
                }
            }
        }
    }

    /// Begins a batch.
    fn begin(&mut self, rest: Rest) {
        let open = OpenBatch::new(self.framing, self.place, self.begun.take());
        self.work.begin(open, rest);
    }

    /// Begins the next batch, if that is done beside the task. Of another source than its own it is
    /// not known how much will be asked for.
    fn go_ahead(&mut self) {
        if !self.work.is_beside() || self.is_elsewhere {
            return;
        }
        let rest = self.rest.take().or_else(|| self.source.try_next().map(Rest::from));
        if let Some(rest) = rest {
            self.begin(rest);
        }
    }

    /// How many bytes of a last line were left, since it has no line feed yet.
    pub fn left(&self) -> u64 {
        self.source.left()
    }

    /// The numbers of the files that are followed, as of the last second.
    pub(crate) fn files(&self) -> SharedStats {
        self.source.files()
    }

    /// How lines are found.
    pub(crate) fn lines(&self) -> LineSettings {
        self.source.lines()
    }

    /// Goes on with the lines of another source from `place` on, where a line begins, and returns
    /// what it had and [goes back](Events::go_back) to. This is for before the first batch.
    pub(crate) fn read(&mut self, source: Source, place: Place) -> Before {
        self.is_elsewhere = true;
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
        (self.rest, self.is_elsewhere) = (None, false);
    }

    /// How much there is to read, in bytes, if that is known.
    pub fn input_bytes(&self) -> Option<u64> {
        self.source.input_bytes()
    }
}

#[cfg(test)]
mod tests;
