//! How far the sink has taken the input, and what has ended since the last checkpoint.

use std::collections::HashSet;

use super::Checkpoints;
use super::runs::{end, payload};
use crate::batch::ends;
use crate::events::Batch;
use crate::layout::Layout;
use crate::place::{Begun, LineStart, Place};
use crate::source::{FileMark, Ledger, Note};
use spillway::contract::{Progress, Run};

/// How far the sink has taken the input, and what has ended since the last checkpoint.
pub(super) struct Taken {
    /// Everything before it was taken or dealt with.
    place: Place,
    /// What was taken of the line in which `taken` lies, if it does, and how many lines are before
    /// that.
    begun: Option<(u64, Begun)>,
    /// The position behind the last event that the sink took, which may lie in the midst of a
    /// batch.
    taken: u64,
    /// Whether a checkpoint should be taken without waiting for its time.
    pub(super) is_due: bool,
    /// The positions of the first events of objects that became visible, or failed, since the sink
    /// was last asked for its state.
    pub(super) ended: HashSet<u64>,
    /// How far each file is read, where the source is many.
    files: Ledger,
}

impl Taken {
    pub(super) fn new(checkpoints: &Checkpoints) -> Taken {
        let Checkpoints { place, resumed, .. } = checkpoints;
        let begun = resumed.as_ref().and_then(|resumed| resumed.source.begun.clone());
        Taken {
            place: *place,
            begun: begun.map(|begun| (place.start.line, begun)),
            taken: place.next_position(),
            is_due: resumed.as_ref().is_none_or(|resumed| resumed.state.is_empty()),
            ended: HashSet::new(),
            files: Ledger::new(checkpoints.files(), checkpoints.has_looked()),
        }
    }

    /// What was taken of the line that is not taken whole.
    pub(super) fn begun(&self) -> Option<Begun> {
        self.begun.as_ref().map(|(_, begun)| begun.clone())
    }

    /// What is to be known of files, behind what was taken.
    pub(super) fn add(&mut self, note: Note) {
        self.files.add(note);
    }

    /// The sink took these runs of a batch.
    pub(super) fn took(&mut self, runs: &[Run], batch: &Batch, layout: &Layout) {
        let Some(last) = runs.last() else { return };
        self.taken = end(last);
        let LineStart { line, position } = layout.line_start(self.taken);
        let begins_before = self.place.start.line == line;
        let start = batch.starts.start(line).or(begins_before.then_some(self.place.start));
        if let Some(start) = start {
            self.place = Place { start, position, taken: self.taken - position };
            self.files.advance_to(start);
        }
        let before = self.begun.take();
        if position == self.taken {
            return;
        }
        let mut begun = match before {
            Some((of, begun)) if of == line => begun,
            _ => {
                let index = batch.several.binary_search_by_key(&line, |several| several.line);
                Begun::at(index.ok().and_then(|index| batch.several[index].now))
            }
        };
        let from = position + begun.events;
        for run in runs {
            let from = usize::try_from(from.saturating_sub(run.first)).unwrap_or(usize::MAX);
            (from..ends(run).len()).for_each(|index| begun.add(&run.key, payload(run, index)));
        }
        debug_assert_eq!(position + begun.events, self.taken);
        self.begun = Some((line, begun));
    }

    /// Everything before this place was taken or dealt with.
    pub(super) fn advance_to(&mut self, place: Place) {
        (self.place, self.taken) = (place, place.next_position());
        self.files.advance_to(place.start);
        if place.taken == 0 {
            self.begun = None;
        }
    }

    pub(super) fn note(&mut self, progress: &Progress) {
        self.ended.extend(progress.visible.iter().map(|object| object.first));
        self.ended.extend(progress.failed.iter().map(|failure| failure.begun));
        // Set aside, an event is out of the state only once there is another.
        self.is_due |= progress.wants_checkpoint || !progress.failed.is_empty();
    }

    /// Where the next run has to begin.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Whether all files were looked at before.
    pub(super) fn has_looked(&self) -> bool {
        self.files.has_looked()
    }

    /// How far each file is read there.
    pub(super) fn files(&self) -> Vec<FileMark> {
        self.files.marks(self.begun.is_some())
    }
}
