//! How an object comes by a number that is free: by looking at a few, never by listing a bucket.

use crate::error::Error;
use crate::ids::UploadNumber;
use crate::names::{OnExisting, Stem};
use crate::notice::Level;
use crate::owner::Owner;
use crate::s3::{HeadObjectResult, Operation};
use crate::sink::Sink;
use crate::turns::Place;

/// What an object is called, and how it comes by that.
#[derive(Debug)]
pub(crate) struct Naming {
    stem: Stem,
    /// The number that it has, or that is looked at.
    number: u64,
    /// Whether that number is its own.
    is_named: bool,
    /// How it is looked for where it may be taken; nothing where the name is what it is.
    search: Option<Search>,
}

/// What HeadObject showed.
#[derive(Debug)]
pub(crate) enum Sight {
    /// This object.
    Found(HeadObjectResult),
    /// No object.
    Absent,
    /// Nothing: it is not allowed to look, or looking failed, and why.
    Unknown(String),
}

impl Naming {
    /// What a checkpoint keeps: what its name is made of.
    pub(crate) fn saved(&self) -> (&Stem, u64) {
        (&self.stem, self.number)
    }

    /// The same name again.
    pub(crate) fn resume(stem: Stem, number: u64, on_existing: OnExisting) -> Naming {
        let may_change = on_existing == OnExisting::Next && stem.is_numbered();
        Naming { search: may_change.then(Search::default), stem, number, is_named: true }
    }

    /// The name as far as it is known.
    pub(crate) fn name(&self) -> String {
        self.stem.name(self.number)
    }

    /// Whether the name is the object's own.
    pub(crate) fn is_named(&self) -> bool {
        self.is_named
    }

    /// Whether another number would do as well.
    pub(crate) fn may_change(&self) -> bool {
        self.search.is_some_and(|search| search.refusals < REFUSALS_MAX)
    }

    /// Takes in what there is under the number that was looked at.
    pub(crate) fn saw(&mut self, sight: &Sight) {
        if let Some(search) = &mut self.search {
            search.saw(self.number, sight);
        }
    }

    /// The store has another object of that name.
    pub(crate) fn refused(&mut self) {
        self.is_named = false;
        if let Some(search) = &mut self.search {
            search.refused(self.number);
        }
    }

    fn place(&self) -> Place {
        match self.is_named {
            true => Place::Name(self.name()),
            false => Place::Stem(self.stem.id()),
        }
    }
}

impl Sink {
    /// Names an object, as far as that needs no look into the bucket.
    pub(crate) fn name(&mut self, stem: Stem) -> Naming {
        let on_existing = self.settings.names.on_existing;
        let search = (on_existing == OnExisting::Next).then(Search::default);
        if !stem.is_numbered() {
            return Naming { stem, number: 0, is_named: true, search: None };
        }
        let id = stem.id();
        if search.is_some() && !self.sequences.knows(id) {
            return Naming { number: self.sequences.start(id), stem, is_named: false, search };
        }
        Naming { number: self.sequences.give(id, 0), stem, is_named: true, search }
    }

    /// Puts an upload into the queue of its name, or of those that have none yet. Returns who is
    /// first now in the one that it left.
    pub(crate) fn queue(&mut self, number: UploadNumber) -> Option<UploadNumber> {
        let place = self.uploads[&number].naming.place();
        self.turns.join(number, place)
    }

    /// Gives an upload a number, or the next one to look at. Returns who may look after it.
    pub(crate) fn number(&mut self, number: UploadNumber) -> Option<UploadNumber> {
        let Naming { stem, search, .. } = &self.uploads[&number].naming;
        let id = stem.id();
        let start = self.sequences.start(id);
        let is_known = self.sequences.knows(id);
        match search.unwrap_or_default().next(start, is_known) {
            Some(Candidate::Look(candidate)) => {
                self.change(number, |upload| {
                    upload.naming.number = candidate;
                    upload.look();
                    upload.outstanding += 1;
                });
                self.requests.add(Owner::Upload(number), Operation::HeadObject);
                None
            }
            Some(Candidate::Take(candidate)) => {
                let given = self.sequences.give(id, candidate);
                self.change(number, |upload| {
                    upload.naming.number = given;
                    upload.naming.is_named = true;
                    upload.named();
                });
                self.queue(number)
            }
            None => {
                let cause = format!(
                    "no number is left for `{}`: the store says of each that was looked for that \
                     it is taken; does it say so of any name?",
                    self.uploads[&number].span.object_key
                );
                self.change(number, |upload| upload.fail(Error::Denied(cause)));
                None
            }
        }
    }

    /// Somebody else's object has the name of this one, which gets another or fails with `cause`.
    pub(crate) fn taken(&mut self, number: UploadNumber, cause: Error) {
        let name = self.uploads[&number].span.object_key.clone();
        if !self.change(number, |upload| upload.rename()) {
            return self.fail(number, cause);
        }
        let message = format!("`{name}` exists; the object gets the next number that is free");
        self.report.notice(Level::Info, message);
        let first = self.queue(number);
        self.advance(number);
        if let Some(first) = first {
            self.advance(first);
        }
    }
}

/// Looks for a number that is free, in steps that double until one is, and then in halves between
/// the last that was taken and the first that was not. Numbers that were left out may be free as
/// well; any that is free will do, since the store has the last word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Search {
    /// The greatest number that is known to be taken.
    taken: Option<u64>,
    /// The least number above it that was seen to be free.
    free: Option<u64>,
    /// How often the steps have doubled.
    doublings: u32,
    /// Whether the last look showed nothing.
    is_dark: bool,
    /// Whether looking is of no use.
    is_blind: bool,
    /// How often the store had another object under a number that was thought free.
    refusals: u32,
}

/// What to do with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Candidate {
    /// Look whether it is taken.
    Look(u64),
    /// Take it.
    Take(u64),
}

impl Search {
    /// The next number from `start` on; nothing where there is none. Where numbers of that stem
    /// were given before, the first of them is not looked at: it was this sink that counted.
    fn next(&self, start: u64, is_known: bool) -> Option<Candidate> {
        Some(match (self.taken, self.free) {
            (None, None) if is_known => Candidate::Take(start),
            (None, None) => Candidate::Look(start),
            (None, Some(free)) => Candidate::Take(free),
            (Some(taken), Some(free)) if free - taken <= 1 => Candidate::Take(free),
            (Some(taken), Some(free)) => Candidate::Look(taken + (free - taken) / 2),
            (Some(taken), None) => {
                let candidate = taken.checked_add(1 << self.doublings)?.max(start);
                match self.is_blind {
                    true => Candidate::Take(candidate),
                    false => Candidate::Look(candidate),
                }
            }
        })
    }

    fn saw(&mut self, number: u64, sight: &Sight) {
        self.is_dark = matches!(sight, Sight::Unknown(_));
        match sight {
            Sight::Found(_) => self.is_taken(number),
            // Who may not list a bucket is told 403 of what is not there, too.
            Sight::Absent | Sight::Unknown(_) => self.free = Some(number),
        }
    }

    fn refused(&mut self, number: u64) {
        self.refusals += 1;
        self.is_blind |= self.is_dark;
        self.free = None;
        self.is_taken(number);
    }

    fn is_taken(&mut self, number: u64) {
        if self.taken.is_some() && self.free.is_none() {
            self.doublings = (self.doublings + 1).min(DOUBLINGS_MAX);
        }
        self.taken = Some(number);
    }
}

/// How often an object gets another number because the one before it was taken meanwhile.
const REFUSALS_MAX: u32 = 20;
/// Keeps the shift in range.
const DOUBLINGS_MAX: u32 = 62;

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Sight {
        Sight::Found(HeadObjectResult {
            size: 0,
            etag: None,
            checksums: Vec::new(),
            checksum_type: None,
            metadata: Vec::new(),
        })
    }

    /// The numbers that are looked at where those below `taken` are taken, and the one that is
    /// found.
    fn searched(taken: u64, start: u64) -> (Vec<u64>, u64) {
        let (mut search, mut looked_at) = (Search::default(), Vec::new());
        loop {
            match search.next(start, false).expect("numbers are left") {
                Candidate::Take(number) => return (looked_at, number),
                Candidate::Look(number) => {
                    looked_at.push(number);
                    let sight = if number < taken { found() } else { Sight::Absent };
                    search.saw(number, &sight);
                }
            }
        }
    }

    #[test]
    fn steps_double_and_then_halve() {
        assert_eq!(searched(0, 0), (vec![0], 0));
        assert_eq!(searched(1, 0), (vec![0, 1], 1));
        assert_eq!(searched(6, 0), (vec![0, 1, 3, 7, 5, 6], 6));
        assert_eq!(searched(6, 4), (vec![4, 5, 7, 6], 6), "from where this sink is");
    }

    #[test]
    fn a_million_objects_are_passed_in_a_few_looks() {
        for taken in (0..200).chain([1 << 20, (1 << 20) + 1, 999_999]) {
            let (looked_at, number) = searched(taken, 0);
            assert_eq!(number, taken);
            assert!(looked_at.len() <= 42, "{} looks for {taken}", looked_at.len());
        }
    }

    #[test]
    fn a_stem_that_is_known_is_not_looked_at() {
        assert_eq!(Search::default().next(5, true), Some(Candidate::Take(5)));
        let mut search = Search::default();
        search.refused(5);
        assert_eq!(search.next(6, true), Some(Candidate::Look(6)), "until it proves wrong");
    }

    #[test]
    fn who_cannot_see_goes_by_what_is_refused() {
        let mut search = Search::default();
        assert_eq!(search.next(0, false), Some(Candidate::Look(0)));
        search.saw(0, &Sight::Unknown("403".to_owned()));
        let mut tried = Vec::new();
        while tried.len() < 6 {
            let Some(Candidate::Take(number)) = search.next(0, false) else {
                panic!("{search:?} looks again");
            };
            tried.push(number);
            search.refused(number);
        }
        assert_eq!(tried, [0, 1, 3, 7, 15, 31]);
    }

    #[test]
    fn numbers_end() {
        let mut search = Search::default();
        search.refused(u64::MAX);
        assert_eq!(search.next(0, false), None);
    }
}
