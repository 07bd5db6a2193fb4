//! Feeds the lines to the sink, and accounts for every one of them.

use crate::arguments::Arguments;
use crate::bindings::spillway::sink::sink::Sink;
use crate::bindings::spillway::sink::types::{
    Boundaries, Ending, Error, Failure, Framing, Payload, Progress, Run,
};
use crate::input::{Input, Piece};
use crate::report::{Stop, explain, warn};

/// Stores standard input. Returns what was stored, as a sentence.
///
/// # Errors
///
/// What is wrong with the configuration, or why not every line is stored.
pub(crate) fn run(arguments: &Arguments) -> Result<String, Stop> {
    let sink = Sink::open(&arguments.config, None).map_err(|error| match error {
        Error::Invalid(problems) => {
            let from = arguments.config_from;
            let told = problems.iter().map(|p| format!("{from}: {}: {}", p.field, p.message));
            Stop::Usage(told.collect())
        }
        error => Stop::Failed(explain(&error)),
    })?;
    let mut feed = Feed { sink, key: &arguments.key, lines: 0, totals: Totals::default() };
    let fed = feed.all();
    // Whatever stopped the reading, what was accepted is stored.
    let closed = feed.sink.close(Ending::Complete);
    let closed = closed.map_err(|error| Stop::Failed(explain(&error)));
    let durable = match closed {
        Ok(progress) => feed.note(progress),
        Err(error) => return fed.and(Err(error)),
    };
    fed?;
    feed.totals.judge(feed.lines, durable)
}

struct Feed<'a> {
    sink: Sink,
    key: &'a str,
    /// How many lines were read, which is the position of the next.
    lines: u64,
    totals: Totals,
}

/// What became of the lines.
#[derive(Default)]
struct Totals {
    objects: u64,
    bytes: u64,
    rejected: u64,
    failed: u64,
}

impl Feed<'_> {
    fn all(&mut self) -> Result<(), Stop> {
        let mut input = Input::open();
        loop {
            match input.next().map_err(Stop::Failed)? {
                Piece::Lines(lines) => self.write(lines)?,
                Piece::Nothing => {}
                Piece::End => return Ok(()),
            }
            let progress = self.sink.poll().map_err(|error| Stop::Failed(explain(&error)))?;
            self.note(progress);
        }
    }

    fn write(&mut self, lines: Vec<u8>) -> Result<(), Stop> {
        let count = memchr::memchr_iter(b'\n', &lines).count() as u32;
        let run = Run {
            key: self.key.to_owned(),
            first: self.lines,
            at: None,
            payload: Payload::Bytes(lines),
            boundaries: Boundaries::Lines(count),
            framing: Framing::Newline,
        };
        let first = self.lines + 1;
        let rejections = self.sink.write(&[run]).map_err(|error| {
            Stop::Failed(format!("line {first} and what follows: {}", explain(&error)))
        })?;
        self.lines += u64::from(count);
        for rejection in rejections {
            self.totals.rejected += 1;
            if self.totals.rejected <= TOLD_MAX {
                warn(&format!(
                    "line {} was rejected: {}",
                    rejection.position + 1,
                    rejection.reason
                ));
            }
        }
        Ok(())
    }

    /// Takes in what the sink reports, and returns how far it has come.
    fn note(&mut self, progress: Progress) -> u64 {
        progress.notices.iter().for_each(|notice| warn(&notice.message));
        self.totals.objects += progress.visible.len() as u64;
        self.totals.bytes += progress.visible.iter().map(|object| object.bytes).sum::<u64>();
        for Failure { object_key, first, last, events, cause, .. } in &progress.failed {
            self.totals.failed += events;
            warn(&format!(
                "the object {object_key} was not stored ({events} events of lines {} to {}): {}",
                first + 1,
                last + 1,
                explain(cause)
            ));
        }
        progress.durable
    }
}

impl Totals {
    /// Whether every line is stored: `durable` is how far the sink says that it has come.
    fn judge(self, lines: u64, durable: u64) -> Result<String, Stop> {
        let Totals { objects, bytes, rejected, failed } = self;
        let mut wrong = Vec::new();
        for (count, what) in [(rejected, "were rejected"), (failed, "could not be stored")] {
            wrong.extend((count > 0).then(|| format!("{count} of {lines} lines {what}")));
        }
        if durable < lines {
            wrong.push(format!(
                "the sink does not say that lines {} to {lines} are stored",
                durable + 1
            ));
        }
        if !wrong.is_empty() {
            return Err(Stop::Failed(wrong.join("; ")));
        }
        Ok(format!("{lines} lines are stored: {objects} objects, {bytes} bytes\n"))
    }
}

/// Further rejections are counted.
const TOLD_MAX: u64 = 100;
