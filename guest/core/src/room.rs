//! Whether a batch can be taken whole, where what is held waits for commits.

use std::collections::BTreeSet;

use crate::framing::Run;
use crate::ids::UploadNumber;
use crate::settings::Commit;
use crate::sink::{ENDING_MAX, Sink};
use crate::upload::Upload;

/// What a batch needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Bytes of memory, at most.
    bytes: u64,
    /// The open objects that it goes on with.
    own: BTreeSet<UploadNumber>,
}

/// What becomes of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It can be taken, as far as commits are concerned.
    Take,
    /// It does not fit, and may once requests are answered.
    Wait,
    /// It does not fit before a checkpoint is committed.
    Busy,
}

impl Sink {
    /// What these runs need.
    pub fn need(&self, runs: &[Run]) -> Need {
        let encoding = self.settings.encoding;
        let (mut own, mut new) = (BTreeSet::new(), BTreeSet::new());
        for run in runs {
            let moment = self.moment(run);
            match self.open.get(run.key(), moment) {
                Some(number) => _ = own.insert(number),
                None => _ = new.insert((run.key(), moment.dates())),
            }
        }
        // Each new object takes a compressor, and no more of them are open than there may be.
        let compressors = new.len().min(self.settings.max_open_objects) as u64;
        let bytes = runs.iter().map(|run| encoding.bytes_max(run)).sum::<u64>();
        Need { bytes: bytes + compressors * encoding.memory_bytes(), own }
    }

    /// Whether a batch can be taken. What only time or answers can clear is waited for; what needs
    /// a commit is not, since nobody could commit meanwhile. A batch larger than all memory is
    /// taken once nothing else is in the way.
    pub fn admission(&self, need: &Need) -> Admission {
        let ending = self.uploads.len() - self.open.len();
        let fits = self.held + need.bytes <= self.settings.memory_bytes_max && ending < ENDING_MAX;
        if self.settings.commit == Commit::Sealed || fits {
            Admission::Take
        } else if !self.requests.is_empty() {
            Admission::Wait
        } else if self.waits_for_commit() || !self.in_the_way(need).is_empty() {
            Admission::Busy
        } else {
            Admission::Take
        }
    }

    /// Whether so much waits for a commit that a checkpoint should be taken now.
    pub fn wants_checkpoint(&self) -> bool {
        let waiting = || self.uploads.values().filter(|upload| upload.waits_for_commit());
        self.settings.commit == Commit::Checkpointed
            && (waiting().map(Upload::held).sum::<u64>() > self.settings.memory_bytes_max / 2
                || waiting().count() > ENDING_MAX / 2)
    }

    /// Seals open objects, so that the next commit makes room for a batch. Each commit costs a
    /// checkpoint of all that is held: so where room is wanting, half of the memory becomes free at
    /// once.
    pub(crate) fn make_room_for(&mut self, need: &Need) {
        let in_the_way = self.in_the_way(need);
        let mut stays: u64 = in_the_way.iter().map(|(_, bytes)| bytes).sum();
        let memory = self.settings.memory_bytes_max;
        if stays + need.bytes <= memory {
            return;
        }
        for (number, bytes) in in_the_way {
            if stays + need.bytes <= memory / 2 {
                break;
            }
            stays -= bytes;
            self.seal(number);
        }
    }

    /// The open objects that hold bytes which only further events would send, and how many. Those
    /// that the batch goes on with come last, and the one that was written to the longest ago
    /// first.
    fn in_the_way(&self, need: &Need) -> Vec<(UploadNumber, u64)> {
        let sizes = self.settings.cutting().sizes;
        let idle = |number| (number, self.uploads[&number].idle(sizes));
        let holding = self.open.least_recent().map(idle).filter(|(_, bytes)| *bytes > 0);
        let (own, mut others): (Vec<_>, Vec<_>) =
            holding.partition(|(number, _)| need.own.contains(number));
        others.extend(own);
        others
    }
}
