//! The events of a source, mapped and grouped into batches for a sink.

mod mapper;
mod work;

use self::mapper::{Mapper, OpenBatch, Rest};
use self::work::Work;
use crate::batch::{Framing, Run};
use crate::map::Map;
use crate::source::{LineSettings, Source, SourceError};

/// The events of a source, batch by batch.
pub struct Events {
    source: Source,
    framing: Framing,
    work: Work,
    /// What the last batch left of the piece that it ended in.
    rest: Option<Rest>,
}

/// What a stretch of the input became.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The events, in the order of the input.
    pub runs: Vec<Run>,
    /// The lines that cannot become events, in the order of the input.
    pub rejected: Vec<Rejected>,
    /// How many lines the payload's expression filtered out.
    pub filtered: u64,
    /// How many lines were passed over because they are blank.
    pub blank: u64,
    /// How many lines there are, of whatever fate.
    pub lines: u64,
    /// How many bytes of the input they are, line ends included.
    pub bytes: u64,
    /// Position of the line after them.
    pub next_position: u64,
    /// How many bytes the input has before that line: where to start again.
    pub next_offset: u64,
}

/// A line that cannot become an event.
#[derive(Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Position of the line: how many lines the input has before it.
    pub position: u64,
    /// Why.
    pub reason: String,
    /// The line without its line end; of a line over the limit only how it begins (1 KiB).
    pub line: Vec<u8>,
    /// How long the line is, in bytes: more than `line` holds if that is only its beginning.
    pub line_bytes: u64,
}

impl Events {
    /// The events that `map` makes of `source`, in runs with this framing.
    ///
    /// # Errors
    ///
    /// The map has an expression, and there is no thread for it.
    pub fn new(source: Source, map: Map, framing: Framing) -> Result<Events, SourceError> {
        let work = Work::new(Mapper { map, framing, lines: source.lines() });
        let work = work.map_err(|source| SourceError::MapThread { source })?;
        Ok(Events { source, framing, work, rest: None })
    }

    /// The next batch; nothing at the end of the input. Cancel safe.
    ///
    /// Waits until there is at least one line, and then takes what was read already: about 1 MiB at
    /// most, and more only if the first line is. A batch may be without runs.
    ///
    /// # Errors
    ///
    /// Reading failed. All lines before were returned.
    pub async fn next(&mut self) -> Result<Option<Batch>, SourceError> {
        if !self.work.is_busy() {
            if self.rest.is_none() {
                // Nothing is in hand that could be lost by waiting.
                self.rest = self.source.next().await?.map(Rest::from);
            }
            let Some(rest) = self.rest.take() else { return Ok(None) };
            self.work.begin(OpenBatch::new(self.framing), rest);
        }
        loop {
            let filled = self.work.done().await;
            if let Some(block) = filled.spare {
                self.source.recycle(block);
            }
            self.rest = filled.rest;
            if self.rest.is_some() {
                return Ok(Some(filled.open.close()));
            }
            match self.source.try_next() {
                Some(piece) => self.work.begin(filled.open, Rest::from(piece)),
                None => return Ok(Some(filled.open.close())),
            }
        }
    }

    /// How many bytes of a last line were left, since it has no line feed yet.
    pub fn left(&self) -> u64 {
        self.source.left()
    }

    /// How lines are found.
    pub(crate) fn lines(&self) -> LineSettings {
        self.source.lines()
    }

    /// Goes on with the lines of another source, and returns the one that it had. What was read of
    /// that, and not returned, is lost; so this is for between two batches, and before the first.
    pub(crate) fn read(&mut self, source: Source) -> Source {
        self.rest = None;
        std::mem::replace(&mut self.source, source)
    }

    /// How much there is to read, in bytes, if that is known.
    pub fn input_bytes(&self) -> Option<u64> {
        self.source.input_bytes()
    }
}

#[cfg(test)]
mod tests;
