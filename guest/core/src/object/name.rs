//! What an object is called, and how it comes by a number that is free.

use std::fmt;

use crate::naming::{Candidate, Look, OnExisting, Search, Sequences, Stem, StemId};
use crate::s3::HeadObjectResult;

/// What an object is called, and how it comes by that.
#[derive(Debug)]
pub(crate) struct ObjectName {
    stem: Stem,
    /// The number that it has, or that is looked at.
    number: u64,
    /// Whether that number is its own.
    is_final: bool,
    /// How it is looked for where it may be taken; nothing where the name is what it is.
    search: Option<Search>,
}

/// What HeadObject showed.
#[derive(Debug)]
pub(crate) enum HeadOutcome {
    /// This object.
    Found(HeadObjectResult),
    /// No object.
    NotFound,
    /// Nothing: it is not allowed to look, or looking failed, and why.
    Unknown(String),
}

/// What objects are queued by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// This name.
    Name(String),
    /// What their names begin with, while their numbers are not known.
    Stem(StemId),
}

impl ObjectName {
    /// A name, as far as no look into the bucket is needed for it.
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

    /// The same name again.
    pub(crate) fn resume(stem: Stem, number: u64, on_existing: OnExisting) -> ObjectName {
        let may_change = on_existing == OnExisting::Next && stem.is_numbered();
        ObjectName { search: may_change.then(Search::default), stem, number, is_final: true }
    }

    /// What a checkpoint keeps: what its name is made of.
    pub(crate) fn saved(&self) -> (&Stem, u64) {
        (&self.stem, self.number)
    }

    /// What it shares with the objects that differ from it by their numbers only.
    pub(crate) fn stem(&self) -> &Stem {
        &self.stem
    }

    /// Whether the name is the object's own.
    pub(crate) fn is_final(&self) -> bool {
        self.is_final
    }

    /// Whether another number would do as well.
    pub(crate) fn may_change(&self) -> bool {
        self.search.is_some_and(|search| search.may_go_on())
    }

    /// The next number to look at or to take; nothing where there is none.
    pub(crate) fn next(&self, sequences: &Sequences) -> Option<Candidate> {
        let id = self.stem.id();
        self.search.unwrap_or_default().next(sequences.start(id), sequences.knows(id))
    }

    /// What it is queued by.
    pub(crate) fn place(&self) -> Place {
        match self.is_final {
            true => Place::Name(self.to_string()),
            false => Place::Stem(self.stem.id()),
        }
    }

    /// This number is looked at.
    pub(super) fn look_at(&mut self, number: u64) {
        self.number = number;
    }

    /// This number is its own.
    pub(super) fn take(&mut self, number: u64) {
        (self.number, self.is_final) = (number, true);
    }

    /// Takes in what there is under the number that was looked at.
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

    /// The store has another object of that name.
    pub(super) fn refused(&mut self) {
        self.is_final = false;
        if let Some(search) = &mut self.search {
            search.refused(self.number);
        }
    }
}

/// The name as far as it is known.
impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stem.name(self.number))
    }
}
