//! The name of an object, and the search for a free number.

use std::fmt;

use crate::naming::{Candidate, Look, OnExisting, Search, Sequences, Stem, StemId};
use crate::s3::HeadObjectResult;

/// The name of an object, or the search for one.
#[derive(Debug)]
pub(crate) struct ObjectName {
    stem: Stem,
    /// The object's number, or the number that is being looked up.
    number: u64,
    /// Whether `number` is the object's number.
    is_final: bool,
    /// The search for another number, if the name may be taken. `None` if the name is fixed.
    search: Option<Search>,
}

/// The result of HeadObject.
#[derive(Debug)]
pub(crate) enum HeadOutcome {
    /// There is an object.
    Found(HeadObjectResult),
    /// There is no object.
    NotFound,
    /// HeadObject was denied or failed, with the reason.
    Unknown(String),
}

/// The key of a queue of objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// Objects with this name.
    Name(String),
    /// Objects without a number, by the stem of their names.
    Stem(StemId),
}

impl ObjectName {
    /// A name that needs no lookup, or the start of a search.
    pub(crate) fn begin(
        stem: Stem,
        on_existing: OnExisting,
        sequences: &mut Sequences,
    ) -> ObjectName {
        let search = (on_existing == OnExisting::Next).then(Search::default);
        if !stem.is_numbered() {
            return ObjectName { stem, number: 0, is_final: true, search: None };
        }
        let id = stem.id();
        if search.is_some() && !sequences.knows(id) {
            return ObjectName { number: sequences.start(id), stem, is_final: false, search };
        }
        ObjectName { number: sequences.allocate(id, 0), stem, is_final: true, search }
    }

    /// Restores a saved name.
    pub(crate) fn resume(stem: Stem, number: u64, on_existing: OnExisting) -> ObjectName {
        let may_change = on_existing == OnExisting::Next && stem.is_numbered();
        ObjectName { search: may_change.then(Search::default), stem, number, is_final: true }
    }

    /// The stem and the number, for a checkpoint.
    pub(crate) fn saved(&self) -> (&Stem, u64) {
        (&self.stem, self.number)
    }

    /// The stem, which it shares with objects that differ in their number only.
    pub(crate) fn stem(&self) -> &Stem {
        &self.stem
    }

    /// Whether the name is known.
    pub(crate) fn is_final(&self) -> bool {
        self.is_final
    }

    /// Whether the object may get another number.
    pub(crate) fn may_change(&self) -> bool {
        self.search.is_some_and(|search| search.may_go_on())
    }

    /// The next number to look up or to use. `None` if there is none.
    pub(crate) fn next(&self, sequences: &Sequences) -> Option<Candidate> {
        let id = self.stem.id();
        self.search.unwrap_or_default().next(sequences.start(id), sequences.knows(id))
    }

    /// The queue that the object belongs to.
    pub(crate) fn place(&self) -> Place {
        match self.is_final {
            true => Place::Name(self.to_string()),
            false => Place::Stem(self.stem.id()),
        }
    }

    /// Records that this number is being looked up.
    pub(super) fn look_at(&mut self, number: u64) {
        self.number = number;
    }

    /// Sets the object's number.
    pub(super) fn take(&mut self, number: u64) {
        (self.number, self.is_final) = (number, true);
    }

    /// Records the result of a lookup.
    pub(super) fn on_head(&mut self, outcome: &HeadOutcome) {
        let look = match outcome {
            HeadOutcome::Found(_) => Look::Taken,
            HeadOutcome::NotFound => Look::Free,
            HeadOutcome::Unknown(_) => Look::Unknown,
        };
        if let Some(search) = &mut self.search {
            search.looked(self.number, look);
        }
    }

    /// Records that another object has the name.
    pub(super) fn refused(&mut self) {
        self.is_final = false;
        if let Some(search) = &mut self.search {
            search.refused(self.number);
        }
    }
}

/// The name, as far as it is known.
impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stem.name(self.number))
    }
}
